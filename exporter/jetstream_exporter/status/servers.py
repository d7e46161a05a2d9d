"""Conditions of servers and of the meta group. Each is the expression of its rule for one moment."""

from collections.abc import Iterator
from functools import partial

from jetstream_exporter.metrics.streams import ratio
from jetstream_exporter.snapshot import Meta, Server
from jetstream_exporter.snapshot.rows import Store
from jetstream_exporter.status.alerts import threshold
from jetstream_exporter.status.facts import Facts, Seen, of_cluster, of_server

EXHAUSTED, EXHAUSTED_FOR_THE_LARGEST = 0.90, 0.75  # shares of a store that streams reserve


def is_silent_to_meta(row: Server, facts: Facts) -> bool:
    """Whether neither the exporter nor its meta leader hears a server."""
    return not row.up and facts.current_in_meta.get((row.cluster, row.name)) is False


def down(facts: Facts) -> Iterator[Seen]:
    for row in facts.snapshot.servers:
        if is_silent_to_meta(row, facts):
            yield Seen(of_server(row))


def vanished_clusters(facts: Facts) -> frozenset[str]:
    """Named clusters of several servers of which none answers, and no meta leader hears any."""
    current = {cluster for (cluster, _), is_current in facts.current_in_meta.items() if is_current}
    return frozenset(
        name
        for name, rows in facts.servers.items()
        if name and len(rows) > 1 and not any(row.up for row in rows) and name not in current
    )


def vanished(facts: Facts) -> Iterator[Seen]:
    for name in sorted(vanished_clusters(facts)):
        yield Seen(of_cluster(name))


def not_reached(facts: Facts) -> Iterator[Seen]:
    """Servers that only the exporter does not hear."""
    gone = vanished_clusters(facts)
    for row in facts.snapshot.servers:
        if row.up or row.cluster in gone or is_silent_to_meta(row, facts):
            continue
        configured = "0" if row.configured is False else "1"
        yield Seen(of_server(row), labels=(("configured", configured),))


def standalone_not_reached(facts: Facts) -> Iterator[Seen]:
    """The only server of its cluster, which no meta group lists."""
    in_meta = {cluster for cluster, _ in facts.current_in_meta}
    for name, rows in facts.servers.items():
        if name and len(rows) == 1 and not rows[0].up and name not in in_meta:
            yield Seen(of_server(rows[0]))


def unhealthy(facts: Facts) -> Iterator[Seen]:
    """A server that has just started reads its store first."""
    for row in facts.snapshot.servers:
        if not row.up or row.healthy is not False or row.cluster in facts.without_meta_leader:
            continue
        if (row.cluster, row.name) not in facts.just_started:
            yield Seen(of_server(row))


def stores(facts: Facts, kind: str) -> Iterator[tuple[Server, Store]]:
    for row in facts.snapshot.servers:
        if row.jetstream is not None and row.jetstream.enabled:
            yield row, row.jetstream.file if kind == "file" else row.jetstream.memory


def _store_high(kind: str, limit: float, facts: Facts) -> Iterator[Seen]:
    for row, store in stores(facts, kind):
        share = ratio(store.used, store.limit)
        if share is not None and share > limit:
            yield Seen(of_server(row), share)


file_store_high = partial(_store_high, "file", threshold("JetStreamServerStorageHigh", "warning"))
file_store_full = partial(_store_high, "file", threshold("JetStreamServerStorageHigh", "critical"))
memory_store_high = partial(
    _store_high, "memory", threshold("JetStreamServerMemoryStoreHigh", "warning")
)
memory_store_full = partial(
    _store_high, "memory", threshold("JetStreamServerMemoryStoreHigh", "critical")
)


def overcommitted(facts: Facts) -> Iterator[Seen]:
    for row, store in stores(facts, "file"):
        if store.limit and store.reserved is not None and store.reserved > store.limit:
            yield Seen(of_server(row), store.reserved)


def reservations_exhausted(facts: Facts) -> Iterator[Seen]:
    """A stream that is as large as the largest one would not fit, or hardly any would."""
    for kind in ("file", "memory"):
        for row, store in stores(facts, kind):
            share = ratio(store.reserved, store.limit)
            if share is None or share > 1:
                continue
            left = (store.limit or 0) - (store.reserved or 0)
            no_room = left < largest(facts, row.cluster, kind)
            if share > EXHAUSTED or (share > EXHAUSTED_FOR_THE_LARGEST and no_room):
                yield Seen(of_server(row), share, labels=(("store", kind),))


