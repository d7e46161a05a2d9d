"""From a YAML file to a `Config`, or to one sentence that says where it is wrong and what is allowed."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

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
from jetstream_exporter.config.schema import Cluster, Config, Http

DEFAULT_TARGET = "http://localhost:8222"
DEFAULT_PORT = 8222
MIN_TIMEOUT = 1.0


def load(path: str, targets: Sequence[str] = ()) -> Config:
    """Read a file (none if empty) and add the targets of the command line as a cluster of their own."""
    config = parse(read_text(path), path) if path else Config()
    clusters = list(config.clusters)
    if targets:
        clusters.append(Cluster(targets=list(targets)))
        for i, target in enumerate(targets):
            check_target(target, f"--target {i + 1}")
    if not clusters:
        clusters.append(Cluster(targets=[DEFAULT_TARGET]))
    return msgspec.structs.replace(config, clusters=[_complete(cluster) for cluster in clusters])


def parse(text: str, name: str) -> Config:
    """Decode and check a file's text; `name` is what sentences call the file."""
    config, locator = decode(text, name, Config)
    _check(config, locator)
    return config


def _check(config: Config, locator: Locator) -> None:
    """What types cannot say."""
    if config.collect.timeout < MIN_TIMEOUT:
        raise locator.error(("collect", "timeout"), f"must be {MIN_TIMEOUT:g}s at least")
    names: dict[str, int] = {}
    for i, cluster in enumerate(config.clusters):
        place: KeyPath = ("clusters", i)
        if not cluster.targets:
            raise locator.error(place, "has no targets; name at least one, like http://nats:8222")
        if cluster.name and cluster.name in names:
            raise locator.error(
                (*place, "name"), f"{cluster.name!r} is the name of another cluster"
            )
        names[cluster.name] = i
        for j, target in enumerate(cluster.targets):
            check_target(target, locator.place((*place, "targets", j)))
        _check_http(cluster.http, (*place, "http"), locator)
    try:
        re.compile(config.labels.dead_letter)
    except re.error as error:
        raise locator.error(
            ("labels", "dead_letter"), f"is not a regular expression: {error}"
        ) from None


def check_target(target: str, place: str) -> None:
    try:
        url = URL(target.removeprefix("srv+"))
        port = url.port
    except ValueError as error:
        raise ConfigError(f"{place}: {target!r} is not a URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(f"{place}: {target!r} is not a URL like http://nats:8222")
    if url.user or url.password:
        raise ConfigError(
            f"{place}: a URL must not hold a user or a password; use http.username and http.password_file"
        )
    if url.query_string or url.fragment:
        raise ConfigError(f"{place}: {target!r} must not have a query or a fragment")
    if port == 0:
        raise ConfigError(f"{place}: {target!r} has the port 0")


def _check_http(http: Http, path: KeyPath, locator: Locator) -> None:
    for key in ("ca_file", "cert_file", "key_file", "password_file"):
        file = getattr(http, key)
        if file and not Path(file).is_file():
            raise locator.error((*path, key), f"there is no file {file}")
    if bool(http.cert_file) != bool(http.key_file):
        raise locator.error(path, "cert_file and key_file go together")
    if http.password_file and http.password_env:
        raise locator.error(path, "password_file and password_env exclude each other")
    if (http.password_file or http.password_env) and not http.username:
        raise locator.error(path, "a password needs a username")
    if http.password_env and http.password_env not in os.environ:
        raise locator.error((*path, "password_env"), "that environment variable is not set")


def _complete(cluster: Cluster) -> Cluster:
    return msgspec.structs.replace(
        cluster, targets=[with_port(target) for target in cluster.targets]
    )


def with_port(target: str) -> str:
    """A target as it is asked and shown: with its port, without a closing slash."""
    prefix = "srv+" if target.startswith("srv+") else ""
    url = URL(target.removeprefix("srv+"))
    if not prefix and url.explicit_port is None and url.scheme == "http":
        url = url.with_port(DEFAULT_PORT)
    return prefix + str(url).rstrip("/")
