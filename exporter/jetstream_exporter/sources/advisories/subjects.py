"""The subjects and kinds of JetStream's advisories and metrics, and what can be counted of them."""

from collections.abc import Iterable

ADVISORY = "$JS.EVENT.ADVISORY"
ACKS = "$JS.EVENT.METRIC.CONSUMER.ACK.>"
# A wildcard over all consumers' events would bring those that are as frequent as messages.
QUIET = (
    f"{ADVISORY}.CONSUMER.MAX_DELIVERIES.>",
    f"{ADVISORY}.CONSUMER.MSG_TERMINATED.>",
    f"{ADVISORY}.CONSUMER.QUORUM_LOST.>",
    f"{ADVISORY}.CONSUMER.LEADER_ELECTED.>",
    f"{ADVISORY}.CONSUMER.CREATED.>",
    f"{ADVISORY}.CONSUMER.DELETED.>",
    f"{ADVISORY}.CONSUMER.PAUSE.>",
    f"{ADVISORY}.CONSUMER.PINNED.>",
    f"{ADVISORY}.CONSUMER.UNPINNED.>",
    f"{ADVISORY}.STREAM.>",
    f"{ADVISORY}.DOMAIN.>",
    f"{ADVISORY}.SERVER.>",
    f"{ADVISORY}.API.LIMIT_REACHED",
)
HOT = {
    "naks": f"{ADVISORY}.CONSUMER.MSG_NAKED.>",
    "acks": ACKS,
    "api": f"{ADVISORY}.API",
}
TYPE = "io.nats.jetstream."
# The field of `EventCounts` that a kind of event counts.
COUNTED = {
    "max_deliver": "max_deliveries",
    "nak": "naks",
    "terminated": "terminations",
    "stream_quorum_lost": "quorum_lost",
    "consumer_quorum_lost": "quorum_lost",
    "consumer_ack": "ack_times",
}
# Those that say how often a message was delivered.
DELIVERED = ("max_deliver", "nak", "terminated", "consumer_ack")
# The last part of the types that servers have: no client can make these names longer.
EVENT_KINDS = frozenset(
    (
        *COUNTED,
        "stream_action",
        "consumer_action",
        "stream_leader_elected",
        "consumer_leader_elected",
        "domain_leader_elected",
        "consumer_pause",
        "consumer_group_pinned",
        "consumer_group_unpinned",
        "snapshot_create",
        "snapshot_complete",
        "restore_create",
        "restore_complete",
        "stream_batch_abandoned",
        "api_audit",
        "api_limit_reached",
        "server_out_of_space",
        "server_removed",
        "meta_rescue",
    )
)
# What servers say of themselves, in the system account only. Elsewhere a client has made it up.
SYSTEM_ONLY = frozenset(
    (
        "domain_leader_elected",
        "api_limit_reached",
        "server_out_of_space",
        "server_removed",
        "meta_rescue",
    )
)
OTHER = "other"
# A part of a subject, and the field of `EventCounts` that cannot be counted where it was refused.
NEEDED = {
    ".max_deliveries.": "max_deliveries",
    ".msg_terminated.": "terminations",
    ".msg_naked.": "naks",
    "consumer.ack.": "ack_times",
    "consumer.quorum_lost.": "quorum_lost",
}
SYSTEM = frozenset(("quorum_lost",))  # all that the system account receives about consumers
WANTED = {"naks": "naks", "acks": "ack_times"}  # setting: field


def subjects_of(hot: Iterable[str]) -> list[str]:
    """The subjects to subscribe to; `hot` names the frequent ones that are wanted."""
    return [*QUIET, *(HOT[name] for name in sorted(set(hot)))]


def counted_fields(
    hot: Iterable[str], refused: Iterable[str], *, is_system: bool
) -> frozenset[str]:
    """Which fields of `EventCounts` are counted, where these subjects (in lower case) were refused."""
    fields = set(SYSTEM)
    if not is_system:
        fields |= {"max_deliveries", "terminations", "excess"}
        fields |= {WANTED[name] for name in hot if name in WANTED}
    for subject in refused:
        fields -= {field for part, field in NEEDED.items() if part in subject}
    if not {"max_deliveries", "terminations"} <= fields:
        fields.discard("excess")  # it would count too few
    return frozenset(fields)