def largest(facts: Facts, cluster: str, kind: str, account: str | None = None) -> int:
    """The largest max_bytes of a cluster's streams, or of one account's with all replicas."""
    found = [
        row.settings.max_bytes * (row.settings.replicas if account is not None else 1)
        for row in facts.snapshot.streams
        if row.cluster == cluster
        and (account is None or row.account == account)
        and row.settings is not None
        and row.settings.storage == kind
        and row.settings.max_bytes
    ]
    return max(found, default=0)


CONNECTIONS = threshold("NatsServerConnectionsNearLimit", "warning")
BACKLOG = threshold("JetStreamApiBacklog", "warning")


def connections_near_limit(facts: Facts) -> Iterator[Seen]:
    for row in facts.snapshot.servers:
        if row.process is not None:
            share = ratio(row.process.connections, row.process.max_connections)
            if share is not None and share > CONNECTIONS:
                yield Seen(of_server(row), share)


def certificate_expired(facts: Facts) -> Iterator[Seen]:
    """One that is about to expire needs a history: it may be one of those that live for days."""
    left: dict[str, float] = {}
    for row in facts.snapshot.servers:
        for expiry in row.process.certificates.values() if row.process is not None else ():
            left[row.cluster] = min(expiry - facts.now, left.get(row.cluster, 0.0))
    for cluster, seconds in sorted(left.items()):
        if seconds < 0:
            yield Seen(of_cluster(cluster), seconds)


def api_backlog(facts: Facts) -> Iterator[Seen]:
    for row in facts.snapshot.servers:
        if row.jetstream is not None and row.cluster not in facts.without_meta_leader:
            waiting = max(row.jetstream.api_pending or 0, row.jetstream.api_inflight or 0)
            if waiting > BACKLOG:
                yield Seen(of_server(row), waiting)


def _snapshot_slow(limit: float, facts: Facts) -> Iterator[Seen]:
    for row in facts.snapshot.metas:
        if row.snapshot_duration is not None and row.snapshot_duration > limit:
            yield Seen(of_cluster(row.cluster), row.snapshot_duration)


snapshot_slow = partial(_snapshot_slow, threshold("JetStreamMetaSnapshotSlow", "warning"))
snapshot_very_slow = partial(_snapshot_slow, threshold("JetStreamMetaSnapshotSlow", "critical"))


def expected_missing(facts: Facts) -> Iterator[Seen]:
    for row in facts.snapshot.expected:
        if row.present is False:
            labels = (("kind", row.kind), ("account", row.account), ("name", row.name))
            yield Seen(of_cluster(row.cluster), labels=labels)


def meta_no_leader(facts: Facts) -> Iterator[Seen]:
    for name in sorted(facts.without_meta_leader):
        yield Seen(of_cluster(name))


def meta_disagreement(facts: Facts) -> Iterator[Seen]:
    """Two servers that lead at one time are two clusters of one name, and a name conflict."""
    for name, rows in facts.servers.items():
        said = {row.jetstream.meta_leader for row in rows if row.jetstream is not None}
        leaders = said - {None, ""}
        skipped = name in facts.without_meta_leader or facts.snapshot.name_conflicts.get(name)
        if len(leaders) > 1 and not skipped:
            yield Seen(of_cluster(name), len(leaders))


def meta_no_tolerance(facts: Facts) -> Iterator[Seen]:
    """A member that does not answer has an alert of its own, and one that has just started catches up."""
    late = facts.down | facts.just_started
    excused = {
        server[0]
        for server, is_current in facts.current_in_meta.items()
        if not is_current and server in late
    }
    for row in facts.snapshot.metas:
        if _is_at_quorum(row) and row.cluster not in excused | facts.without_meta_leader:
            yield Seen(of_cluster(row.cluster), row.fault_tolerance or 0)


def _is_at_quorum(row: Meta) -> bool:
    return row.fault_tolerance is not None and row.fault_tolerance <= 0 and row.peers > 1
