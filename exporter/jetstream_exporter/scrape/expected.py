"""Whether what the configuration expects exists.

A stream or consumer is missing only where nobody lists it and every server of its cluster gave a whole list: one that
does not answer, starts or stops may hold it. In a cluster whose servers are not asked, the list of the account's
JetStream API counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import NamedTuple

import structlog

from jetstream_exporter.config.expect import Expected, ExpectedAccount
from jetstream_exporter.config.shard import WHOLE, Shard
from jetstream_exporter.report import PROBE, LeaderAnswer, Outcome
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.merge import accounts_named
from jetstream_exporter.snapshot.rows import ExpectedObject, Server

UNKNOWN_CLUSTER = (
    "the configuration expects objects in a cluster that is not known: jetstream_expected_present is absent for them; "
    "compare expect.cluster with the label nats_cluster"
)
API_LISTS = ("streams", "consumers")  # the requests that list an account's objects
log = structlog.get_logger()


class Lists(NamedTuple):
    """What a collection listed. `whole` are clusters, and `apis` accounts of a cluster by ID and by name."""

    clusters: Set[str]
    whole: Set[str]
    apis: Set[tuple[str, str]]
    asked: Set[str]  # clusters with servers


class ExpectedObjects:
    """Compares each snapshot, before filters and limits, with the section `expect`."""

    def __init__(self, expected: Sequence[Expected], shard: Shard = WHOLE) -> None:
        self._expected = expected
        self._shard = shard
        self._reported: set[str] = set()

    def rows(self, snapshot: Snapshot, outcomes: Sequence[Outcome]) -> list[ExpectedObject]:
        if not self._expected or any(outcome.entry == PROBE for outcome in outcomes):
            return []  # a probe asks one server and judges no cluster
        lists = _lists(snapshot, outcomes)
        found: list[ExpectedObject] = []
        for expected in self._expected:
            only = next(iter(lists.clusters)) if len(lists.clusters) == 1 else ""
            cluster = expected.cluster or only
            if cluster in lists.clusters:
                if self._shard.is_first:
                    found += _servers(expected, cluster, snapshot, lists)
                for account in expected.accounts:
                    ids = self._ids(account.account, cluster, outcomes)
                    if self._shard.holds(ids[0]):
                        is_read = all(map(self._shard.holds, ids))
                        found += _objects(account, cluster, snapshot, lists, is_read=is_read)
            elif cluster and lists.clusters and cluster not in self._reported:
                self._reported.add(cluster)
                log.warning(UNKNOWN_CLUSTER, cluster=cluster)
        return found

    def _ids(self, account: str, cluster: str, outcomes: Iterable[Outcome]) -> list[str]:
        """The IDs of an account that may be given by its name, which several may have; the first one's shard has it."""
        if not self._shard.is_divided:
            return [account]
        reports = (r for outcome in outcomes for r in outcome.reports if r.label == cluster)
        known = {pair for report in reports for pair in accounts_named(report)}
        ids = [identity for identity, name in sorted(known) if account in (identity, name)]
        return ids or [account]


def _lists(snapshot: Snapshot, outcomes: Iterable[Outcome]) -> Lists:
    by_cluster: defaultdict[str, list[Server]] = defaultdict(list)
    for server in snapshot.servers:
        by_cluster[server.cluster].append(server)
    # A part that cannot be read may be the object, and so may one of a server whose name another one has.
    doubtful = {name for name, count in snapshot.name_conflicts.items() if count}
    for outcome in outcomes:
        report = outcome.server
        if report is not None and report.jsz is not None and report.jsz.refused:
            doubtful.add(report.label)
    whole = {name for name, rows in by_cluster.items() if all(row.list_complete for row in rows)}
    clusters = by_cluster.keys() | {row.cluster for row in snapshot.streams}
    apis = set(_listed_accounts(outcomes))
    return Lists(clusters | {name for name, _ in apis}, whole - doubtful, apis, by_cluster.keys())


def _listed_accounts(outcomes: Iterable[Outcome]) -> Iterator[tuple[str, str]]:
    """The accounts whose API listed all their streams and consumers."""
    for outcome in outcomes:
        parts = [outcome.requests.get(name) for name in API_LISTS]
        if isinstance(outcome.answer, LeaderAnswer) and all(part and part.up for part in parts):
            for report in outcome.answer.reports:
                yield from (
                    (report.label, name) for name in (report.account_id, report.account_name)
                )


def _servers(
    expected: Expected, cluster: str, snapshot: Snapshot, lists: Lists
) -> Iterator[ExpectedObject]:
    """A server that is known and does not answer is down, which other alerts say; it is not missing."""
    up = {row.name: row.up for row in snapshot.servers if row.cluster == cluster}
    missing = False if cluster in lists.asked and all(up.values()) else None
    for name in expected.servers:
        present = (True if up[name] else None) if name in up else missing
        yield ExpectedObject(cluster, "server", "", name, present)


def _objects(
    expected: ExpectedAccount, cluster: str, snapshot: Snapshot, lists: Lists, *, is_read: bool
) -> Iterator[ExpectedObject]:
    """Nothing is missing unless all accounts of that name are read: it may be in another shard's."""
    account = expected.account
    ids = {account} | {
        row.id for row in snapshot.accounts if row.cluster == cluster and row.name == account
    }
    is_whole = (
        cluster in lists.whole if cluster in lists.asked else (cluster, account) in lists.apis
    )
    missing = False if is_whole and is_read else None
    streams = {
        row.name
        for row in snapshot.streams
        if row.cluster == cluster and ids & {row.account, row.account_id}
    }
    for name in expected.streams:
        yield ExpectedObject(cluster, "stream", account, name, name in streams or missing)
    wanted = set(expected.consumers)
    consumers = {
        name
        for row in snapshot.consumers
        if row.cluster == cluster
        and (name := f"{row.stream}/{row.name}") in wanted
        and ids & {row.account, row.account_id}
    }
    for name in expected.consumers:
        yield ExpectedObject(cluster, "consumer", account, name, name in consumers or missing)
