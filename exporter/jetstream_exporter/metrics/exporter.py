"""Families of the exporter itself. `process_*` and `python_*` come from prometheus_client."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from jetstream_exporter.metrics.families import Table, counter, gauge
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Exporter, Shard


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
            "Duration of the collection that returned the values of this scrape.",
            lambda e: e.collect_duration,
            "measured",
            "jetstream_exporter_collect_duration_seconds > 5",
        ),
        gauge(
            "jetstream_exporter_last_success_timestamp_seconds",
            "Time of the last successful collection: it returned a list of streams from every cluster, and "
            "from every server that answered at all. Absent before the first one.",
            lambda e: e.last_success,
            "measured",
            "time() - jetstream_exporter_last_success_timestamp_seconds > 120",
        ),
        gauge(
            "jetstream_exporter_snapshot_age_seconds",
            "Age of the values in this scrape. Above 0 only if min_interval keeps them.",
            lambda e: e.snapshot_age,
            "measured",
            "jetstream_exporter_snapshot_age_seconds",
        ),
        gauge(
            "jetstream_exporter_config_age_seconds",
            "Time since the configurations of streams and consumers were last read. Absent before the first time.",
            lambda e: e.config_age,
            "measured",
            "jetstream_exporter_config_age_seconds > 900",
        ),
        gauge(
            "jetstream_exporter_config_last_reload_successful",
            "Whether the last load of the exporter's configuration file succeeded.",
            lambda e: e.reload_successful,
            "reload",
            "jetstream_exporter_config_last_reload_successful == 0",
        ),
        gauge(
            "jetstream_exporter_config_last_reload_success_timestamp_seconds",
            "Time when the current configuration was loaded.",
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
            "Always 1. The labels hold the versions of the exporter and of Python.",
            lambda _: 1,
            "build",
            "jetstream_exporter_build_info",
        ),
    ),
)


PROFILE: Table[Exporter] = Table(
    name="The exporter: profile",
    rows=_self,
    labels={"profile": lambda e: e.profile},
    families=(
        gauge(
            "jetstream_exporter_profile_info",
            "Always 1. The label `profile` is the setting `families.profile`: full or lean.",
            lambda _: 1,
            "families.profile",
            'jetstream_exporter_profile_info{profile="lean"}',
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
            "Number of exported objects, by kind.",
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
            "Number of objects that are not exported because their number exceeds the configured limit. 0 if none.",
            lambda c: c.number,
            "counted",
            "jetstream_exporter_objects_dropped > 0",
        ),
    ),
)


LAG_LOOKUPS: Table[_Count] = Table(
    name="The exporter: lookups of messages",
    rows=_counts(lambda e: e.lag_lookups),
    labels={"result": lambda c: c.kind},
    families=(
        counter(
            "jetstream_exporter_lag_lookups_total",
            "Number of messages that were requested to know exactly when they were stored: found, missing (not "
            "there any more), refused (the user lacks the permission), failed, or too_large (not requested, "
            "because the messages of the stream are larger than `max_message_bytes`). Absent unless `exact_lag` "
            "is configured.",
            lambda c: c.number,
            "counted",
            'increase(jetstream_exporter_lag_lookups_total{result="refused"}[1h]) > 0',
        ),
    ),
)


class _Requests(NamedTuple):
    path: str
    code: str
    number: int


def _requests(snapshot: Snapshot) -> Iterator[_Requests]:
    for exporter in _self(snapshot):
        for (path, code), number in sorted(exporter.requests.items()):
            yield _Requests(path, code, number)


REQUESTS: Table[_Requests] = Table(
    name="The exporter: requests",
    rows=_requests,
    labels={"path": lambda r: r.path, "code": lambda r: r.code},
    families=(
        counter(
            "jetstream_exporter_requests_total",
            "Number of HTTP requests that the exporter has answered, by path and status code. The path is `other` if "
            "it does not exist, or does not have the method of the request.",
            lambda r: r.number,
            "counted",
            'sum by (path) (rate(jetstream_exporter_requests_total{code=~"5.."}[5m])) > 0',
        ),
    ),
)

SAMPLES: Table[_Count] = Table(
    name="The exporter: samples",
    rows=_counts(lambda e: e.samples),
    labels={"family": lambda c: c.kind},
    of_text=True,
    families=(
        gauge(
            "jetstream_exporter_samples",
            "Number of samples of each metric family in this response, besides this family and those of the "
            "process. Only the first slice reports it, for itself.",
            lambda c: c.number,
            "counted",
            "topk(10, jetstream_exporter_samples)",
        ),
    ),
)


class _Conflicts(NamedTuple):
    cluster: str
    number: int


CONFLICTS: Table[_Conflicts] = Table(
    name="The exporter: names that are not unique",
    rows=lambda snapshot: (_Conflicts(*pair) for pair in snapshot.name_conflicts.items()),
    labels={"nats_cluster": lambda c: c.cluster},
    families=(
        gauge(
            "jetstream_exporter_name_conflicts",
            "Number of names that are not unique: two clusters, JetStream domains or servers with the same "
            "name, or two accounts if the label is the account name. Only one of them is exported under the "
            "name. The log and /debug/sources list them.",
            lambda c: c.number,
            "compared",
            "jetstream_exporter_name_conflicts > 0",
        ),
    ),
)


SHARD: Table[Shard] = Table(
    name="The exporter: slices and shards",
    rows=lambda snapshot: () if snapshot.shard is None else (snapshot.shard,),
    labels={"shard": lambda s: str(s.index), "total": lambda s: str(s.total)},
    families=(
        gauge(
            "jetstream_exporter_shard_info",
            "Always 1. The labels hold which slice of the objects this answer is, or which shard of the accounts "
            "this exporter reads, counted from 0, and of how many. Absent where an answer has all objects.",
            lambda _: 1,
            "request, shard in the configuration",
            "count by (job) (group by (job, total) (jetstream_exporter_shard_info)) > 1",
        ),
        gauge(
            "jetstream_exporter_shards",
            "Number of slices or shards into which the objects are divided, as the request for this slice or the "
            "configuration of this shard says.",
            lambda s: s.total,
            "request, shard in the configuration",
            "max by (job) (jetstream_exporter_shards)",
        ),
    ),
)

TABLES = (SHARD, EXPORTER, BUILD, PROFILE, OBJECTS, DROPPED, LAG_LOOKUPS, CONFLICTS, REQUESTS)
