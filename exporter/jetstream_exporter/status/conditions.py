"""Every condition that can be judged here, and the alerts that cannot.

A condition holds at an object once it was seen there, without a break and with one mark, for `window` seconds: the
range that the rule's expression looks back over. Prometheus then waits for the rule's `for` before the alert fires.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from jetstream_exporter.status import (
    accounts,
    consumers,
    exporter,
    lateness,
    links,
    servers,
    streams,
    thresholds,
)
from jetstream_exporter.status.alerts import Alert, alert, table
from jetstream_exporter.status.facts import Facts, Seen
from jetstream_exporter.status.growths import GROWTHS, MINUTE

Judge = Callable[[Facts], Iterable[Seen]]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One alert at one severity, and how to judge it.

    `falls` says that it does not count while the value is below the first one. `variant` tells apart two ways to judge
    one alert.
    """

    name: str
    severity: str
    judge: Judge
    window: float = 0.0
    falls: bool = False
    variant: str = ""

    @cached_property
    def alert(self) -> Alert:
        return alert(self.name, self.severity)


def _of(name: str, severity: str, judge: Judge, window: float = 0.0) -> Condition:
    return Condition(name=name, severity=severity, judge=judge, window=window)


# What needs the objects' own settings alone, and is judged when somebody looks.
CONFIGURATION: tuple[Condition, ...] = (
    _of("JetStreamStreamUnbounded", "info", streams.unbounded),
    _of("JetStreamConsumerUnlimitedRedelivery", "info", consumers.unlimited_redelivery),
    _of("JetStreamConsumerAckNone", "info", consumers.ack_none),
    _of("JetStreamStreamThresholdInvalid", "info", thresholds.stream_invalid),
    _of("JetStreamConsumerThresholdInvalid", "info", thresholds.consumer_invalid),
)
STALLED = "JetStreamConsumerStalled"
SATURATED = "JetStreamConsumerAckPendingSaturated"
NO_SUBSCRIBERS = "JetStreamConsumerNoSubscribers"
CONSUMER_NO_LEADER = "JetStreamConsumerNoLeader"
LOST = "JetStreamConsumerMessagesLost"
LATE = lateness.LATE
LOST_WINDOW = 10 * MINUTE  # within which the stream removed messages
STALLED_WINDOW = 10 * MINUTE  # without progress, after which a consumer is stalled

