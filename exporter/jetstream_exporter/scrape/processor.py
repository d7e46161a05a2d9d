"""From the sources' outcomes to the snapshot that is exported: merge, complete, select. No clock, no socket."""

import platform
import re
from collections import Counter
from collections.abc import Sequence
from math import inf

import msgspec
import structlog

from jetstream_exporter import __version__
from jetstream_exporter.config.schema import Config
from jetstream_exporter.report import Events, LeaderAnswer, Outcome, ServerAnswer, is_unread
from jetstream_exporter.scrape.expected import ExpectedObjects
from jetstream_exporter.scrape.object_limits import counted
from jetstream_exporter.scrape.selection import Selector
from jetstream_exporter.scrape.shards import of_shard
from jetstream_exporter.snapshot import LabelOptions, Snapshot, merge
from jetstream_exporter.snapshot.drain import with_drains
from jetstream_exporter.snapshot.rows import Exporter, TargetResult
from jetstream_exporter.state.deliveries import RecentDeliveries
from jetstream_exporter.state.divergence import Divergence
from jetstream_exporter.state.event_totals import EventTotals
from jetstream_exporter.state.history import History
from jetstream_exporter.state.lags import Lags, lookups_of
from jetstream_exporter.state.lookup_totals import LookupTotals
from jetstream_exporter.state.names import Names

UNNAMED_SERVER = (
    "a server has no server_name, so its name would change with each start: it is exported under its address; "
    "set server_name in its configuration"
)
UNCONFIGURED = (
    "servers of a cluster are not configured as targets: they are exported as down, and streams that only they "
    "store are not monitored; add them to the targets"
)
LISTS = "jsz"
SHOWN = 10  # servers that a log line names
log = structlog.get_logger()


