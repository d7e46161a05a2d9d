"""The running configuration: its sources, its scraper, its probes; exchanged whole on reload."""

import asyncio
import base64
import os
import ssl
import time
from collections import OrderedDict
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path

import structlog

from jetstream_exporter.cancel import cancelled
from jetstream_exporter.collect import Collector, Source
from jetstream_exporter.config import Config, ConfigError, load
from jetstream_exporter.config.load import check_target, with_port
from jetstream_exporter.config.schema import Cluster, Http
from jetstream_exporter.config.tls import client_context
from jetstream_exporter.metrics import TABLES
from jetstream_exporter.report import Outcome
from jetstream_exporter.scrape import Reload, Scraper
from jetstream_exporter.sources.build import nats_sources
from jetstream_exporter.sources.discovery import Lookup, SystemLookup
from jetstream_exporter.sources.http import Client
from jetstream_exporter.sources.monitoring import MonitoringSource

PROBES = 1000  # targets whose history is kept
log = structlog.get_logger()


class ForbiddenTargetError(Exception):
    """A probe asks for a target that the configuration does not allow."""


class Service:
    """What serves requests now. A reload builds new sources and a new scraper, which then replace the old ones."""

    def __init__(
        self, path: str, targets: Sequence[str] = (), lookup: Lookup | None = None
    ) -> None:
        self._path = path
        self._targets = targets
        self._lookup = lookup or SystemLookup()
        self._reload = Reload(True, time.time())
        self._probes: OrderedDict[str, Scraper] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._before: Sequence[Outcome] = ()  # what was found under the configuration before
        self._tried = False
        self.config = load_checked(path, targets)
        self.scraper = self._build(self.config.clusters)

    def reload(self) -> str | None:
        """Read the file again. Returns the error, if any; the running configuration is kept in that case."""
        try:
            config = load_checked(self._path, self._targets)
            scraper = self._build(config.clusters, config)
        except ConfigError as error:
            self._reload.successful = False
            log.error("configuration not reloaded; the running one is kept", error=str(error))
            return str(error)
        old = [self.scraper, *self._probes.values()]
        self._before, self._tried = self.outcomes, self.tried
        self.config, self.scraper = config, scraper
        scraper.start()
        self._probes.clear()
        self._reload.successful, self._reload.time = True, time.time()
        self._start(_drain(old))
        self._start(self.first())
        log.info("configuration reloaded", file=self._path or "none")
        return None

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """The outcomes of the last collection; after a reload, of the old configuration until there is a new one."""
        return self.scraper.outcomes if self.scraper.tried else self._before

    @property
    def tried(self) -> bool:
        return self._tried or self.scraper.tried

    async def first(self) -> None:
        """Collect once before the first scrape, so that readiness is meaningful and configurations are read."""
        timeout = self.config.collect.timeout
        if not await self.scraper.warm(timeout):
            log.warning("the first collection took too long", timeout_seconds=timeout)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def probe(self, target: str) -> Scraper:
        """The scraper of one server. ForbiddenTargetError unless it is configured, found by DNS, or allowed."""
        cluster = self._cluster_of(target)
        if cluster is None:
            raise ForbiddenTargetError(target)
        name = with_port(target)
        if name not in self._probes:
            self._probes[name] = self._build([Cluster(cluster.name, [name], cluster.http)])
        self._probes.move_to_end(name)
        while len(self._probes) > PROBES:
            _, old = self._probes.popitem(last=False)
            self._start(_drain([old]))
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
            if outcome.target == name:
                return self._cluster_named(outcome.group)
        allowed = any(p.regex.fullmatch(name) for p in self.config.probe.allow)
        return Cluster(targets=[name]) if allowed else None

    def _cluster_named(self, name: str) -> Cluster | None:
        """None where clusters without a name have different settings: a password must not go to another cluster."""
        found = [cluster for cluster in self.config.clusters if cluster.name == name]
        alike = found and all(cluster.http == found[0].http for cluster in found)
        return found[0] if alike else None

    def _build(self, clusters: Sequence[Cluster], config: Config | None = None) -> Scraper:
        config = config or self.config
        sources = [source for cluster in clusters for source in self._sources(cluster, config)]
        return Scraper(config, Collector(sources), self._reload)

    def _sources(self, cluster: Cluster, config: Config) -> Iterator[Source]:
        collect = config.collect
        if cluster.targets:
            yield MonitoringSource(
                cluster.targets,
                client(cluster.http, collect.max_response_bytes),
                self._lookup,
                cluster.name,
                collect.health_check,
            )
        yield from nats_sources(cluster, collect)

    async def close(self) -> None:
        await cancelled(*self._tasks)
        for scraper in (self.scraper, *self._probes.values()):
            await scraper.close()


async def _drain(scrapers: Sequence[Scraper]) -> None:
    await asyncio.gather(*(scraper.drain() for scraper in scrapers))


def load_checked(path: str, targets: Sequence[str]) -> Config:
    """Load, and check what the schema alone cannot: names of families, files of certificates."""
    config = load(path, targets)
    names = {family.name for table in TABLES for family in table.families}
    for name in config.families.disabled:
        if name not in names:
            raise ConfigError(
                f"{path}: families.disabled: there is no family {name!r}; see METRICS.md"
            )
    for i, cluster in enumerate(config.clusters):
        try:
            tls(cluster.http)
            _headers(cluster.http)
        except ConfigError as error:
            raise ConfigError(f"{path}: clusters[{i}].http: {error}") from None
    return config


def client(http: Http, max_bytes: int) -> Client:
    return Client(max_bytes, tls(http), _headers(http))


def tls(http: Http) -> ssl.SSLContext | None:
    """The TLS settings of a cluster's targets; None is the system's."""
    if not (http.ca_file or http.cert_file or http.insecure_skip_verify):
        return None
    return client_context(
        http.ca_file, http.cert_file, http.key_file, insecure=http.insecure_skip_verify
    )


def _headers(http: Http) -> dict[str, str]:
    if not http.username:
        return {}
    if http.password_file:
        try:
            password = Path(http.password_file).read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise ConfigError(f"{http.password_file}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{http.password_file}: is not UTF-8 text") from None
        if not password:
            raise ConfigError(f"{http.password_file}: is empty")
    else:
        password = os.environ.get(http.password_env, "")
    token = base64.b64encode(f"{http.username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
