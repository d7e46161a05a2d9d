"""How often messages were looked up, by result, since the exporter started."""

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

from jetstream_exporter.report import LOOKUP_RESULTS, LeaderAnswer, LookupCounts, Outcome


class LookupTotals:
    """Adds up what sources count, each from 0: a source that is built anew makes no total smaller."""

    def __init__(self) -> None:
        # What each source counted last time. Its target's name may change, and it ends with a reload that drops it.
        self._before: WeakKeyDictionary[LookupCounts, Mapping[str, int]] = WeakKeyDictionary()
        self._totals: dict[str, int] = {}

    def __len__(self) -> int:
        """How many sources are remembered."""
        return len(self._before)

    def add(self, outcomes: Sequence[Outcome]) -> dict[str, int]:
        """The totals by result; empty as long as nobody looks anything up."""
        for outcome in outcomes:
            if isinstance(outcome.answer, LeaderAnswer) and outcome.answer.lookups is not None:
                self._add(outcome.answer.lookups.counts)
        return dict(self._totals)

    def _add(self, counts: LookupCounts) -> None:
        before, now = self._before.get(counts, {}), dict(counts)
        for result in LOOKUP_RESULTS:
            more = now.get(result, 0) - before.get(result, 0)
            self._totals[result] = self._totals.get(result, 0) + more
        self._before[counts] = now
