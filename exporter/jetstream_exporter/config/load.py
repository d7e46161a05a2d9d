"""Reads a YAML file into a `Config`, or raises one sentence that says where it is wrong and what is allowed."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from yarl import URL

from jetstream_exporter.config.decode import decode
from jetstream_exporter.config.errors import ConfigError
from jetstream_exporter.config.expect import check_expected
from jetstream_exporter.config.http_login import read_http_login
from jetstream_exporter.config.login import read_login
from jetstream_exporter.config.named_files import check_no_secrets, connections, in_folder, sections
from jetstream_exporter.config.schema import Cluster, Config
from jetstream_exporter.config.secrets import read_document
from jetstream_exporter.config.shard import WHOLE, Shard, resolved
from jetstream_exporter.config.urls import MONITORING, check_url
from jetstream_exporter.config.yaml_tree import KeyPath, Locator
from jetstream_exporter.runtime.url import text

DEFAULT_TARGET = "http://localhost:8222"
DEFAULT_PORT = 8222
MIN_TIMEOUT = 1.0
# fmt: off
# What a monitoring port and an exporter serve (nats-server's server/server.go, startMonitoring).
ENDPOINTS = frozenset((
    "varz", "connz", "routez", "gatewayz", "leafz", "subsz", "subscriptionsz", "accountz", "accstatz", "jsz",
    "healthz", "ipqueuesz", "raftz", "stacksz", "expvarz", "metrics",
))
# fmt: on

Check = Callable[[Config, Locator], None]


def load(
    path: str, targets: Sequence[str] = (), check: Check | None = None, *, whole: bool = False
) -> Config:
    """Read a file (none if empty) and add the targets of the command line as a cluster of their own.

    `check` looks at what this room knows nothing of, and can name the place of a mistake. `whole` is for who looks at
    all accounts, whichever shard the file is of.
    """
    config = parse(read_document(path), path, check, whole=whole) if path else Config()
    clusters = list(config.clusters)
    taken = {target for cluster in clusters for target in cluster.targets}
    if targets:
        places = [f"--target {i + 1}" for i in range(len(targets))]
        clusters.append(Cluster(targets=_targets(targets, places, taken)))
    if not clusters:
        clusters.append(Cluster(targets=[DEFAULT_TARGET]))
    return msgspec.structs.replace(config, clusters=clusters)


def parse(written: str, name: str, check: Check | None = None, *, whole: bool = False) -> Config:
    """Decode and check a file's text; `name` is what sentences call it. Files in it are relative to its folder."""
    config, locator = decode(written, name, Config)
    _check(config, locator)
    shard = WHOLE if whole else resolved(config.shard, locator)
    _check_divided(config, shard, locator)
    if check is not None:
        check(config, locator)
    taken: set[str] = set()
    clusters = []
    for i, cluster in enumerate(config.clusters):
        place: KeyPath = ("clusters", i)
        places = [locator.place((*place, "targets", j)) for j, _ in enumerate(cluster.targets)]
        complete = _targets(cluster.targets, places, taken)
        folder = Path(name).parent
        for path, section in sections(cluster):
            check_no_secrets(section, folder, (*place, *path), locator)
        found = in_folder(msgspec.structs.replace(cluster, targets=complete), folder)
        read_http_login(found.http, locator.where((*place, "http")))
        for path, settings in connections(found):
            read_login(settings, locator.where((*place, *path)))
        clusters.append(found)
    return msgspec.structs.replace(config, clusters=clusters, shard=shard)


def _check_divided(config: Config, shard: Shard, locator: Locator) -> None:
    """Refuse what cannot be divided between shards."""
    for i, cluster in enumerate(config.clusters if shard.is_divided else ()):
        for j, account in enumerate(cluster.accounts):
            if not account.account:
                what = "set account to the ID of the account, which says in which shard it is read"
                raise locator.error(("clusters", i, "accounts", j), what)
        for j, advisories in enumerate(cluster.advisories):
            if advisories.stream:
                what = (
                    "cannot be used with shard, because the shards would take events from each other; remove it, so "
                    "that each of them subscribes"
                )
                raise locator.error(("clusters", i, "advisories", j, "stream"), what)


def _check(config: Config, locator: Locator) -> None:
    """Check what the types cannot express."""
    if config.collect.timeout < MIN_TIMEOUT:
        raise locator.error(("collect", "timeout"), f"must be at least {MIN_TIMEOUT:g}s")
    check_expected(config.expect, len(config.clusters), locator)
    names: set[str] = set()
    for i, cluster in enumerate(config.clusters):
        place: KeyPath = ("clusters", i)
        if not cluster.has_figures:
            what = "has no source; set targets (such as http://nats:8222), system or accounts"
            raise locator.error(place, what)
        if cluster.name and cluster.name in names:
            what = f"duplicate cluster name {cluster.name!r}"
            raise locator.error((*place, "name"), what)
        names.add(cluster.name)
    try:
        re.compile(config.labels.dead_letter)
    except (re.error, OverflowError, RecursionError) as error:
        what = f"is not a regular expression: {error}"
        raise locator.error(("labels", "dead_letter"), what) from None
    _check_dashboards(config, locator)


def _check_dashboards(config: Config, locator: Locator) -> None:
    """Refuse what is no address of a page: the status pages link to it."""
    address = config.status.dashboard_url
    if not address:
        return
    try:
        url = URL(address)
        is_page = url.scheme in ("http", "https") and bool(url.host)
        is_page = is_page and not (url.user or url.query_string or url.fragment)
    except ValueError:
        is_page = False
    if not is_page or not address.isprintable() or " " in address:
        what = "must be an HTTP or HTTPS URL without a user and a query, such as https://grafana.example.com"
        raise locator.error(("status", "dashboard_url"), what)


def _targets(targets: Sequence[str], places: Sequence[str], taken: set[str]) -> list[str]:
    """The targets, checked and with their ports. Duplicates are refused: one target cannot be in two clusters."""
    complete = []
    for target, place in zip(targets, places, strict=True):
        check_target(target, place)
        name = with_port(target)
        if name in taken:
            raise ConfigError(f"{place}: duplicate target {name!r}")
        taken.add(name)
        complete.append(name)
    return complete


def check_target(target: str, place: str) -> None:
    """ConfigError if this is no monitoring URL."""
    check_url(target.removeprefix("srv+"), MONITORING, place)
    if target.startswith("srv+") and URL(target.removeprefix("srv+")).explicit_port:
        raise ConfigError(f"{place}: remove the port of {target!r}: SRV records contain the ports")
    *_, last = URL(target.removeprefix("srv+")).path.rstrip("/").split("/")
    if last in ENDPOINTS:
        what = f"remove /{last}: a target is the base URL of a server, and the exporter adds the endpoints"
        raise ConfigError(f"{place}: {what}")


def with_port(target: str) -> str:
    """A target as it is asked and shown: with its port, without a trailing slash."""
    if target.startswith("srv+"):
        return "srv+" + text(URL(target.removeprefix("srv+")))
    url = URL(target)
    return text(url, DEFAULT_PORT if url.scheme == "http" else None)
