"""Reads a YAML file into a `Config`, or raises one sentence that says where it is wrong and what is allowed."""

import os
import re
from collections.abc import Sequence
from pathlib import Path as FsPath

import msgspec
from yarl import URL

from jetstream_exporter.config.decode import (
    ConfigError,
    Locator,
    decode,
    read_text,
)
from jetstream_exporter.config.decode import (
    Path as KeyPath,
)
from jetstream_exporter.config.login import connections, in_folder, read_login
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.config.schema import Cluster, Config, Http
from jetstream_exporter.config.urls import MONITORING, check_url
from jetstream_exporter.url import text

DEFAULT_TARGET = "http://localhost:8222"
DEFAULT_PORT = 8222
MIN_TIMEOUT = 1.0
FILES = ("ca_file", "cert_file", "key_file", "password_file")
SECRETS = ("password_file", "token_file", "jwt_file", "nkey_seed_file", "credentials_file")


def load(path: str, targets: Sequence[str] = ()) -> Config:
    """Read a file (none if empty) and add the targets of the command line as a cluster of their own."""
    config = parse(read_text(path), path) if path else Config()
    clusters = list(config.clusters)
    taken = {target for cluster in clusters for target in cluster.targets}
    if targets:
        places = [f"--target {i + 1}" for i in range(len(targets))]
        clusters.append(Cluster(targets=_targets(targets, places, taken)))
    if not clusters:
        clusters.append(Cluster(targets=[DEFAULT_TARGET]))
    return msgspec.structs.replace(config, clusters=clusters)


def parse(written: str, name: str) -> Config:
    """Decode and check a file's text; `name` is what sentences call it. Files in it are relative to its folder."""
    config, locator = decode(written, name, Config)
    _check(config, locator)
    taken: set[str] = set()
    clusters = []
    for i, cluster in enumerate(config.clusters):
        place: KeyPath = ("clusters", i)
        places = [locator.place((*place, "targets", j)) for j, _ in enumerate(cluster.targets)]
        complete = _targets(cluster.targets, places, taken)
        folder = FsPath(name).parent
        _check_secrets(cluster.http, folder, (*place, "http"), locator)
        for path, settings in connections(cluster):
            _check_secrets(settings, folder, (*place, *path), locator)
        http = _resolve(cluster.http, folder)
        _check_http(http, (*place, "http"), locator)
        found = msgspec.structs.replace(cluster, targets=complete, http=http)
        clusters.append(in_folder(found, folder))
        for path, settings in connections(clusters[-1]):
            read_login(settings, locator.place((*place, *path)))
    return msgspec.structs.replace(config, clusters=clusters)


def _check(config: Config, locator: Locator) -> None:
    """Check what the types cannot express."""
    if config.collect.timeout < MIN_TIMEOUT:
        raise locator.error(("collect", "timeout"), f"must be {MIN_TIMEOUT:g}s at least")
    names: set[str] = set()
    for i, cluster in enumerate(config.clusters):
        place: KeyPath = ("clusters", i)
        if not (cluster.targets or cluster.system.enabled or cluster.accounts):
            what = "has no targets; name at least one, like http://nats:8222, or system or accounts"
            raise locator.error(place, what)
        if cluster.name and cluster.name in names:
            what = f"{cluster.name!r} is the name of another cluster"
            raise locator.error((*place, "name"), what)
        names.add(cluster.name)
    try:
        re.compile(config.labels.dead_letter)
    except (re.error, OverflowError, RecursionError) as error:
        what = f"is not a regular expression: {error}"
        raise locator.error(("labels", "dead_letter"), what) from None


def _targets(targets: Sequence[str], places: Sequence[str], taken: set[str]) -> list[str]:
    """The targets, checked and with their ports. Duplicates are refused: one target cannot be in two clusters."""
    complete = []
    for target, place in zip(targets, places, strict=True):
        check_target(target, place)
        name = with_port(target)
        if name in taken:
            raise ConfigError(f"{place}: {name!r} stands twice")
        taken.add(name)
        complete.append(name)
    return complete


def check_target(target: str, place: str) -> None:
    """ConfigError if this is no monitoring URL."""
    check_url(target.removeprefix("srv+"), MONITORING, place)


def _check_secrets(part: Http | Nats, folder: FsPath, path: KeyPath, locator: Locator) -> None:
    """Refuse a secret in place of its file's name here, before it is repeated as the name of a missing file."""
    for key in SECRETS:
        file = getattr(part, key, "")
        is_path = "/" in file and "\n" not in file
        if file and not is_path and not os.path.exists(folder / file):
            what = "there is no file of that name; the secret itself belongs in one"
            raise locator.error((*path, key), what)


def _resolve(http: Http, folder: FsPath) -> Http:
    files = {key: str(folder / file) for key in FILES if (file := getattr(http, key))}
    return msgspec.structs.replace(http, **files)


def _check_http(http: Http, path: KeyPath, locator: Locator) -> None:
    for key in FILES:
        file = getattr(http, key)
        if file and not os.path.isfile(file):
            raise locator.error((*path, key), f"there is no file {file}")
    if bool(http.cert_file) != bool(http.key_file):
        raise locator.error(path, "cert_file and key_file go together")
    if http.password_file and http.password_env:
        raise locator.error(path, "password_file and password_env exclude each other")
    if (http.password_file or http.password_env) and not http.username:
        raise locator.error(path, "a password needs a username")
    if ":" in http.username:
        raise locator.error((*path, "username"), "a user's name cannot hold a colon")
    if http.password_env and http.password_env not in os.environ:
        raise locator.error((*path, "password_env"), "that environment variable is not set")


def with_port(target: str) -> str:
    """A target as it is asked and shown: with its port, without a trailing slash."""
    if target.startswith("srv+"):
        return "srv+" + text(URL(target.removeprefix("srv+")))
    url = URL(target)
    return text(url, DEFAULT_PORT if url.scheme == "http" else None)
