"""Figures and words that more than one board shows."""

from __future__ import annotations

from dashboards.src.panels import BAD, QUIET, WARN, Look, Step, Word
from dashboards.src.promql import Scope
from dashboards.src.thresholds import horizon, limit, window

STANDING = "nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m"
DRAIN = "nats_cluster_account_stream_consumer:jetstream_consumer_drain_seconds:ratio5m"
# Consumers of buckets and of MQTT's own streams are watchers and sleeping sessions; the rules leave them out too.
WORK = r'stream!~"(KV|OBJ)_.+|[$]MQTT_.+"'
NEVER = 1e9  # seconds; a backlog of which nothing is acknowledged

DRAIN_LIMIT = limit("JetStreamConsumerFallingBehind", DRAIN)
STREAM_WARN = limit("JetStreamStreamStorageHigh", "jetstream_stream_storage_ratio", "warning")
STREAM_BAD = limit("JetStreamStreamStorageHigh", "jetstream_stream_storage_ratio", "critical")
STORE_WARN = limit("JetStreamServerStorageHigh", "jetstream_server_store_ratio", "warning")
STORE_BAD = limit("JetStreamServerStorageHigh", "jetstream_server_store_ratio", "critical")
REPLICA_LAG = limit("JetStreamStreamReplicaLagging", "jetstream_stream_replica_lag_entries")
API_ERRORS = limit("JetStreamApiErrorRateHigh", "jetstream_server_api_requests_total[10m])) > 0)")
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


def backlog(scope: Scope) -> str:
    return (
        f"{scope.now('jetstream_consumer_pending_messages')} + on ({scope.by()}) "
        f"{scope.now('jetstream_consumer_ack_pending_messages')}"
    )


def acknowledged(scope: Scope) -> str:
    return scope.rate("jetstream_consumer_acknowledged_deliveries_total")


def drain(scope: Scope) -> str:
    """Seconds until the backlog is done; without a backlog no sample, without acknowledgements NEVER."""
    return f"clamp_max(({backlog(scope)}) / on ({scope.by()}) {acknowledged(scope)}, {NEVER:g}) > 0"


def exhausted(scope: Scope) -> str:
    """At least so many messages used up their deliveries: those redelivered that nobody holds."""
    return (
        f"clamp_min({scope.now('jetstream_consumer_redelivered_messages')} - on ({scope.by()}) "
        f"{scope.now('jetstream_consumer_ack_pending_messages')}, 0) "
        f"and on ({scope.by()}) {scope.now('jetstream_consumer_max_deliver')} > 1"
    )


def stalled(scope: Scope) -> str:
    """As the rules judge it: work for the whole window, nothing delivered, nothing acknowledged."""
    acks, deliveries = (
        "jetstream_consumer_acknowledged_deliveries_total",
        "jetstream_consumer_deliveries_total",
    )
    pending, unacked = (
        "jetstream_consumer_pending_messages",
        "jetstream_consumer_ack_pending_messages",
    )
    span, on = window(STANDING, pending), f"on ({scope.by()})"
    samples = limit(STANDING, "count_over_time")
    return (
        f"({scope.over('min_over_time', pending, span, WORK)} + {on} "
        f"{scope.over('min_over_time', unacked, span)} > 0 "
        f"and {on} {scope.over('changes', acks, span)} == 0 "
        f"and {on} {scope.over('changes', deliveries, span)} == 0 "
        f"and {on} {scope.over('count_over_time', pending, span)} >= {samples:g}) "
        f"unless {on} {scope.now('jetstream_consumer_paused')} == 1"
    )


def unattended(scope: Scope) -> str:
    """Work is there, and nobody fetches or subscribes, as the rules judge it."""
    pending, on = "jetstream_consumer_pending_messages", f"on ({scope.by()})"
    alert = "JetStreamConsumerNoSubscribers"
    span = window(alert, "jetstream_consumer_waiting_pulls")
    waiting = scope.select("jetstream_consumer_waiting_pulls", WORK)
    bound = scope.select("jetstream_consumer_push_bound", WORK)
    asked = scope.each(f"max_over_time({waiting}[{span}]) or max_over_time({bound}[{span}])")
    return (
        f"({asked} == 0 and {on} {scope.over('min_over_time', pending, span)} > 0 "
        f"and {on} {scope.over('changes', 'jetstream_consumer_deliveries_total', span)} == 0) "
        f"unless {on} {scope.now('jetstream_consumer_paused')} == 1"
    )


def forecast(scope: Scope, name: str, *matchers: str) -> str:
    """Where the straight line through the last hours leads in a day, as the rules draw it."""
    alert = "JetStreamServerStorageFillingUp"
    span = window(alert, "jetstream_server_store_used_bytes")
    ahead = f"predict_linear({scope.select(name, *matchers)}[{span}], {horizon(alert)})"
    return f"clamp_min({scope.each(ahead)}, 0)"
