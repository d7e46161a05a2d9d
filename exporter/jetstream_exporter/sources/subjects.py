"""The subjects of JetStream's advisories and metrics, and what can be counted of them."""

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
# A part of a subject, and the field of `Event` that cannot be counted where it was refused.
NEEDED = {
    ".max_deliveries.": "max_deliveries",
    ".msg_terminated.": "terminations",
    ".msg_naked.": "naks",
    "consumer.ack.": "acks",
    "consumer.quorum_lost.": "quorum_lost",
}
SYSTEM = frozenset(("quorum_lost",))  # all that the system account hears of consumers


def subjects_of(hot: Iterable[str]) -> list[str]:
    """The subjects to subscribe to; `hot` names the frequent ones that are wanted."""
    return [*QUIET, *(HOT[name] for name in sorted(set(hot)))]


def counted_fields(
    hot: Iterable[str], refused: Iterable[str], *, is_system: bool
) -> frozenset[str]:
    """Which fields of `Event` are counted, where these subjects (in lower case) were refused."""
    fields = set(SYSTEM)
    if not is_system:
        fields |= {"max_deliveries", "terminations", "excess"}
        fields |= {"naks", "acks"} & set(hot)
    for subject in refused:
        fields -= {field for part, field in NEEDED.items() if part in subject}
    if not {"max_deliveries", "terminations"} <= fields:
        fields.discard("excess")  # it would count too few
    return frozenset(fields)
