"""Families of the exporter itself. `process_*` and `python_*` come from prometheus_client."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from jetstream_exporter.metrics.families import Table, gauge
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Asking, Exporter


def _self(snapshot: Snapshot) -> Iterator[Exporter]:
    if snapshot.exporter is not None:
        yield snapshot.exporter


EXPORTER: Table[Exporter] = Table(
    name="The exporter",
    rows=_self,
    labels={},
    families=(
        gauge(
            "jetstream_exporter_collect_duration_seconds",
            "How long the servers took to be asked for the figures shown here.",
            lambda e: e.collect_duration,
            "measured",
            "jetstream_exporter_collect_duration_seconds > 5",
        ),
        gauge(
            "jetstream_exporter_last_success_timestamp_seconds",
            "When a collection last brought a server's report; absent before the first.",
            lambda e: e.last_success,
            "measured",
            "time() - jetstream_exporter_last_success_timestamp_seconds > 120",
        ),
        gauge(
            "jetstream_exporter_snapshot_age_seconds",
            "Age of the figures shown here; above 0 only where min_interval keeps them.",
            lambda e: e.snapshot_age,
            "measured",
            "jetstream_exporter_snapshot_age_seconds",
        ),
        gauge(
            "jetstream_exporter_config_age_seconds",
            "Time since the configurations of streams and consumers were last read; absent before the first time.",
            lambda e: e.config_age,
            "measured",
            "jetstream_exporter_config_age_seconds > 900",
        ),
        gauge(
            "jetstream_exporter_config_last_reload_successful",
            "Whether the exporter's configuration file was good when it was last read.",
            lambda e: e.reload_successful,
            "reload",
            "jetstream_exporter_config_last_reload_successful == 0",
        ),
        gauge(
            "jetstream_exporter_config_last_reload_success_timestamp_seconds",
            "When the running configuration was read.",
            lambda e: e.reload_time,
            "reload",
            "jetstream_exporter_config_last_reload_success_timestamp_seconds",
        ),
    ),
)

BUILD: Table[Exporter] = Table(
    name="The exporter: build",
    rows=_self,
    labels={"version": lambda e: e.version, "python_version": lambda e: e.python_version},
    families=(
        gauge(
            "jetstream_exporter_build_info",
            "Always 1; carries the exporter's and Python's version.",
            lambda _: 1,
            "build",
            "jetstream_exporter_build_info",
        ),
    ),
)


class _Count(NamedTuple):
    kind: str
    number: int


def _counts(read: Callable[[Exporter], dict[str, int]]) -> Callable[[Snapshot], Iterator[_Count]]:
    def rows(snapshot: Snapshot) -> Iterator[_Count]:
        for exporter in _self(snapshot):
            for kind, count in read(exporter).items():
                yield _Count(kind, count)

    return rows


OBJECTS: Table[_Count] = Table(
    name="The exporter: objects",
    rows=_counts(lambda e: e.objects),
    labels={"kind": lambda c: c.kind},
    families=(
        gauge(
            "jetstream_exporter_objects",
            "Objects exported, by kind.",
            lambda c: c.number,
            "counted",
            "jetstream_exporter_objects",
        ),
    ),
)

DROPPED: Table[_Count] = Table(
    name="The exporter: objects dropped",
    rows=_counts(lambda e: e.dropped),
    labels={"kind": lambda c: c.kind},
    families=(
        gauge(
            "jetstream_exporter_objects_dropped",
            "Objects left out because there are more than the configured limit; 0 while there are not.",
            lambda c: c.number,
            "counted",
            "jetstream_exporter_objects_dropped > 0",
        ),
    ),
)

SOURCES: Table[Asking] = Table(
    name="The exporter: sources",
    rows=lambda snapshot: snapshot.askings,
    labels={"source": lambda a: a.source, "target": lambda a: a.target},
    families=(
        gauge(
            "jetstream_exporter_source_up",
            "Whether the target answered everything it was asked.",
            lambda a: a.up,
            "measured",
            "jetstream_exporter_source_up == 0",
        ),
        gauge(
            "jetstream_exporter_source_duration_seconds",
            "How long the target took.",
            lambda a: a.duration,
            "measured",
            "jetstream_exporter_source_duration_seconds > 2",
        ),
        gauge(
            "jetstream_exporter_source_response_bytes",
            "Bytes that the target answered with.",
            lambda a: a.received,
            "measured",
            "jetstream_exporter_source_response_bytes",
        ),
    ),
)

TABLES = (EXPORTER, BUILD, OBJECTS, DROPPED, SOURCES)
