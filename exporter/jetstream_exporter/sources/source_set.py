"""Which sources outlive a reload: those whose settings, and the files and variables these name, are what they were.

A connection that receives events must not be made anew without need: what happens meanwhile is missed.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.context import read_context
from jetstream_exporter.config.named_files import sections
from jetstream_exporter.config.schema import Cluster, Collect
from jetstream_exporter.config.secrets import stamp
from jetstream_exporter.config.shard import WHOLE, Shard
from jetstream_exporter.sources.build import build_sources
from jetstream_exporter.sources.collector import Source
from jetstream_exporter.sources.lookup import Lookup
from jetstream_exporter.sources.purpose import Purpose

Fingerprint = tuple[Any, ...]
Built = tuple[Fingerprint, Sequence[Source]]


class SourceSet:
    """The sources of a configuration, by what they were built from."""

    def __init__(self, lookup: Lookup, purpose: Purpose) -> None:
        self._lookup = lookup
        self._purpose = purpose
        self._built: list[Built] = []
        self.entries: list[int] = []  # by source, the number of its cluster in the configuration

    @property
    def sources(self) -> list[Source]:
        return [source for _, sources in self._built for source in sources]

    def rebuilt(
        self, clusters: Iterable[Cluster], collect: Collect, shard: Shard = WHOLE
    ) -> "SourceSet":
        """The sources of another configuration, those of this one among them; ConfigError where one cannot be built."""
        new, left = SourceSet(self._lookup, self._purpose), list(self._built)
        wanted = [
            (entry, section, _fingerprint(section, collect, shard))
            for entry, cluster in enumerate(clusters)
            for section in cluster.by_source()
        ]
        taken: dict[int, Built] = {}  # by place in `wanted`
        for place, (_, _, fingerprint) in enumerate(wanted):
            found = next((built for built in left if built[0] == fingerprint), None)
            if found is not None:
                left.remove(found)
                taken[place] = found
        for place, (entry, section, fingerprint) in enumerate(wanted):
            if place not in taken:
                taken[place] = fingerprint, self._build(section, collect, shard, left)
            new._built.append(taken[place])
            new.entries += [entry] * len(taken[place][1])
        return new

    def _build(
        self, section: Cluster, collect: Collect, shard: Shard, gone: Sequence[Built]
    ) -> Sequence[Source]:
        """New sources. Those that hear events take the place of the ones of the same cluster that are gone."""
        # A section with advisories has no other sources (`Cluster.by_source`).
        before: list[Any] = [
            source
            for wanted, sources in gone
            if wanted[0].advisories and _is_same(wanted[0], section)
            for source in sources
        ]
        return build_sources(section, collect, self._purpose, self._lookup, before, shard=shard)


def _is_same(old: Cluster, new: Cluster) -> bool:
    """Whether both sections are of one cluster: by its name, or by an address where it has none."""
    if old.name or new.name:
        return old.name == new.name
    return not _addresses(old).isdisjoint(_addresses(new))


def _addresses(section: Cluster) -> set[str]:
    return {where for each in section.advisories for where in (*each.urls, each.context) if where}


def _fingerprint(section: Cluster, collect: Collect, shard: Shard) -> Fingerprint:
    named = [_state(each, name) for _, each in sections(section) for name in each.__struct_fields__]
    further = collect.links, collect.accounts
    return section, collect.health_check, further, collect.max_response_bytes, shard, named


def _state(settings: msgspec.Struct, name: str) -> Any:
    """What the file, variable or context of that setting holds, as far as a change would show."""
    value = getattr(settings, name)
    if not value or not isinstance(value, str):
        return None
    if name.endswith("_env"):
        return os.environ.get(value)
    if name == "context":
        return _context(value)
    return stamp(value) if name.endswith("_file") else None


def _context(name: str) -> Any:
    try:
        return read_context(name)
    except ConfigError:
        return None
