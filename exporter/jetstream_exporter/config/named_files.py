"""The files that a configuration names: relative to its folder, and never a secret in place of a file's name."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from jetstream_exporter.config.errors import SecretError
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.config.schema import Cluster
from jetstream_exporter.config.yaml_tree import KeyPath, Locator

SUFFIXES = (
    ".creds",
    ".jwt",
    ".key",
    ".nk",
    ".nkey",
    ".password",
    ".pem",
    ".seed",
    ".token",
    ".txt",
)
SECRETS = ("password_file", "token_file", "jwt_file", "nkey_seed_file", "credentials_file")

Section = TypeVar("Section", bound=msgspec.Struct)


def sections(cluster: Cluster) -> Iterator[tuple[KeyPath, msgspec.Struct]]:
    """Every section of a cluster that can name files, and its place in the configuration."""
    for name in cluster.__struct_fields__:
        value = getattr(cluster, name)
        if isinstance(value, msgspec.Struct):
            yield (name,), value
        elif isinstance(value, list):
            yield from (
                ((name, i), each)
                for i, each in enumerate(value)
                if isinstance(each, msgspec.Struct)
            )


def connections(cluster: Cluster) -> Iterator[tuple[KeyPath, Nats]]:
    """Every connection to NATS that a cluster is configured with, and its place in the configuration."""
    for path, section in sections(cluster):
        if isinstance(section, Nats) and (len(path) > 1 or section != type(section)()):
            yield path, section


def in_folder(cluster: Cluster, folder: Path) -> Cluster:
    """The cluster with the files of its sections relative to the folder."""
    changed: dict[str, Any] = {}
    for (name, *place), section in sections(cluster):
        found = _in_folder(section, folder)
        if place:
            changed.setdefault(str(name), []).append(found)
        else:
            changed[str(name)] = found
    return msgspec.structs.replace(cluster, **changed)


def _in_folder(section: Section, folder: Path) -> Section:
    names = [name for name in section.__struct_fields__ if name.endswith("_file")]
    files = {name: getattr(section, name) for name in names}
    changed = {name: str(folder / file) for name, file in files.items() if file}
    return msgspec.structs.replace(section, **changed)


def check_no_secrets(
    section: msgspec.Struct, folder: Path, path: KeyPath, locator: Locator
) -> None:
    """Refuse a secret in place of its file's name here, before it is repeated as the name of a missing file."""
    for key in SECRETS:
        file = getattr(section, key, "")
        is_path = "/" in file and "\n" not in file
        if file and not is_path and not os.path.exists(folder / file):
            named = Path(file).suffix in SUFFIXES and len(file) < 100
            which = str(folder / file) if named else f"of that name in {folder.absolute()}"
            what = f"there is no file {which}; this key takes the name of a file that contains the secret"
            raise SecretError(f"{locator.place((*path, key))}: {what}")
