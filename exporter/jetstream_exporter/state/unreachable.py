"""The servers that were asked and did not answer: they are exported as down, under the names that are known of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from jetstream_exporter.report import PROBE, Outcome
from jetstream_exporter.snapshot.rows import Server

Name = tuple[str, str]  # cluster, server


class UnreachableServers:
    """Remembers which server each target was when it last answered, and which servers each cluster has."""

    def __init__(self) -> None:
        self._names: dict[str, Name] = {}  # by target
        self._members: set[Name] = set()  # that answered once, and that the meta group still names

    def __len__(self) -> int:
        return len(self._names)

    def name_of(self, target: str) -> str:
        """The server that a target is or was; empty where it has not answered, or is no server."""
        return self._names.get(target, ("", ""))[1]

    def added_to(
        self, servers: Iterable[Server], outcomes: Sequence[Outcome], elsewhere: set[str]
    ) -> list[Server]:
        """The servers with those that did not answer, sorted.

        `elsewhere` are the clusters known from their streams, for when no server answered but an account's API did.
        Of one server that is asked by itself, others are no matter.
        """
        self._names = dict(self._named(outcomes))
        known = set(self._names.values())
        near = self._of_the_cluster(servers, outcomes, known)
        rows = {(row.cluster, row.name): row for row in near}
        for cluster, name in known:
            rows.setdefault((cluster, name), Server(cluster, name, up=False))
        never_reached = list(self._never_reached(list(rows.values()), outcomes, elsewhere))
        for cluster, name in never_reached:
            rows.setdefault((cluster, name), Server(cluster, name, up=False))
        known |= set(never_reached)
        unexplained = self._unexplained(rows.values(), outcomes, known)
        return [
            msgspec.structs.replace(
                rows[key],
                configured=True if key in known else unexplained.get(rows[key].cluster, False),
            )
            for key in sorted(rows)
        ]

    def _of_the_cluster(
        self, servers: Iterable[Server], outcomes: Iterable[Outcome], known: set[Name]
    ) -> Iterator[Server]:
        """Without the members of the meta group that may be in another cluster, unless they answered in this one."""
        is_probe = any(outcome.entry == PROBE for outcome in outcomes)
        servers = list(servers)
        seen = {(row.cluster, row.name) for row in servers}
        self._members = {name for name in self._members if name in seen or name in known}
        self._members |= {(row.cluster, row.name) for row in servers if row.up}
        for row in servers:
            if row.up or not (
                is_probe or (row.is_far and (row.cluster, row.name) not in self._members)
            ):
                yield row

    def _unexplained(
        self, rows: Iterable[Server], outcomes: Iterable[Outcome], known: set[Name]
    ) -> dict[str, bool | None]:
        """Whether the servers that only the meta group names are targets that never answered, by cluster.

        All are where there are as many such targets; with fewer, none can be told from the others.
        """
        silent = Counter(
            o.cluster_name for o in outcomes if o.is_server and o.target not in self._names
        )
        unnamed = Counter(row.cluster for row in rows if (row.cluster, row.name) not in known)
        named = {cluster for cluster, _ in known}
        found: dict[str, bool | None] = {}
        for cluster, missing in unnamed.items():
            targets = silent[cluster] + (silent[""] if len(named | {cluster}) == 1 else 0)
            found[cluster] = False if not targets else True if targets >= missing else None
        return found

    def _named(self, outcomes: Iterable[Outcome]) -> Iterator[tuple[str, Name]]:
        """The targets that are asked still, and which server each is or was."""
        for outcome in outcomes:
            if outcome.server is not None:
                yield outcome.target, (outcome.server.label, outcome.server.server_name)
            elif outcome.is_server and outcome.target in self._names:
                yield outcome.target, self._names[outcome.target]

    def _never_reached(
        self, rows: Sequence[Server], outcomes: Iterable[Outcome], elsewhere: set[str]
    ) -> Iterator[Name]:
        """Cluster and address of the targets that never answered.

        Left out where the meta group already names as many silent servers: they are probably the same ones.
        """
        silent = [o for o in outcomes if o.is_server and o.target not in self._names]
        clusters = sorted({row.cluster for row in rows} or elsewhere)
        for name in sorted({outcome.cluster_name for outcome in silent}):
            cluster = name or (clusters[0] if len(clusters) == 1 else "")
            mine = sorted(outcome.target for outcome in silent if outcome.cluster_name == name)
            missing = sum(not row.up for row in rows if row.cluster == cluster)
            if len(mine) > missing:
                yield from ((cluster, address(target)) for target in mine)


def address(target: str) -> str:
    """A target's host and port."""
    return target.split("://", 1)[-1].split("/", 1)[0]
