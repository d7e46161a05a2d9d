"""The alerts about counters that grew, and the counters that they look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.status import consumers
from jetstream_exporter.status.alerts import Alert, alert, threshold
from jetstream_exporter.status.facts import (
    Facts,
    Object,
    of_cluster,
    of_consumer,
    of_server,
    of_stream,
)

MINUTE = 60.0


@dataclass(frozen=True, kw_only=True)
class Growth:
    """An alert about a counter that grew within `window` seconds, by more than `above`.

    `counts` gives the counter of each object that has one; where `appears`, an object without one had 0. `is_level`
    says that it is no counter: only a new highest value counts, and that is the alert's value. `of_events` says that
    events are counted, also of a consumer without a leader.
    """

    name: str
    severity: str
    counts: Callable[[Facts], Iterator[tuple[Object, int]]]
    window: float
    above: float = 0.0
    appears: bool = False
    is_level: bool = False
    of_events: bool = False

    @cached_property
    def alert(self) -> Alert:
        return alert(self.name, self.severity)


def _slow_consumers(facts: Facts) -> Iterator[tuple[Object, int]]:
    for row in facts.snapshot.servers:
        if row.process is not None:
            yield of_server(row), row.process.slow_consumers


def _meta_elections(facts: Facts) -> Iterator[tuple[Object, int]]:
    for row in facts.snapshot.metas:
        if row.cluster not in facts.without_meta_leader:
            yield of_cluster(row.cluster), row.leader_changes


def _dead_letters(facts: Facts) -> Iterator[tuple[Object, int]]:
    for row in facts.watched_streams():
        if row.dead_letter and row.figures is not None and row.figures.last_sequence is not None:
            yield of_stream(row), row.figures.last_sequence


def _given_up_by_advisories(facts: Facts) -> Iterator[tuple[Object, int]]:
    for row in facts.with_events:
        if row.events is not None and row.events.max_deliveries and facts.is_watched(row):
            yield of_consumer(row), row.events.max_deliveries


def _given_up(facts: Facts) -> Iterator[tuple[Object, int]]:
    """The lower bound, for consumers of which no advisory tells."""
    for row in _uncounted(facts):
        count = consumers.given_up(row)
        if count:
            yield of_consumer(row), count


def _uncounted(facts: Facts) -> Iterator[Consumer]:
    """Consumers with redelivered messages, of which no advisory tells how many were given up."""
    for row in facts.redelivering:
        is_counted = row.events is not None and row.events.max_deliveries is not None
        if not is_counted and facts.is_watched(row):
            yield row


EXHAUSTED = "JetStreamConsumerMaxDeliverExhausted"
GROWTHS: tuple[Growth, ...] = (
    Growth(
        name="NatsSlowConsumersDetected",
        severity="warning",
        counts=_slow_consumers,
        window=10 * MINUTE,
    ),
    Growth(
        name="JetStreamMetaLeaderFlapping",
        severity="warning",
        counts=_meta_elections,
        window=15 * MINUTE,
        above=threshold("JetStreamMetaLeaderFlapping", "warning"),
    ),
    Growth(
        name="JetStreamDeadLetterGrowing",
        severity="warning",
        counts=_dead_letters,
        window=15 * MINUTE,
    ),
    Growth(
        name=EXHAUSTED,
        severity="critical",
        counts=_given_up_by_advisories,
        window=15 * MINUTE,
        appears=True,
        of_events=True,
    ),
    Growth(
        name=EXHAUSTED,
        severity="critical",
        counts=_given_up,
        window=15 * MINUTE,
        appears=True,
        is_level=True,
    ),
)


def _redelivered(facts: Facts) -> Iterator[tuple[Object, int]]:
    for row in _uncounted(facts):
        yield of_consumer(row), row.redelivered or 0


# Not an alert: more messages that were given up than were redelivered a while ago are new ones, at least one of them.
REDELIVERED = Growth(
    name=EXHAUSTED,
    severity="critical",
    counts=_redelivered,
    window=15 * MINUTE,
    appears=True,
)
