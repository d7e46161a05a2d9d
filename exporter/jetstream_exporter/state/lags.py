"""The lag of every consumer of a snapshot, from what earlier ones showed of its stream."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from math import inf
from operator import attrgetter

import msgspec

from jetstream_exporter.report import LeaderAnswer, LookedUp, Lookups, Outcome
from jetstream_exporter.snapshot import Consumer, Snapshot
from jetstream_exporter.snapshot.rows import NO_LAG, Lag
from jetstream_exporter.state.exact import is_inexact
from jetstream_exporter.state.lag import NOTHING, StreamLag
from jetstream_exporter.state.stream_view import stream_view

Key = tuple[str, ...]
LookupsOf = tuple[Set[str], Lookups]  # the clusters, and what was looked up in them
STREAM = attrgetter("cluster", "account_id", "stream")


class Lags:
    """One for a running exporter. It remembers streams for as long as the history does."""

    def __init__(self) -> None:
        self._streams: dict[Key, tuple[object, StreamLag]] = {}
        self._sizes, self._sizes_of_all = Sizes(), Sizes()

    def __len__(self) -> int:
        """How many points are held, of all streams."""
        return sum(len(lag) for _, lag in self._streams.values())

    @property
    def remembered(self) -> Collection[Key]:
        """The streams of which anything is held."""
        return self._streams.keys()

    def annotate(
        self,
        snapshot: Snapshot,
        present: Mapping[Key, object],
        took: float,
        now: float,
        *,
        begun: float | None = None,
        lookups: Collection[LookupsOf] = (),
        whole: Snapshot | None = None,
    ) -> Snapshot:
        """The snapshot with the lags of its consumers. `present` has a marker for each stream, a new one if recreated.

        `whole` has all consumers and all sources of its streams, also those that are not exported: what they
        acknowledge was removed by somebody, and a mirror is one whatever is shown of it.

        They stand beside the rows: a new row for each backlog would scatter the rows in memory, and everything that
        reads them would take longer by a fifth.

        `took` is how many seconds ago, at most, the first of the reports was begun. `lookups` are told for which
        consumers the scrapes alone do not say enough; `now` is monotonic.
        """
        whole = whole or snapshot
        looked_up = _by_stream(lookups)
        for key in [
            key for key, (marker, _) in self._streams.items() if present.get(key) is not marker
        ]:
            del self._streams[key]
        rows = self._sizes.rows(snapshot.consumers)
        hides = snapshot.consumers is not whole.consumers
        everyone = self._sizes_of_all.rows(whole.consumers) if hides else rows
        begun = now - took if begun is None else begun
        found: dict[Key, Sequence[Lag]] = {}
        for stream in whole.streams:
            key, consumers = stream.key, rows.get(stream.key)
            view = stream_view(stream, took)
            if consumers is not None and view is not None and key in present:
                if key not in self._streams:
                    self._streams[key] = present[key], StreamLag()
                messages, everybody = looked_up.get(key, NOTHING), everyone[key]
                found[key] = self._streams[key][1].observe(
                    view, consumers, messages, now, begun=begun, everybody=everybody
                )
        told = _told(rows, found)
        if lookups and begun > -inf:  # otherwise its end tells more
            pairs = zip(snapshot.consumers, told, strict=True)
            inexact = [row for row, lag in pairs if is_inexact(row, lag)]
            for labels, each in lookups:
                each.want(frozenset(row.key[1:] for row in inexact if row.cluster in labels))
        return msgspec.structs.replace(snapshot, lags=told)


def _told(rows: Mapping[Key, Sequence[Consumer]], found: Mapping[Key, Sequence[Lag]]) -> list[Lag]:
    """The lag of each consumer, in their order."""
    told: list[Lag] = []
    for key, consumers in rows.items():
        told += found.get(key) or [NO_LAG] * len(consumers)
    return told


def lookups_of(outcomes: Iterable[Outcome]) -> list[LookupsOf]:
    """Of the sources that look up single messages, with the clusters that each of them reports."""
    answers = (one.answer for one in outcomes if isinstance(one.answer, LeaderAnswer))
    return [
        ({report.label for report in answer.reports}, answer.lookups)
        for answer in answers
        if answer.lookups is not None
    ]


class Sizes:
    """How many consumers each stream had, by which they are divided again."""

    def __init__(self) -> None:
        self._sizes: dict[Key, int] = {}

    def rows(self, consumers: Sequence[Consumer]) -> dict[Key, Sequence[Consumer]]:
        """The consumers of each stream. Those of one stand together, most often as many as there were before."""
        found: dict[Key, Sequence[Consumer]] = {}
        start = 0
        while start < len(consumers):
            key = STREAM(consumers[start])
            end = start + self._sizes.get(key, 1)
            if not _is_end(consumers, end, key):
                end = _end(consumers, start, key)
            found[key] = consumers[start:end]
            start = end
        self._sizes = {key: len(rows) for key, rows in found.items()}
        return found


def _is_end(consumers: Sequence[Consumer], end: int, key: Key) -> bool:
    """Whether the consumers of a stream end there."""
    if end > len(consumers) or STREAM(consumers[end - 1]) != key:
        return False
    return end == len(consumers) or STREAM(consumers[end]) != key


def _end(consumers: Sequence[Consumer], start: int, key: Key) -> int:
    step = 1
    while start + step < len(consumers) and STREAM(consumers[start + step]) == key:
        step *= 2
    most = min(start + step, len(consumers))
    return bisect_left(consumers, True, start, most, key=lambda row: STREAM(row) != key)


def _by_stream(lookups: Iterable[LookupsOf]) -> dict[Key, dict[str, LookedUp]]:
    """What was looked up, by cluster, account id and stream, then by consumer."""
    found: dict[Key, dict[str, LookedUp]] = {}
    for labels, each in lookups:
        for label in labels:
            for (account, stream, consumer), looked_up in each.found.items():
                found.setdefault((label, account, stream), {})[consumer] = looked_up
    return found
