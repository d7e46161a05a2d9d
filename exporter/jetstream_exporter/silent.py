"""The servers that were asked and did not answer: they are exported as down, under the names that are known of them."""

from collections.abc import Iterable, Iterator, Sequence

from jetstream_exporter.report import Outcome
from jetstream_exporter.snapshot import cluster_label
from jetstream_exporter.snapshot.rows import Server

Name = tuple[str, str]  # cluster, server


class Silent:
    """Remembers which server each target was when it last answered."""

    def __init__(self) -> None:
        self._names: dict[str, Name] = {}  # by target

    def __len__(self) -> int:
        return len(self._names)

    def added_to(
        self, servers: Iterable[Server], outcomes: Sequence[Outcome], elsewhere: set[str]
    ) -> list[Server]:
        """The servers with those that did not answer, sorted.

        `elsewhere` are the clusters known from their streams, for when no server answered but an account's API did.
        """
        self._names = dict(self._named(outcomes))
        rows = {(row.cluster, row.name): row for row in servers}
        for cluster, name in self._names.values():
            rows.setdefault((cluster, name), Server(cluster, name, up=False))
        for cluster, name in self._strangers(list(rows.values()), outcomes, elsewhere):
            rows.setdefault((cluster, name), Server(cluster, name, up=False))
        return [rows[key] for key in sorted(rows)]

    def _named(self, outcomes: Iterable[Outcome]) -> Iterator[tuple[str, Name]]:
        """The targets that are asked still, and which server each is or was."""
        for outcome in outcomes:
            if outcome.report is not None:
                yield outcome.target, (cluster_label(outcome.report), outcome.report.server_name)
            elif outcome.target in self._names:
                yield outcome.target, self._names[outcome.target]

    def _strangers(
        self, rows: Sequence[Server], outcomes: Iterable[Outcome], elsewhere: set[str]
    ) -> Iterator[Name]:
        """Cluster and address of the targets that never answered.

        Left out where the meta group already names as many silent servers: they are probably the same ones.
        """
        silent = [o for o in outcomes if o.is_server and o.target not in self._names]
        clusters = sorted({row.cluster for row in rows} or elsewhere)
        for group in sorted({outcome.group for outcome in silent}):
            cluster = group or (clusters[0] if len(clusters) == 1 else "")
            mine = sorted(outcome.target for outcome in silent if outcome.group == group)
            missing = sum(not row.up for row in rows if row.cluster == cluster)
            if len(mine) > missing:
                yield from ((cluster, address(target)) for target in mine)


def address(target: str) -> str:
    """A target's host and port."""
    return target.split("://", 1)[-1].split("/", 1)[0]
