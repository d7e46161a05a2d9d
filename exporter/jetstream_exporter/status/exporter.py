"""Conditions of the exporter itself: whether what it shows is current and whole."""

from collections.abc import Iterator, Sequence

from jetstream_exporter.snapshot.rows import TargetResult
from jetstream_exporter.status.facts import Facts, Object, Seen, of_cluster

JOB = "jetstream-exporter"  # Prometheus' name for it is not known here
EXPORTER = Object("exporter", ())
STALE = 120.0  # seconds without a complete collection


def _labels(**labels: str) -> tuple[tuple[str, str], ...]:
    return (("job", JOB), *labels.items())


def is_list(request: str) -> bool:
    """Whether a request brings lists of streams."""
    return request.startswith("jsz") or request == "streams"


def _answers(row: TargetResult) -> bool:
    """Whether a target answered any request."""
    return any(row.requests.values()) if row.requests else row.up


def no_lists(facts: Facts) -> Iterator[Seen]:
    """No target answers at all and no server is known, or none gives its streams although others requests work."""
    results = facts.snapshot.target_results
    if not results:
        return
    if not any(row.up for row in results) and not facts.snapshot.servers:
        yield Seen(EXPORTER, labels=_labels())
    elif any(_answers(row) for row in results) and not facts.snapshot.streams:
        lists = {name: up for row in results for name, up in row.requests.items() if is_list(name)}
        missing = sorted(name for name in lists if not _any_up(results, name))
        for name in missing:
            yield Seen(EXPORTER, labels=_labels(part=name))


def _any_up(results: Sequence[TargetResult], name: str) -> bool:
    return any(row.requests.get(name) for row in results)


def source_failing(facts: Facts) -> Iterator[Seen]:
    """A request of a target that answers others, or a target that no unreachable server explains."""
    results = list(facts.snapshot.target_results)
    lost = {name for row in results for name in row.requests if not _any_up(results, name)}
    lost = {name for name in lost if is_list(name)} if not facts.snapshot.streams else set()
    for row in results:
        for name, up in row.requests.items():
            if not up and _answers(row) and name not in lost:
                labels = _labels(source=row.source, target=row.target, part=name)
                yield Seen(EXPORTER, labels=labels)
    silent = [row for row in results if not row.up and not _answers(row)]
    down = [row for row in facts.snapshot.servers if not row.up and row.configured is not False]
    if len(down) >= len(silent) or not facts.snapshot.servers:
        return
    for row in silent:
        yield Seen(EXPORTER, labels=_labels(source=row.source, target=row.target, part=""))


def stale(facts: Facts) -> Iterator[Seen]:
    """By the clock of the exporter, which set the time of the last success too."""
    exporter = facts.snapshot.exporter
    if exporter is None or exporter.last_success is None:
        return
    if facts.now - exporter.last_success > STALE:
        yield Seen(EXPORTER, since=exporter.last_success, labels=_labels())


def name_conflict(facts: Facts) -> Iterator[Seen]:
    for cluster, count in facts.snapshot.name_conflicts.items():
        if count:
            yield Seen(of_cluster(cluster), count)


def dropped(facts: Facts) -> Iterator[Seen]:
    exporter = facts.snapshot.exporter
    for kind, count in (exporter.dropped if exporter is not None else {}).items():
        if count:
            yield Seen(EXPORTER, count, labels=_labels(kind=kind))
