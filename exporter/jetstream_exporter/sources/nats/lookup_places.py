"""Where consumers stand for whom messages wait, from the lists of one account."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from jetstream_exporter.report import LeaderReport, ObjectKey
from jetstream_exporter.wire import ConsumerConfig, ConsumerDetail, StreamDetail

EVERYTHING = ">"


class Place(msgspec.Struct, frozen=True, gc=False):
    """From which sequences on a consumer's next message is looked for: to deliver, and to acknowledge."""

    incarnation: tuple[datetime | None, str]  # when it was created, and its Raft group
    subject: str  # of the messages that it wants
    sequences: tuple[int, ...]
    is_too_large: bool  # the stream's messages are

    def is_of(self, other: "Place") -> bool:
        """Whether both are of one consumer that wants the same messages."""
        return self.incarnation == other.incarnation and self.subject == other.subject


def places(reports: Sequence[LeaderReport], largest: int) -> Iterator[tuple[ObjectKey, Place]]:
    """Of every consumer whose next message can be looked for. Messages above `largest` bytes are too large."""
    for report in reports:
        lists = report.stream_lists()
        streams = {one.name: one for _, details in lists for one in details if one.state}
        for account, details in lists:
            for detail in details:
                stream = streams.get(detail.name)
                if stream is None:
                    continue
                for consumer in detail.consumer_detail:
                    place = _place(consumer, stream, largest)
                    if place is not None:
                        yield (account, detail.name, consumer.name), place


def _place(consumer: ConsumerDetail, stream: StreamDetail, largest: int) -> Place | None:
    config, state = consumer.config, stream.state
    subject = _subject(config) if config is not None else None
    if config is None or state is None or subject is None:
        return None
    found = set()
    if consumer.num_pending > 0:
        found.add(max(consumer.delivered.stream_seq + 1, state.first_seq))
    if consumer.num_ack_pending > 0 and config.ack_policy != "none":
        found.add(max(consumer.ack_floor.stream_seq + 1, state.first_seq))
    group = consumer.cluster.raft_group if consumer.cluster else ""
    if not found:
        return None
    return Place(
        (consumer.created, group),
        subject,
        tuple(sorted(found, reverse=True)),
        _is_too_large(stream, largest),
    )


def _subject(config: ConsumerConfig) -> str | None:
    """None where the next message cannot be asked for: of several filters, or if some messages are passed over."""
    if config.deliver_policy == "last_per_subject":
        return None
    filters = config.filter_subjects or [config.filter_subject or EVERYTHING]
    return filters[0] if len(filters) == 1 else None


def _is_too_large(stream: StreamDetail, largest: int) -> bool:
    """By the configured limit, and on average."""
    state, limit = stream.state, stream.config.max_msg_size if stream.config else -1
    average = state.bytes / state.messages if state is not None and state.messages else 0
    return limit > largest or average > largest
