"""Pieces of PromQL that several expressions share, by the name of their placeholder."""

from __future__ import annotations

from rules.src.model import IDENTITY

LABELS = {scope: ", ".join(labels) for scope, labels in IDENTITY.items()}


def _unless_excluded(scope: str) -> str:
    """Leaves out the objects whose metadata say io.jetstream-exporter.monitor: "false"."""
    labels = LABELS[scope]
    return f"unless on ({labels})\nmax by ({labels}) (jetstream_{scope}_monitoring_enabled) == 0"


CONSTANTS = {
    **LABELS,
    # Buckets of keys and objects and MQTT's own streams: their consumers are watchers and sleeping sessions, whose
    # backlog says nothing.
    "backlog_streams": 'stream!~"(KV|OBJ)_.+|[$]MQTT_.+"',
    # Alerts that a late consumer would set off as well leave it to this one while it fires.
    "unless_late": (
        f"unless on ({LABELS['consumer']})\n"
        f"max by ({LABELS['consumer']}) "
        '(ALERTS{alertname="JetStreamConsumerLagSeconds",alertstate="firing"})'
    ),
    # Since 2.12 a work queue may hold messages that are published when they are due. A server lets only a stream with
    # rollups do so, which a queue has no other use for.
    "unless_scheduled": (
        f"unless on ({LABELS['stream']})\n"
        f'max by ({LABELS["stream"]}) (jetstream_stream_features_info{{allow_rollup="true"}})'
    ),
    # Dead letters wait for people and not for a client that serves the consumer.
    "unless_dead_letters": (
        f"unless on ({LABELS['stream']})\n"
        f'max by ({LABELS["stream"]}) (jetstream_stream_info{{role="dead_letter"}}) == 1'
    ),
    # The last line of every alert about a stream, and of every alert about a consumer.
    "unless_stream_excluded": _unless_excluded("stream"),
    "unless_consumer_excluded": f"{_unless_excluded('consumer')}\n{_unless_excluded('stream')}",
}
