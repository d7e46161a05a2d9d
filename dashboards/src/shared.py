"""Figures and words that more than one board shows."""

from __future__ import annotations

from dashboards.src.panels import BAD, QUIET, WARN, Look, Step, Word
from dashboards.src.promql import Scope
from dashboards.src.thresholds import threshold, value

UNATTENDED = "nats_cluster_account_stream_consumer:jetstream_consumer_unattended_messages:min5m"
STALLED = "nats_cluster_account_stream_consumer:jetstream_consumer_stalled_messages:min10m"
DRAIN = "nats_cluster_account_stream_consumer:jetstream_consumer_drain_seconds:ratio5m"
LAG = "nats_cluster_account_stream_consumer:jetstream_consumer_delivery_lag_seconds:max"
PENDING = "jetstream_consumer_pending_messages"
ACKNOWLEDGED = "jetstream_consumer_acknowledged_deliveries_total"
PAUSED = "jetstream_consumer_paused"
DELIVERED = "jetstream_consumer_deliveries_total"
NEVER = 1e9  # seconds; a backlog of which nothing is acknowledged

DRAIN_LIMIT = threshold("JetStreamConsumerFallingBehind")
LAG_WARN = threshold("JetStreamConsumerLagSeconds", "warning")
LAG_BAD = threshold("JetStreamConsumerLagSeconds", "critical")
STREAM_WARN = threshold("JetStreamStreamStorageHigh", "warning")
STREAM_BAD = threshold("JetStreamStreamStorageHigh", "critical")
STORE_WARN = threshold("JetStreamServerStorageHigh", "warning")
STORE_BAD = threshold("JetStreamServerStorageHigh", "critical")
REPLICA_LAG = threshold("JetStreamStreamReplicaLagging")
API_ERRORS = threshold("JetStreamApiErrorRateHigh")
ACCOUNT_WARN = threshold("JetStreamAccountStorageHigh", "warning")
ACCOUNT_BAD = threshold("JetStreamAccountStorageHigh", "critical")
ACCOUNT_NEAR = threshold("JetStreamAccountLimitNear")
STALE = 60 * float(value("JetStreamExporterDataStale", "age").removesuffix("m"))  # seconds

STREAM_RATIO = Look("percentunit", [Step(STREAM_WARN, WARN), Step(STREAM_BAD, BAD)], minimum=0)
STORE_RATIO = Look("percentunit", [Step(STORE_WARN, WARN), Step(STORE_BAD, BAD)], minimum=0)
ANY_IS_BAD = Look("short", [Step(1, BAD)], decimals=0)
PLAIN = Look("short", base=QUIET)
BYTES = Look("bytes", base=QUIET)
SECONDS = Look("s", base=QUIET)
DELIVERY_LAG = Look("s", [Step(LAG_WARN, WARN), Step(LAG_BAD, BAD)], minimum=0)

UP = Look(words=[Word(0, 0, "down", BAD), Word(1, 1, "up")])
HEALTHY = Look(words=[Word(0, 0, "unhealthy", BAD), Word(1, 1, "healthy")])
LED = Look(words=[Word(0, 0, "no leader", BAD), Word(1, 1, "led")])
TOLERANCE = Look(
    "short", words=[Word(None, -1, "no quorum", BAD), Word(0, 0, "none", WARN)], decimals=0
)
DRAIN_TIME = Look("s", [Step(DRAIN_LIMIT, BAD)], [Word(NEVER, None, "nothing acked", BAD)])


def percent(ratio: float) -> str:
    return f"{ratio * 100:g} %"


def duration(seconds: float) -> str:
    return f"{seconds / 60:g} min"


def unled(scope: Scope, kind: str) -> str:
    leader, quorum = (scope.now(f"jetstream_{kind}_has_{what}") for what in ("leader", "quorum"))
    return f"({leader} == 0) or ({quorum} == 0)"


def known(scope: Scope) -> str:
    """The consumers, whatever the value: in the lean profile those that have other values have no `has_leader`."""
    led = scope.select("jetstream_consumer_ack_pending_messages")
    return scope.each(f"{scope.select('jetstream_consumer_has_leader')} or {led}")


# Figures of all consumers are matched within each exporter's own series, and aggregated once at the end: for
# 20,000 consumers an aggregation of every operand costs more than the rest of the query.


def backlog(scope: Scope) -> str:
    pending = scope.select("jetstream_consumer_pending_messages")
    return f"{pending} + {scope.select('jetstream_consumer_ack_pending_messages')}"


def acknowledged(scope: Scope) -> str:
    return scope.rate(ACKNOWLEDGED)


def pace(scope: Scope, name: str = ACKNOWLEDGED) -> str:
    return f"rate({scope.select(name)}[$__rate_interval])"


def drain(scope: Scope) -> str:
    """Seconds until the backlog is done, of consumers that are not paused.

    Without a backlog there is no sample, without acknowledgements it is NEVER.
    """
    seconds = f"clamp_max(({backlog(scope)}) / {pace(scope)}, {NEVER:g})"
    return f"{scope.each(f'{seconds} unless {scope.select(PAUSED)} == 1')} > 0"


def exhausted(scope: Scope) -> str:
    """At least so many messages used up their deliveries: those redelivered that nobody holds."""
    redelivered = scope.select("jetstream_consumer_redelivered_messages")
    held = scope.select("jetstream_consumer_ack_pending_messages")
    limited = scope.select("jetstream_consumer_max_deliver")
    return scope.each(f"clamp_min({redelivered} - {held}, 0) and {limited} > 1")


def stalled(scope: Scope) -> str:
    """The consumers that the rules call stalled."""
    return scope.recorded(STALLED)


def unattended(scope: Scope) -> str:
    """The consumers of which the rules say that nobody fetches from them or subscribes."""
    return scope.recorded(UNATTENDED)


def total(inner: str, of: str = "nats_cluster") -> str:
    """A sum over many objects: of each exporter, and of the exporters of one cluster the largest."""
    return f"sum(max by ({of}) (sum by ({of}, instance) ({inner})))"


def forecast(scope: Scope, name: str, *matchers: str) -> str:
    """Where the straight line through the last hours leads in a day, as the rules draw it."""
    alert = "JetStreamServerStorageFillingUp"
    span, ahead_by = value(alert, "window"), value(alert, "horizon")
    ahead = f"predict_linear({scope.select(name, *matchers)}[{span}], {ahead_by})"
    return f"clamp_min({scope.each(ahead)}, 0)"


def share(bytes_: str, scope: Scope, limit_: str) -> str:
    """Of a limit that cannot be passed: a line that leads beyond it leads to 1."""
    return f"clamp_max({bytes_} / on ({scope.by()}) {limit_}, 1)"
