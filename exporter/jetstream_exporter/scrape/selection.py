"""Which of the snapshot's objects are exported: filters, ephemeral consumers, and the budget."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec

from jetstream_exporter.config.exported import Selection
from jetstream_exporter.config.schema import Config
from jetstream_exporter.scrape.object_limits import Budget
from jetstream_exporter.snapshot import Consumer, Server, Snapshot

Keep = Callable[[str], bool]
StreamKey = tuple[str, str, str]


def everything(_: str) -> bool:
    return True


def matcher(selection: Selection) -> Keep:
    """A test for names, with a bounded cache of its results."""
    include = [pattern.regex for pattern in selection.include]
    exclude = [pattern.regex for pattern in selection.exclude]
    if not include and not exclude:
        return everything

    @lru_cache(maxsize=100_000)
    def keep(name: str) -> bool:
        if include and not any(regex.fullmatch(name) for regex in include):
            return False
        return not any(regex.fullmatch(name) for regex in exclude)

    return keep


class Selector:
    """Reduces snapshots to what the configuration wants exported."""

    def __init__(self, config: Config) -> None:
        self._account = matcher(config.filters.accounts)
        self._stream = matcher(config.filters.streams)
        self._consumer = matcher(config.filters.consumers)
        self._ephemeral = config.filters.ephemeral_consumers
        self._limits = config.limits

    def select(self, snapshot: Snapshot) -> tuple[Snapshot, dict[str, int]]:
        """The snapshot without the rows that are not wanted, and how many the limits dropped, by kind."""
        budget = Budget(self._limits)
        servers, metas = budget.servers(self._servers(snapshot)), budget.metas(snapshot.metas)
        streams = budget.streams(
            [
                row
                for row in snapshot.streams
                if self._account(row.account) and self._stream(row.name)
            ]
        )
        accounts = [row for row in snapshot.accounts if self._account(row.id)]
        keys = {row.key for row in streams}
        whole = len(streams) == len(snapshot.streams)
        selected = msgspec.structs.replace(
            snapshot,
            servers=servers,
            metas=metas,
            streams=streams,
            accounts=budget.accounts(accounts, streams),
            consumers=budget.consumers(
                self._consumers(snapshot.consumers, None if whole else keys)
            ),
        )
        return selected, budget.dropped

    def _servers(self, snapshot: Snapshot) -> list[Server]:
        """The servers, without the leaf nodes and clients of accounts that are not wanted."""
        return [
            msgspec.structs.replace(
                row,
                leafnodes=[leaf for leaf in row.leafnodes if self._account(leaf.account)],
                leaf_remotes=[each for each in row.leaf_remotes if self._account(each.account)],
                accounts=[each for each in row.accounts if self._account(each.account)],
            )
            if row.leafnodes or row.leaf_remotes or row.accounts
            else row
            for row in snapshot.servers
        ]

    def _consumers(
        self, rows: Sequence[Consumer], streams: set[StreamKey] | None
    ) -> Sequence[Consumer]:
        """The consumers of these streams, None for all. Ephemeral ones are counted with their stream instead."""
        if not self._ephemeral:
            kept = [row for row in rows if row.settings is not None and row.settings.durable]
            rows = rows if len(kept) == len(rows) else kept
        if streams is not None:
            rows = [row for row in rows if (row.cluster, row.account_id, row.stream) in streams]
        keep = self._consumer
        return rows if keep is everything else [row for row in rows if keep(row.name)]
