"""Checks of consumers."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.observe import Observation, consumer_name
from jetstream_exporter.snapshot import Consumer


def _accounts_with_dead_letters(seen: Observation) -> set[tuple[str, str]]:
    return {(row.cluster, row.account_id) for row in seen.snapshot.streams if row.dead_letter}


def _holds_dead_letters(seen: Observation) -> set[tuple[str, str, str]]:
    return {row.key for row in seen.snapshot.streams if row.dead_letter}


def unlimited_deliveries(seen: Observation) -> Iterator[Seen]:
    with_letters = _accounts_with_dead_letters(seen)
    for row, settings in seen.consumers():
        if settings.ack_policy != "none" and settings.max_deliver is None:
            what = "max_deliver is unlimited"
            advice = (
                "Set max_deliver (usually 5) with a backoff. Copy messages that reach it to "
                "the account's dead-letter stream."
            )
            if (row.cluster, row.account_id) not in with_letters:
                what += ", and its account has no dead-letter stream"
                advice = (
                    "Create a dead-letter stream, then set max_deliver (usually 5) with a backoff."
                )
            yield Seen(consumer_name(row), what, advice=advice)


def no_dead_letters(seen: Observation) -> Iterator[Seen]:
    with_letters = _accounts_with_dead_letters(seen)
    for row, settings in seen.consumers():
        limited = settings.ack_policy != "none" and settings.max_deliver is not None
        if limited and (row.cluster, row.account_id) not in with_letters:
            what = (
                f"the server stops delivering a message after {settings.max_deliver} deliveries, "
                "and the account has no dead-letter stream"
            )
            yield Seen(consumer_name(row), what)


def ack_none(seen: Observation) -> Iterator[Seen]:
    letters = _holds_dead_letters(seen)
    for row, settings in seen.consumers():
        if settings.ack_policy == "none" and row.key[:3] not in letters:
            yield Seen(consumer_name(row), "it is a durable consumer with ack policy none")


def unlimited_ack_pending(seen: Observation) -> Iterator[Seen]:
    for row, settings in seen.consumers():
        if settings.ack_policy != "none" and settings.max_ack_pending is None:
            yield Seen(consumer_name(row), "max_ack_pending is unlimited")


def short_ack_wait(seen: Observation) -> Iterator[Seen]:
    earlier = {row.key: row for row in seen.before.consumers} if seen.before else {}
    for row, settings in seen.consumers():
        before = earlier.get(row.key)
        if before is None or settings.ack_wait is None:
            continue
        took = handling_time(before, row, seen.seconds)
        if took is not None and took > settings.ack_wait:
            yield Seen(
                consumer_name(row),
                f"messages take about {took:.1f} s to be acknowledged; ack_wait is {settings.ack_wait:g} s",
            )


def handling_time(before: Consumer, after: Consumer, seconds: float) -> float | None:
    """Seconds from delivery to acknowledgement, by Little's law: messages under way divided by the rate of completion.

    The rate is taken from deliveries and from the stream's sequences, and the smaller one counts: redeliveries inflate
    the one, messages of other subjects the other.
    """
    positions = (
        (before.acknowledged, after.acknowledged),
        (before.ack_floor_sequence, after.ack_floor_sequence),
    )
    ended = [new - old for old, new in positions if old is not None and new is not None]
    if len(ended) < 2 or before.ack_pending is None or after.ack_pending is None:
        return None
    if min(ended) <= 0 or seconds <= 0:
        return None
    return (before.ack_pending + after.ack_pending) / 2 / (min(ended) / seconds)


CHECKS: tuple[Check[Observation], ...] = (
    Check(
        "unlimited-deliveries",
        Severity.WARNING,
        "failing messages are not redelivered forever",
        "A message that always fails is delivered forever and delays other messages.",
        "Set max_deliver (usually 5) with a backoff, and keep messages that reach it in a "
        "dead-letter stream.",
        unlimited_deliveries,
    ),
    Check(
        "no-dead-letter-stream",
        Severity.INFO,
        "messages that reach max_deliver are kept",
        "The server only sends an advisory. The message stays in its stream without a mark "
        "until a limit deletes it.",
        "Create a dead-letter stream, and copy a message to it when the advisory "
        "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES names the message.",
        no_dead_letters,
    ),
    Check(
        "ack-none",
        Severity.WARNING,
        "durable consumers use acknowledgements",
        "A message is acknowledged as soon as it is sent. If the client crashes, the message "
        "is not delivered again, and no metric shows the loss.",
        "Use explicit acknowledgement.",
        ack_none,
    ),
    Check(
        "ack-pending-unlimited",
        Severity.WARNING,
        "unacknowledged messages are limited",
        "The server sends all messages to a slow client. The client can run out of memory, "
        "and the server then redelivers all of them.",
        "Set max_ack_pending to the number of messages that the clients can process at a time "
        "(the default is 1000).",
        unlimited_ack_pending,
    ),
    Check(
        "ack-wait-short",
        Severity.WARNING,
        "ack_wait is longer than the processing time",
        "Messages that are still being processed are delivered a second time.",
        'Raise ack_wait above the processing time, send "in progress" acknowledgements, or '
        "fetch fewer messages at a time.",
        short_ack_wait,
    ),
)