class Processor:
    """Makes a snapshot of each scrape's outcomes, and keeps the history between them."""

    def __init__(self, config: Config, started: float) -> None:
        self.history = History(started)
        self._divergence = Divergence()
        self._recent_deliveries = RecentDeliveries()
        self._event_totals = EventTotals()
        self._names = Names()
        self._lags = Lags()
        self._lookup_totals = LookupTotals()
        self._clusters = config.clusters
        self._unconfigured: set[tuple[str, str]] = set()
        self._last_success: float | None = None
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take the settings of a configuration; what earlier scrapes showed outlives a reload."""
        if config.clusters != self._clusters:
            self._names = Names()  # the name that another cluster had may be another's now
            self._clusters = config.clusters
            self._event_totals.reconfigured()
        self._selector = Selector(config)
        self._shard = config.shard
        self._expected = ExpectedObjects(config.expect, config.shard)
        self._delivery_lag = config.collect.delivery_lag
        self._metadata_keys = config.labels.metadata
        self._profile = config.families.profile
        pattern = config.labels.dead_letter
        self._label_options = LabelOptions(
            config.labels.account == "name", re.compile(pattern) if pattern else None
        )

    def process(
        self,
        outcomes: Sequence[Outcome],
        now: float,
        wall: float,
        took: float = 0.0,
        *,
        is_whole: bool = True,
    ) -> Snapshot:
        """Merge one collection that began `took` seconds ago, and ends later unless it `is_whole`.

        `now` is monotonic and `wall` the seconds since the epoch.
        """
        before = self._names.unnamed_servers
        outcomes = self._names.apply(outcomes, now)
        for server in sorted(self._names.unnamed_servers - before):
            log.warning(UNNAMED_SERVER, server=server)
        self.history.configurations.remember(outcomes, self._metadata_keys)
        reports = [report for outcome in outcomes for report in outcome.reports]
        merged = merge(reports, self.history.configurations.cache, self._label_options)
        begun = now - took if is_whole else -inf  # what comes at its end is what counts
        snapshot = self.history.annotate(self._with_conflicts(merged), outcomes, now, begun)
        snapshot = self._divergence.annotate(snapshot, now, begun)
        self._warn_unconfigured(snapshot)
        snapshot = self._event_totals.annotate(
            snapshot, outcomes, self.history.present, self._shard
        )
        unknown = self.history.configurations.unknown(snapshot)
        if not (self.history.is_probe or self._shard.is_divided):  # a part alone cannot say it
            snapshot = with_drains(snapshot)
        expected = self._expected.rows(snapshot, outcomes)
        whole = of_shard(snapshot, self._shard)
        snapshot, dropped = self._selector.select(whole)
        if self._delivery_lag:
            present, lookups = self.history.present, lookups_of(outcomes)
            snapshot = self._lags.annotate(
                snapshot, present, took, now, begun=begun, lookups=lookups, whole=whole
            )
        if self._profile == "lean":
            snapshot = self._recent_deliveries.annotate(snapshot, now)
        # A shard may have no account to read: then it is well without figures.
        if is_success(outcomes) or (self._shard.is_divided and all(map(_has_events, outcomes))):
            self._last_success = wall
        return msgspec.structs.replace(
            snapshot,
            expected=expected,
            target_results=[self._target_result(outcome) for outcome in outcomes],
            exporter=self._exporter(snapshot, dropped, unknown, self._lookup_totals.add(outcomes)),
        )

    def _target_result(self, outcome: Outcome) -> TargetResult:
        up = outcome.error is None
        requests = {self._part_name(name): part.up for name, part in outcome.requests.items()}
        server = self.history.server_of(outcome.target)
        return TargetResult(
            outcome.source, outcome.target, up, outcome.duration, outcome.received, requests, server
        )

    def _part_name(self, request: str) -> str:
        """Each shard asks for lists of its own, and one that fails is not to be hidden by another's that came."""
        is_own = self._shard.is_divided and request == LISTS
        return f"{request}-shard-{self._shard.number}" if is_own else request

    def _warn_unconfigured(self, snapshot: Snapshot) -> None:
        """Log once which servers of a cluster are no targets: they and what only they store are not monitored."""
        missing = {(row.cluster, row.name) for row in snapshot.servers if row.configured is False}
        found: dict[str, list[str]] = {}
        for cluster, name in sorted(missing - self._unconfigured):
            found.setdefault(cluster, []).append(name)
        for cluster, names in found.items():
            servers = ", ".join(names[:SHOWN]) + (" ..." if names[SHOWN:] else "")
            log.warning(UNCONFIGURED, cluster=cluster, servers=servers, count=len(names))
        self._unconfigured = missing

    def _with_conflicts(self, snapshot: Snapshot) -> Snapshot:
        conflicts = self._names.conflicts
        counts = Counter(conflict.cluster for conflict in conflicts)
        counts.update(snapshot.name_conflicts)
        return msgspec.structs.replace(
            snapshot,
            conflicts=[*(conflict.text for conflict in conflicts), *snapshot.conflicts],
            name_conflicts={name: counts[name] for name in sorted(counts)},
        )

    def _exporter(
        self, snapshot: Snapshot, dropped: dict[str, int], unknown: int, lookups: dict[str, int]
    ) -> Exporter:
        return Exporter(
            version=__version__,
            python_version=platform.python_version(),
            profile=self._profile,
            last_success=self._last_success,
            objects=counted(snapshot),
            dropped=dropped,
            unknown=unknown,
            suspect_zeros=self.history.suspect_zeros,
            lag_lookups=lookups,
        )


def is_success(outcomes: Sequence[Outcome]) -> bool:
    """Whether a collection brought what the figures need.

    Needed is a list of streams from every configured cluster, and of every server that answered anything, its list, by
    whichever source. A server that answers nothing at all is no failed collection: it is exported as down.
    """
    servers = [outcome.server for outcome in outcomes if outcome.server is not None]
    answered = {report.server_id for report in servers}
    listed = {r.server_id for r in servers if r.jsz is not None and not is_unread(r.jsz)}
    wanted = {o.cluster_name for o in outcomes if not _has_events(o)}
    return (
        bool(wanted)
        and answered == listed
        and wanted == {o.cluster_name for o in outcomes if _has_list(o)}
    )


def _has_events(outcome: Outcome) -> bool:
    """Whether it is of a source that receives events, and none of figures."""
    return isinstance(outcome.answer, Events)


def _has_list(outcome: Outcome) -> bool:
    """Whether it holds a server's list, or an account's, which may be empty."""
    match outcome.answer:
        case ServerAnswer(report=report):
            return report is not None and report.jsz is not None
        case LeaderAnswer(reports=reports):
            streams = outcome.requests.get("streams")
            return any(report.with_config for report in reports) or bool(streams and streams.up)
        case _:
            return False
