"""The family of what the configuration expects to exist."""

from jetstream_exporter.metrics.families import Table, gauge
from jetstream_exporter.snapshot.rows import ExpectedObject

EXPECTED: Table[ExpectedObject] = Table(
    name="Expected objects",
    rows=lambda snapshot: snapshot.expected,
    labels={
        "nats_cluster": lambda e: e.cluster,
        "kind": lambda e: e.kind,
        "account": lambda e: e.account,
        "name": lambda e: e.name,
    },
    families=(
        gauge(
            "jetstream_expected_present",
            "Whether a server, stream or consumer of the section `expect` of the configuration exists. 0 only if "
            "every server that could hold it has answered completely; absent if one has not. The name of a "
            "consumer is STREAM/CONSUMER, and the account of a server is empty.",
            lambda e: e.present,
            "expect in the configuration, all lists of streams and consumers",
            "jetstream_expected_present == 0",
        ),
    ),
)

TABLES = (EXPECTED,)