CONDITIONS: tuple[Condition, ...] = (
    _of("JetStreamClusterVanished", "critical", servers.vanished),
    _of("JetStreamExporterServerScrapeFailing", "warning", servers.not_reached),
    _of("JetStreamExporterServerScrapeFailing", "critical", servers.standalone_not_reached),
    _of("JetStreamExporterSourceFailing", "critical", exporter.no_lists),
    _of("JetStreamExporterSourceFailing", "warning", exporter.source_failing),
    _of("JetStreamExporterDataStale", "critical", exporter.stale),
    _of("JetStreamExporterNameConflict", "critical", exporter.name_conflict),
    _of("JetStreamExporterCardinalityLimitReached", "warning", exporter.dropped),
    _of("JetStreamExpectedObjectMissing", "critical", servers.expected_missing),
    _of("NatsServerDown", "critical", servers.down),
    _of("NatsGatewayDown", "critical", links.gateway_down),
    _of("NatsLeafnodeDown", "critical", links.leafnode_down),
    _of("NatsRoutesMissing", "critical", links.routes_missing),
    _of("NatsServerCertificateExpiring", "critical", servers.certificate_expired),
    _of("NatsServerConnectionsNearLimit", "warning", servers.connections_near_limit),
    _of("JetStreamServerUnhealthy", "critical", servers.unhealthy),
    _of("JetStreamServerStorageHigh", "warning", servers.file_store_high),
    _of("JetStreamServerStorageHigh", "critical", servers.file_store_full),
    _of("JetStreamServerMemoryStoreHigh", "warning", servers.memory_store_high),
    _of("JetStreamServerMemoryStoreHigh", "critical", servers.memory_store_full),
    _of("JetStreamServerStorageOvercommitted", "warning", servers.overcommitted),
    _of("JetStreamServerReservationsExhausted", "warning", servers.reservations_exhausted),
    _of("JetStreamAccountStorageHigh", "warning", accounts.store_high),
    _of("JetStreamAccountStorageHigh", "critical", accounts.store_full),
    _of("JetStreamAccountLimitNear", "warning", accounts.limit_near),
    _of("JetStreamMetaNoLeader", "critical", servers.meta_no_leader),
    _of("JetStreamMetaLeaderDisagreement", "critical", servers.meta_disagreement),
    _of("JetStreamMetaNoFaultTolerance", "warning", servers.meta_no_tolerance),
    _of("JetStreamMetaSnapshotSlow", "warning", servers.snapshot_slow),
    _of("JetStreamMetaSnapshotSlow", "critical", servers.snapshot_very_slow),
    _of("JetStreamApiBacklog", "warning", servers.api_backlog, 5 * MINUTE),
    _of("JetStreamStreamNoLeader", "critical", streams.no_leader),
    _of("JetStreamStreamReplicasDiverged", "critical", streams.diverged),
    _of("JetStreamStreamMessagesDamaged", "critical", streams.damaged),
    _of("JetStreamStreamNoFaultTolerance", "warning", streams.no_tolerance),
    _of("JetStreamStreamReplicasUnplaceable", "warning", streams.unplaceable),
    Condition(
        name="JetStreamStreamReplicaLagging",
        severity="warning",
        judge=streams.replica_lagging,
        window=10 * MINUTE,
        falls=True,
    ),
    _of("JetStreamStreamStorageHigh", "warning", streams.storage_high),
    _of("JetStreamStreamStorageHigh", "critical", streams.storage_full),
    _of("JetStreamStreamRejectingPublishes", "critical", streams.rejecting),
    _of("JetStreamStreamConsumersNearLimit", "warning", streams.consumers_near_limit),
    _of("JetStreamStreamMessagesAgingOut", "critical", streams.aging_out),
    _of("JetStreamSourceOrMirrorLagging", "warning", streams.source_lost),
    Condition(
        name="JetStreamSourceOrMirrorLagging",
        severity="warning",
        judge=streams.source_lagging,
        window=10 * MINUTE,
        falls=True,
        variant="lag",
    ),
    _of("JetStreamStreamThresholdExceeded", "critical", thresholds.stream_critical),
    _of("JetStreamStreamThresholdExceeded", "warning", thresholds.stream_warning),
    _of(CONSUMER_NO_LEADER, "critical", consumers.no_leader),
    _of("JetStreamConsumerAheadOfStream", "critical", consumers.ahead, 3 * MINUTE),
    _of(LOST, "critical", consumers.losing, LOST_WINDOW),
    _of(NO_SUBSCRIBERS, "warning", consumers.unattended, 5 * MINUTE),
    _of(SATURATED, "warning", consumers.saturated, 5 * MINUTE),
    _of(LATE, "critical", lateness.late_critical),
    _of(LATE, "warning", lateness.late_warning),
    _of("JetStreamConsumerThresholdExceeded", "critical", thresholds.consumer_critical),
)


@dataclass(frozen=True)
class Together:
    """An alert about many consumers of one account; `window` is that of the condition that it counts."""

    name: str
    severity: str
    window: float

    @cached_property
    def alert(self) -> Alert:
        return alert(self.name, self.severity)


# Of these the alerts say it once for all consumers of an account where it is many.
MANY = 10
TOGETHER: Mapping[str, Together] = {
    CONSUMER_NO_LEADER: Together("JetStreamManyConsumersNoLeader", "critical", 0.0),
    STALLED: Together("JetStreamManyConsumersStalled", "critical", STALLED_WINDOW),
    NO_SUBSCRIBERS: Together("JetStreamManyConsumersUnattended", "warning", 5 * MINUTE),
}
UNAVAILABLE = "JetStreamStreamUnavailable"

JUDGED = frozenset(
    {each.name for each in (*CONFIGURATION, *CONDITIONS)}
    | {each.name for each in GROWTHS}
    | {each.name for each in TOGETHER.values()}
    | {UNAVAILABLE, STALLED}
)
# A part of what these alerts judge: the rest needs more history than is kept here.
IN_PART: Mapping[str, str] = {
    "NatsGatewayDown": "a gateway connection that breaks again and again",
    "NatsLeafnodeDown": "a leaf node connection that breaks again and again, and a leaf node that is gone from its hub",
    "NatsRoutesMissing": "a route that breaks again and again",
    "NatsServerCertificateExpiring": "a certificate that has not expired yet",
    "JetStreamServerUnhealthy": "a server that restarted repeatedly, in the 10 minutes after its last start",
    "JetStreamMetaNoFaultTolerance": "a member that restarted repeatedly, in the 10 minutes after its last start",
    "JetStreamStreamNoFaultTolerance": (
        "a replica on a server that restarted repeatedly, in the 10 minutes after its last start"
    ),
    "JetStreamStreamMessagesDamaged": "a stream that was created anew after its server started without its disk",
    UNAVAILABLE: "a stream that did not come back after a restart of its server between two collections",
}
# In the order of the table. They need more history than is kept here, or what Prometheus alone knows.
NOT_JUDGED: tuple[str, ...] = tuple(
    dict.fromkeys(each.name for each in table().alerts if each.name not in JUDGED)
)
