"""Slices of one collection, so that several Prometheus servers share what one exporter reads. Pure.

A stream and its consumers stand in one slice, by a checksum of its account and name, so an object changes its slice
only when the number of slices changes. What is of no stream (servers, the meta group, accounts, the exporter) stands in
slice 0.
"""

from collections.abc import Iterable, Iterator
from itertools import compress
from typing import NamedTuple

import msgspec

from jetstream_exporter.report.division import MOST, number_of
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Consumer, Shard


class Slice(NamedTuple):
    """One of `total` slices; `number` counts from 0."""

    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


class SliceError(ValueError):
    """Not a slice. The text says why, for whoever asked."""


def parse(text: str) -> Slice:
    """`2/8` is the third of eight slices. SliceError for anything else."""
    number, slash, total = text.partition("/")
    if not (slash and _is_number(number) and _is_number(total)):
        raise SliceError(f"must be NUMBER/TOTAL, such as 0/8, with a total of at most {MOST}")
    found = Slice(int(number), total_of(total))
    if found.number >= found.total:
        raise SliceError(f"the first number must be below {found.total}: slices are counted from 0")
    return found


def total_of(text: str) -> int:
    """A number of slices. SliceError where it is none, or out of bounds."""
    if not _is_number(text) or not 1 <= int(text) <= MOST:
        raise SliceError(f"the number of slices must be from 1 to {MOST}")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6


def cut(snapshot: Snapshot, part: Slice) -> Snapshot:
    """The objects of one slice, in their order. Of all slices together no object is missing and none comes twice.

    Their accounts count by their label.
    """
    streams = [
        row
        for row in snapshot.streams
        if number_of(row.account, row.name, part.total) == part.number
    ]
    wanted = list(_wanted(snapshot.consumers, part))
    consumers = list(compress(snapshot.consumers, wanted))
    lags = list(compress(snapshot.lags, wanted))
    shard = Shard(part.number, part.total)
    if part.number:
        return Snapshot(
            streams=streams,
            consumers=consumers,
            lags=lags,
            delivered_lately=snapshot.delivered_lately,
            shard=shard,
        )
    return msgspec.structs.replace(
        snapshot, streams=streams, consumers=consumers, lags=lags, shard=shard
    )


def _wanted(rows: Iterable[Consumer], part: Slice) -> Iterator[bool]:
    """Of each consumer. They are sorted by stream: one stream is looked up once for all of its consumers."""
    before: tuple[str, str] | None = None
    wanted = False
    for row in rows:
        owner = row.account, row.stream
        if owner != before:
            before, wanted = owner, number_of(*owner, part.total) == part.number
        yield wanted
