"""The answers of NATS servers, with the server's own names and units, and only the fields that are read.

Durations are nanoseconds, -1 and 2^64-1 mean "unlimited", and the year 1 means "never". `snapshot` translates all of
that, so a sentinel that is not obvious has a comment here. Field names follow nats-server's `monitor.go`, `stream.go`
and `consumer.go` (2.10 to 2.15); what a version omits has the default written here.
"""

from jetstream_exporter.wire.api import (
    AccountInfo,
    AccountLimits,
    ApiConsumer,
    ApiConsumers,
    ApiNames,
    ApiStream,
    ApiStreams,
    Tier,
)
from jetstream_exporter.wire.assets import (
    Cluster,
    ConsumerConfig,
    ConsumerDetail,
    LostData,
    Metadata,
    Peer,
    Position,
    Source,
    StreamConfig,
    StreamDetail,
    StreamState,
)
from jetstream_exporter.wire.events import Advisory
from jetstream_exporter.wire.monitoring import (
    AccountDetail,
    Healthz,
    JetStreamConfig,
    Jsz,
    Listener,
    MetaCluster,
    MetaSnapshot,
    Varz,
    VarzJetStream,
)
from jetstream_exporter.wire.part import ApiError, ApiStats, Wire
from jetstream_exporter.wire.system import (
    HealthzAnswer,
    JszAnswer,
    ServerError,
    ServerName,
    Statsz,
    StatszAnswer,
    UserData,
    UserInfo,
    VarzAnswer,
)

__all__ = [
    "AccountDetail",
    "AccountInfo",
    "AccountLimits",
    "Advisory",
    "ApiConsumer",
    "ApiConsumers",
    "ApiError",
    "ApiNames",
    "ApiStats",
    "ApiStream",
    "ApiStreams",
    "Cluster",
    "ConsumerConfig",
    "ConsumerDetail",
    "Healthz",
    "HealthzAnswer",
    "JetStreamConfig",
    "Jsz",
    "JszAnswer",
    "Listener",
    "LostData",
    "MetaCluster",
    "MetaSnapshot",
    "Metadata",
    "Peer",
    "Position",
    "ServerError",
    "ServerName",
    "Source",
    "Statsz",
    "StatszAnswer",
    "StreamConfig",
    "StreamDetail",
    "StreamState",
    "Tier",
    "UserData",
    "UserInfo",
    "Varz",
    "VarzAnswer",
    "VarzJetStream",
    "Wire",
]
