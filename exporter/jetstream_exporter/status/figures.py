"""The figures of one object in words, each with what it means: the exported metrics, read from its row."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from jetstream_exporter.metrics import TABLES, AnyTable, Family
from jetstream_exporter.snapshot import Consumer, Server, Snapshot, Stream
from jetstream_exporter.snapshot.rows import NO_LAG, Lag
from jetstream_exporter.status.alerts import table
from jetstream_exporter.status.numbers import duration, percentage, size

PREFIX = re.compile(r"^(?:nats|jetstream)_(?:server|stream|consumer)_")
ENDINGS = re.compile(r"_(?:total|seconds|bytes|timestamp)(?=_|$)")


class Figure(NamedTuple):
    """One figure. `time` is set where the value is a time, in seconds since the epoch; `text` is empty then."""

    label: str
    text: str
    meaning: str
    metric: str
    time: float | None = None


def figures(
    row: Server | Stream | Consumer, lag: Lag = NO_LAG
) -> Iterator[tuple[str, list[Figure]]]:
    """The groups of an object's figures that have any; `lag` is a consumer's."""
    kind, single = _snapshot_of(row, lag)
    for each in TABLES:
        found = list(_of_table(each, single, kind))
        if found:
            yield title(each), found


def title(each: AnyTable) -> str:
    """Of a table, without the kind of object that all tables here are about."""
    _, colon, rest = each.name.partition(": ")
    return rest.capitalize() if colon else "State"


def _snapshot_of(row: Server | Stream | Consumer, lag: Lag) -> tuple[str, Snapshot]:
    if isinstance(row, Server):
        return "server", Snapshot(servers=[row])
    if isinstance(row, Stream):
        return "stream", Snapshot(streams=[row])
    return "consumer", Snapshot(consumers=[row], lags=[lag])


def _of_table(each: AnyTable, single: Snapshot, kind: str) -> Iterator[Figure]:
    identity = table().identity[kind]
    for row, part in each.pairs(single):
        labels = {name: read(row) for name, read in each.labels.items() if name not in identity}
        for family in each.families:
            yield from _of_family(family, part, labels)


def _of_family(family: Family[object], row: object, labels: Mapping[str, str]) -> Iterator[Figure]:
    value = family.value(row)
    if not isinstance(value, int | float):  # nothing, or a histogram
        return
    if family.help.startswith("Always 1"):
        yield from _of_labels(family, labels)
        return
    extra = ", ".join(text for text in labels.values() if text)
    label = words(family.name) + (f" ({extra})" if extra else "")
    if "_timestamp_" in family.name:
        yield Figure(label, "", family.help, family.name, float(value))
    else:
        yield Figure(label, written(family, value), family.help, family.name)


def _of_labels(family: Family[object], labels: Mapping[str, str]) -> Iterable[Figure]:
    """An info metric says something by its labels alone; what it means is said once."""
    meaning = family.help.removeprefix("Always 1. ")
    for name, text in labels.items():
        if text:
            yield Figure(name.replace("_", " "), text, meaning, family.name)
            meaning = ""


def words(metric: str) -> str:
    """The name of a figure: what is left of the metric's without its subject and unit."""
    return ENDINGS.sub("", PREFIX.sub("", metric)).replace("_", " ")


def written(family: Family[object], value: float) -> str:
    if family.help.startswith("Whether"):
        return "yes" if value else "no"
    if family.name.endswith("_bytes"):
        return size(value)
    if family.name.endswith("_seconds"):
        return duration(value)
    if family.name.endswith("_ratio"):
        return percentage(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
