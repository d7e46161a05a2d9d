"""Figures and words that more than one board shows."""

from __future__ import annotations

from dashboards.src.panels import BAD, QUIET, WARN, Look, Step, Word
from dashboards.src.promql import Scope
from dashboards.src.thresholds import horizon, limit, window

STANDING = "nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m"
DRAIN = "nats_cluster_account_stream_consumer:jetstream_consumer_drain_seconds:ratio5m"
# Consumers of buckets and of MQTT's own streams are watchers and sleeping sessions; the rules leave them out too.
WORK = r'stream!~"(KV|OBJ)_.+|[$]MQTT_.+"'
PENDING = "jetstream_consumer_pending_messages"
ACKNOWLEDGED = "jetstream_consumer_acknowledged_deliveries_total"
PAUSED = "jetstream_consumer_paused"
DELIVERED = "jetstream_consumer_deliveries_total"
NEVER = 1e9  # seconds; a backlog of which nothing is acknowledged

DRAIN_LIMIT = limit("JetStreamConsumerFallingBehind", DRAIN)
STREAM_WARN = limit("JetStreamStreamStorageHigh", "jetstream_stream_storage_ratio", "warning")
STREAM_BAD = limit("JetStreamStreamStorageHigh", "jetstream_stream_storage_ratio", "critical")
STORE_WARN = limit("JetStreamServerStorageHigh", "jetstream_server_store_ratio", "warning")
STORE_BAD = limit("JetStreamServerStorageHigh", "jetstream_server_store_ratio", "critical")
REPLICA_LAG = limit("JetStreamStreamReplicaLagging", "jetstream_stream_replica_lag_entries")
API_ERRORS = limit("JetStreamApiErrorRateHigh", "jetstream_server_api_requests_total[10m]))) > 0)")
STALE = limit("JetStreamExporterDataStale", "jetstream_exporter_last_success_timestamp_seconds")

STREAM_RATIO = Look("percentunit", [Step(STREAM_WARN, WARN), Step(STREAM_BAD, BAD)], minimum=0)
STORE_RATIO = Look("percentunit", [Step(STORE_WARN, WARN), Step(STORE_BAD, BAD)], minimum=0)
ANY_IS_BAD = Look("short", [Step(1, BAD)], decimals=0)
PLAIN = Look("short", base=QUIET)
BYTES = Look("bytes", base=QUIET)
SECONDS = Look("s", base=QUIET)

UP = Look(words=[Word(0, 0, "down", BAD), Word(1, 1, "up")])
HEALTHY = Look(words=[Word(0, 0, "failing", BAD), Word(1, 1, "healthy")])
CURRENT = Look(words=[Word(0, 0, "behind", WARN), Word(1, 1, "current")])
OFFLINE = Look(words=[Word(0, 0, "no"), Word(1, 1, "offline", BAD)])
LED = Look(words=[Word(0, 0, "no leader", BAD), Word(1, 1, "led")])
QUORUM = Look(words=[Word(0, 0, "no quorum", BAD), Word(1, 1, "quorum")])
TOLERANCE = Look(
    "short", words=[Word(None, -1, "quorum lost", BAD), Word(0, 0, "none", WARN)], decimals=0
)
DRAIN_TIME = Look("s", [Step(DRAIN_LIMIT, BAD)], [Word(NEVER, None, "nothing acked", BAD)])


def percent(ratio: float) -> str:
    return f"{ratio * 100:g} %"


def duration(seconds: float) -> str:
    return f"{seconds / 60:g} min"


def unled(scope: Scope, kind: str) -> str:
    leader, quorum = (scope.now(f"jetstream_{kind}_has_{what}") for what in ("leader", "quorum"))
    return f"({leader} == 0) or ({quorum} == 0)"


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
    """As the rules judge it: work for the whole window, nothing delivered, nothing acknowledged.

    Where nothing is delivered, what is unacknowledged now is the least of the window; and unlike a range it is
    gone with a consumer that was deleted.
    """
    span = window(STANDING, PENDING)
    pending, paused = scope.select(PENDING, WORK), scope.select(PAUSED)
    unacked = scope.select("jetstream_consumer_ack_pending_messages")
    return scope.each(
        f"(min_over_time({pending}[{span}]) + {unacked} > 0 "
        f"and changes({scope.select(ACKNOWLEDGED)}[{span}]) == 0 "
        f"and changes({scope.select(DELIVERED)}[{span}]) == 0 "
        f"and count_over_time({pending}[{span}]) >= {limit(STANDING, 'count_over_time'):g}) "
        f"unless {paused} == 1"
    )


def unattended(scope: Scope) -> str:
    """Work is there, and nobody fetches or subscribes, as the rules judge it."""
    span = window("JetStreamConsumerNoSubscribers", "jetstream_consumer_waiting_pulls")
    waiting = scope.select("jetstream_consumer_waiting_pulls", WORK)
    bound = scope.select("jetstream_consumer_push_bound", WORK)
    return scope.each(
        f"((max_over_time({waiting}[{span}]) or max_over_time({bound}[{span}])) == 0 "
        f"and min_over_time({scope.select(PENDING)}[{span}]) > 0 and {scope.select(PENDING)} > 0 "
        f"and changes({scope.select(DELIVERED)}[{span}]) == 0) "
        f"unless {scope.select(PAUSED)} == 1"
    )


def total(inner: str, of: str = "nats_cluster") -> str:
    """A sum over many objects: of each exporter, and of the exporters of one cluster the largest."""
    return f"sum(max by ({of}) (sum by ({of}, instance) ({inner})))"


def forecast(scope: Scope, name: str, *matchers: str) -> str:
    """Where the straight line through the last hours leads in a day, as the rules draw it."""
    alert = "JetStreamServerStorageFillingUp"
    span = window(alert, "jetstream_server_store_used_bytes")
    ahead = f"predict_linear({scope.select(name, *matchers)}[{span}], {horizon(alert)})"
    return f"clamp_min({scope.each(ahead)}, 0)"


def share(bytes_: str, scope: Scope, limit_: str) -> str:
    """Of a limit that cannot be passed: a line that leads beyond it leads to 1."""
    return f"clamp_max({bytes_} / on ({scope.by()}) {limit_}, 1)"
