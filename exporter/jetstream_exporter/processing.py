"""From the sources' outcomes to the snapshot that is exported: merge, complete, select. No clock, no socket."""

import platform
import re
from collections.abc import Sequence

from jetstream_exporter import __version__
from jetstream_exporter.config.schema import Config
from jetstream_exporter.history import History, unknown_objects
from jetstream_exporter.ledger import Ledger
from jetstream_exporter.report import Outcome
from jetstream_exporter.selection import Selector
from jetstream_exporter.snapshot import Naming, Snapshot, merge
from jetstream_exporter.snapshot.rows import Asking, Exporter


class Processor:
    """Makes a snapshot of each scrape's outcomes, and keeps the history between them."""

    def __init__(self, config: Config, started: float) -> None:
        self.history = History(started)
        self._ledger = Ledger()
        self._selector = Selector(config)
        pattern = config.labels.dead_letter
        self._naming = Naming(
            config.labels.account == "name", re.compile(pattern) if pattern else None
        )
        self._last_success: float | None = None

    def process(self, outcomes: Sequence[Outcome], now: float, wall: float) -> Snapshot:
        """Merge one collection; `now` is monotonic and `wall` the seconds since the epoch."""
        self.history.learn(outcomes)
        reports = [report for outcome in outcomes for report in outcome.words]
        snapshot = merge(reports, self.history.known, self._naming)
        self.history.complete(snapshot, outcomes, now)
        self._ledger.complete(snapshot, outcomes, self.history.present)
        unknown = unknown_objects(snapshot)
        dropped = self._selector.select(snapshot)
        if reports:
            self._last_success = wall
        snapshot.askings = [_asking(outcome) for outcome in outcomes]
        snapshot.exporter = self._exporter(snapshot, dropped, unknown)
        return snapshot

    def _exporter(self, snapshot: Snapshot, dropped: dict[str, int], unknown: int) -> Exporter:
        objects = {
            "server": len(snapshot.servers),
            "account": len(snapshot.accounts),
            "stream": len(snapshot.streams),
            "consumer": len(snapshot.consumers),
        }
        return Exporter(
            version=__version__,
            python_version=platform.python_version(),
            last_success=self._last_success,
            objects=objects,
            dropped=dropped,
            unknown=unknown,
            doubted=self.history.doubts,
        )


def _asking(outcome: Outcome) -> Asking:
    up = outcome.error is None
    return Asking(outcome.source, outcome.target, up, outcome.duration, outcome.received)
