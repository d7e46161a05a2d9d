"""The running configuration: its sources, its scraper, its probes; exchanged whole on reload."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Coroutine, Sequence
from urllib.parse import urlsplit

import structlog
from msgspec.structs import replace
from yarl import URL

from jetstream_exporter.config import Config, ConfigError, load
from jetstream_exporter.config.hints import did_you_mean
from jetstream_exporter.config.load import check_target, with_port
from jetstream_exporter.config.schema import Cluster, Collect
from jetstream_exporter.config.urls import MONITORING
from jetstream_exporter.config.values import Pattern
from jetstream_exporter.config.yaml_tree import Locator
from jetstream_exporter.metrics import TABLES
from jetstream_exporter.metrics.thresholds import label_name
from jetstream_exporter.report import PROBE, Outcome
from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.runtime.tasks import start
from jetstream_exporter.runtime.url import text
from jetstream_exporter.scrape import Latest, Pipeline, Reload, Scraper
from jetstream_exporter.sources.build import build_sources
from jetstream_exporter.sources.collector import Collector, Source
from jetstream_exporter.sources.http.monitoring import NAME as SOURCE
from jetstream_exporter.sources.lookup import Lookup, SystemLookup
from jetstream_exporter.sources.purpose import Purpose
from jetstream_exporter.sources.source_set import SourceSet

PROBES = 1000  # targets whose history is kept
RELOAD_EVERY = 1.0  # seconds in which reloads of an unchanged configuration are one
log = structlog.get_logger()


class ForbiddenTargetError(Exception):
    """A probe asks for a target that the configuration does not allow."""


class App:
    """What serves requests now. A reload exchanges the settings; sources that it does not concern go on, and so does
    what earlier scrapes showed."""

    def __init__(
        self,
        path: str,
        targets: Sequence[str] = (),
        lookup: Lookup | None = None,
        purpose: Purpose = Purpose.EVERYTHING,
        adapt: Callable[[Config], Config] = lambda config: config,
    ) -> None:
        """`adapt` changes what was read, for a command that wants other than what is exported."""
        self.purpose = purpose
        self._path = path
        self._whole = purpose is not Purpose.EVERYTHING  # who only looks, looks at all accounts
        self._targets = targets
        self._lookup = lookup or SystemLookup()
        self._reload = Reload(True, time.time())
        self.requests: Counter[tuple[str, str]] = Counter()  # answered, by path and status code
        self._reloaded = float("-inf")  # by the monotonic clock
        self._probes: OrderedDict[str, Scraper] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._before: Sequence[Outcome] = ()  # what was found under the configuration before
        self._attempted = False
        self.config = adapt(load_checked(path, targets, whole=self._whole))
        self._pipeline = Pipeline(self.config)
        self._source_set = SourceSet(self._lookup, purpose).rebuilt(
            self.config.clusters, collected(self.config), self.config.shard
        )
        self.scraper = self._scraper(self.config, self._source_set)

    async def reload(self) -> str | None:
        """Read the file again. Returns the error, if any; the running configuration is kept in that case."""
        try:
            config = load_checked(self._path, self._targets, whole=self._whole)
            source_set = self._source_set.rebuilt(config.clusters, collected(config), config.shard)
        except ConfigError as error:
            self._reload.successful = False
            log.error("configuration not reloaded; the running one is kept", error=str(error))
            return str(error)
        changed = config != self.config or source_set.sources != self._source_set.sources
        recent = time.monotonic() - self._reloaded < RELOAD_EVERY
        if recent and not changed and self._reload.successful:
            return None  # one of many at once, and nothing is new
        self._exchange(config, source_set)
        self._reloaded = time.monotonic()
        self._reload.successful, self._reload.time = True, time.time()
        log.info("configuration reloaded", file=self._path or "none")
        return None

    def _exchange(self, config: Config, source_set: SourceSet) -> None:
        """Take another configuration. Scrapes in hand end under the one before."""
        self._before, self._attempted = self.outcomes, self.attempted
        old, probes = self.scraper, list(self._probes.values())
        self.config, self._source_set = config, source_set
        self._pipeline.configure(config)
        self._start(self._end(old, keep=source_set.sources))
        self.scraper = self._scraper(config, source_set)
        self.scraper.start()
        self._probes.clear()
        for probe in probes:
            self._start(probe.drain())
        self._start(self.initial_collection())

    async def _end(self, scraper: Scraper, keep: Collection[Source]) -> None:
        try:
            await scraper.drain(keep)
        finally:
            self._pipeline.ended()

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """The outcomes of the last collection; after a reload, of the old configuration until there is a new one."""
        return self.scraper.outcomes or ([] if self.scraper.attempted else self._before)

    @property
    def conflicts(self) -> Sequence[str]:
        """The names that stood for several things in the last collection, in sentences."""
        return self._pipeline.conflicts

    @property
    def latest(self) -> Latest | None:
        """The last snapshot of all sources with what is remembered; None before the first one."""
        return self._pipeline.latest

    async def look(self) -> Latest | None:
        """The same, judged for the status."""
        return await self._pipeline.look()

    @property
    def attempted(self) -> bool:
        return self._attempted or self.scraper.attempted

    async def initial_collection(self) -> None:
        """Collect once before the first scrape, so that readiness is meaningful and configurations are read."""
        timeout = self.config.collect.timeout
        if not await self.scraper.prefetch(timeout):
            log.warning("the first collection took too long", timeout_seconds=timeout)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = start("reload", work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def probe(self, target: str) -> Scraper:
        """The scraper of one server. ForbiddenTargetError unless it is configured, found by DNS, or allowed."""
        cluster = self._cluster_of(target)
        if cluster is None:
            raise ForbiddenTargetError(target)
        name = with_port(target)
        if name not in self._probes:
            single = Cluster(cluster.name, [name], cluster.http)
            sources = build_sources(
                single,
                collected(self.config),
                Purpose.FIGURES,
                self._lookup,
                shard=self.config.shard,
            )
            collector = Collector(sources, [PROBE] * len(sources))
            self._probes[name] = Scraper(
                self.config, collector, self._reload, Pipeline(self.config)
            )
        self._probes.move_to_end(name)
        while len(self._probes) > PROBES:
            _, old = self._probes.popitem(last=False)
            self._start(old.drain())
        return self._probes[name]

    def _cluster_of(self, target: str) -> Cluster | None:
        try:
            check_target(target, "target")
            name = with_port(target)
        except ConfigError:
            return None
        for cluster in self.config.clusters:
            if name in cluster.targets:
                return cluster
        for outcome in self.scraper.outcomes:
            if outcome.target == name and can_be_probed(outcome):
                return self._cluster_named(outcome.cluster_name)
        allowed = any(self._allows(pattern, target) for pattern in self.config.probe.allow)
        return Cluster(targets=[name]) if allowed else None

    @staticmethod
    def _allows(pattern: Pattern, target: str) -> bool:
        """Whether a pattern matches the scheme, host and port that would be asked. Anything more is not allowed."""
        url = URL(target)
        path = urlsplit(target).path.strip("/")  # as it is written: yarl resolves /%2e%2e
        if target.startswith("srv+") or path or not url.host:
            return False
        asked = URL(with_port(target))  # http has NATS' port where none is written, and not 80
        written = {text(asked), text(asked, asked.port)}
        return any(pattern.regex.fullmatch(each) for each in written)

    def _cluster_named(self, name: str) -> Cluster | None:
        """None where clusters without a name have different settings: a password must not go to another cluster."""
        found = [cluster for cluster in self.config.clusters if cluster.name == name]
        alike = found and all(cluster.http == found[0].http for cluster in found)
        return found[0] if alike else None

    def _scraper(self, config: Config, source_set: SourceSet) -> Scraper:
        collector = Collector(source_set.sources, source_set.entries)
        return Scraper(config, collector, self._reload, self._pipeline, self.requests)

    async def close(self) -> None:
        await cancel_and_wait(*self._tasks)
        for scraper in (self.scraper, *self._probes.values()):
            await scraper.close()


def can_be_probed(outcome: Outcome) -> bool:
    """Whether the outcome's target is a monitoring port that was configured or found.

    Other sources' targets are what servers call themselves: one that is called like a URL would be asked, with a login.
    """
    scheme = outcome.target.partition("://")[0]  # a name of SRV records is none
    return outcome.source == SOURCE and outcome.is_server and scheme in MONITORING.schemes


def collected(config: Config) -> Collect:
    """What is asked of the servers. Shard 0 alone has their links and clients; names of accounts are needed in all."""
    collect = config.collect
    if config.shard.is_first:
        return collect
    by_name = config.labels.account == "name"
    return replace(collect, links=False, accounts=collect.accounts and by_name)


def load_checked(path: str, targets: Sequence[str], *, whole: bool = False) -> Config:
    """Load, and check what the schema alone cannot: names of families and labels. `whole` ignores the shard."""
    return load(path, targets, _check_names, whole=whole)


def _check_names(config: Config, locator: Locator) -> None:
    _check_families(config, locator)
    _check_metadata_keys(config, locator)


def _check_metadata_keys(config: Config, locator: Locator) -> None:
    """Refuse keys that would be one label."""
    taken: dict[str, str] = {}
    for i, key in enumerate(config.labels.metadata):
        label = label_name(key)
        if label in taken:
            what = f"{key!r} and {taken[label]!r} become the same label {label}; remove one of them"
            raise locator.error(("labels", "metadata", i), what)
        taken[label] = key


def _check_families(config: Config, locator: Locator) -> None:
    names = {family.name for table in TABLES for family in table.families}
    for i, name in enumerate(config.families.disabled):
        if name not in names:
            what = f"unknown metric family {name!r}{did_you_mean(name, names)}; see METRICS.md"
            raise locator.error(("families", "disabled", i), what)
