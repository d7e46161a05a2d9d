"""One word for the state of each object, the worst that holds; the same words as everywhere else."""

from collections.abc import Mapping, Sequence

from jetstream_exporter.snapshot import Consumer, Meta, Server, Stream
from jetstream_exporter.status.conditions import (
    CONSUMER_NO_LEADER,
    NO_SUBSCRIBERS,
    SATURATED,
    STALLED,
)
from jetstream_exporter.status.growths import EXHAUSTED

OK = "ok"
NOT_KNOWN = "not known"
# Worst first, as they are sorted.
SERVER = ("down", "not reachable", "unhealthy", "store full", "starting", "leaving", "up")
GROUP = (
    "no leader",
    "no quorum",
    "refusing",
    "losing messages",
    "no tolerance",
    "replica behind",
    "nearly full",
    NOT_KNOWN,
    OK,
)
CONSUMER = (
    "no leader",
    "ahead of its stream",
    "losing messages",
    "exhausted messages",
    "stalled",
    "nobody fetches",
    "falling behind",
    "saturated",
    "delayed",
    "working",
    "paused",
    NOT_KNOWN,
    OK,
)
WORDS: Mapping[str, Sequence[str]] = {
    "server": SERVER,
    "cluster": GROUP,
    "stream": GROUP,
    "consumer": CONSUMER,
}
CRITICAL = frozenset(
    (
        "down",
        "not reachable",
        "unhealthy",
        "store full",
        "no leader",
        "no quorum",
        "refusing",
        "losing messages",
        "ahead of its stream",
        "exhausted messages",
        "stalled",
    )
)
FINE = frozenset((OK, "up", "working", "paused"))
MEANING: Mapping[str, str] = {
    "down": "Neither the exporter nor the meta leader hears the server.",
    "not reachable": "The exporter cannot reach the server.",
    "unhealthy": "The server answers, but its health check fails.",
    "store full": "The store is nearly full or full. When it is full, the server rejects new messages.",
    "starting": "The server has started and has not recovered all of its streams yet.",
    "leaving": "The server is shutting down or has not recovered: its list of streams is incomplete.",
    "up": "The server answers.",
    "no leader": "No server leads it, so that nothing is stored or delivered.",
    "no quorum": "The leader does not reach a majority of the replicas.",
    "refusing": "The stream is at its limit and rejects new messages.",
    "losing messages": "The stream is at its limit and deletes messages that a consumer has not received.",
    "no tolerance": "If one more replica fails, the majority is lost.",
    "replica behind": "A replica is not up to date.",
    "nearly full": "The stream is near its size limit.",
    "ahead of its stream": "The consumer has delivered sequences that its stream does not have.",
    "exhausted messages": "Messages reached max_deliver and are not delivered again.",
    "stalled": "There are unfinished messages, and none is delivered or acknowledged.",
    "nobody fetches": "Messages wait, and no client fetches them or is bound.",
    "falling behind": "Messages wait for long, and the backlog does not shrink.",
    "saturated": "Nearly as many messages are unacknowledged as max_ack_pending allows.",
    "delayed": "The server holds messages back after a negative acknowledgement or during a backoff.",
    "working": "A client may still be processing: the ack wait has not passed.",
    "paused": "The consumer is paused and delivers nothing on purpose.",
    NOT_KNOWN: "Nobody that may lead it has answered.",
    OK: "Nothing is known to be wrong.",
}
# What is alerted about an object, and the word for it. The boards use them too.
STREAM_ALERTS: Mapping[str, str] = {
    "JetStreamStreamNoLeader": "no leader",
    "JetStreamStreamRejectingPublishes": "refusing",
    "JetStreamStreamNoFaultTolerance": "no tolerance",
    "JetStreamStreamReplicaLagging": "replica behind",
    "JetStreamStreamStorageHigh": "nearly full",
}
CONSUMER_ALERTS: Mapping[str, str] = {
    CONSUMER_NO_LEADER: "no leader",
    "JetStreamConsumerAheadOfStream": "ahead of its stream",
    "JetStreamConsumerMessagesLost": "losing messages",
    EXHAUSTED: "exhausted messages",
    STALLED: "stalled",
    NO_SUBSCRIBERS: "nobody fetches",
    "JetStreamConsumerFallingBehind": "falling behind",  # which Prometheus alone judges
    "JetStreamConsumerLagSeconds": "falling behind",
    SATURATED: "saturated",
}
STORE_ALERTS = ("JetStreamServerStorageHigh", "JetStreamServerMemoryStoreHigh")
YOUNG = 600.0  # seconds after its start in which a server with an incomplete list is starting


def level(word: str) -> str:
    """How bad a word is: critical, warning or ok."""
    return "critical" if word in CRITICAL else "ok" if word in FINE else "warning"


def worst(words: Sequence[str], order: Sequence[str]) -> str:
    return min(words, key=order.index)


def server(row: Server, alerts: Mapping[str, str], now: float, *, is_unhealthy: bool) -> str:
    """`alerts` are the names of those that hold at it, with their severities.

    `is_unhealthy` says that the alert about its health check fires.
    """
    if not row.up:
        return "down" if "NatsServerDown" in alerts else "not reachable"
    if row.healthy is False and (row.list_complete or is_unhealthy):
        return "unhealthy"
    if any(alerts.get(name) == "critical" for name in STORE_ALERTS):
        return "store full"
    if row.list_complete or row.jetstream is None or not row.jetstream.enabled:
        return "up"
    start = row.process.start if row.process is not None else None
    return "starting" if start is not None and now - start < YOUNG else "leaving"


def meta(row: Meta) -> str:
    if row.has_leader is False:
        return "no leader"
    if row.has_quorum is False:
        return "no quorum"
    if row.has_leader is None:
        return NOT_KNOWN
    if row.fault_tolerance is not None and row.fault_tolerance <= 0 and row.peers > 1:
        return "no tolerance"
    return "replica behind" if any(not each.current for each in row.members) else OK


def members(row: Meta) -> str:
    """How many members are current: only a leader knows that."""
    if row.peers_current is None:
        return f"{row.peers} members"
    return f"{row.peers_current} of {row.peers} members are current"


def stream(row: Stream, alerts: Mapping[str, str], *, is_losing: bool) -> str:
    words = [word for name, word in STREAM_ALERTS.items() if name in alerts]
    if row.raft.has_leader is False:
        words.append("no leader")
    if row.raft.has_quorum is False:
        words.append("no quorum")
    if is_losing:
        words.append("losing messages")
    tolerance = row.raft.fault_tolerance
    if tolerance is not None and tolerance <= 0:
        words.append("no tolerance")
    if any(not replica.current for replica in row.replicas):
        words.append("replica behind")
    if not words and row.raft.has_leader is None:
        return NOT_KNOWN
    return worst(words, GROUP) if words else OK


def consumer(row: Consumer, alerts: Mapping[str, str], excuse: str | None) -> str:
    """`excuse` says why a consumer that makes no progress is not stalled."""
    words = [word for name, word in CONSUMER_ALERTS.items() if name in alerts]
    if row.raft.has_leader is False:
        words.append("no leader")
    if row.paused:
        words.append("paused")
    if excuse is not None:
        words.append(excuse)
    if not words and row.raft.has_leader is None:
        return NOT_KNOWN
    return worst(words, CONSUMER) if words else OK
