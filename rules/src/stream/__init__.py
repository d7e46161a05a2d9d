"""Rules: streams: leader, redundancy, storage and progress."""

from rules.src.model import Group, RuleFile
from rules.src.stream import availability, capacity, divergence, progress, replicas

STREAM = Group(
    name="jetstream-stream",
    interval="30s",
    rules=(
        *availability.RULES,
        *replicas.ALERTS,
        *divergence.ALERTS,
        *capacity.ALERTS,
        *progress.ALERTS,
    ),
)

FILE = RuleFile(
    subject="stream",
    comment=(
        "These rules are about streams: leader, redundancy, storage and progress. None of them "
        'fires for a stream whose metadata `io.jetstream-exporter.monitor` is "false" '
        "(jetstream_stream_monitoring_enabled 0)."
    ),
    groups=(STREAM,),
)
