"""Which of the snapshot's objects are exported: filters, ephemeral consumers, and the budget."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from jetstream_exporter.config.schema import Config, Selection
from jetstream_exporter.snapshot import Consumer, Snapshot

Keep = Callable[[str], bool]


def matcher(selection: Selection) -> Keep:
    """A test for names, with a bounded cache of its results."""
    include = [pattern.regex for pattern in selection.include]
    exclude = [pattern.regex for pattern in selection.exclude]
    if not include and not exclude:
        return lambda _: True

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

    def select(self, snapshot: Snapshot) -> dict[str, int]:
        """Remove rows from a snapshot that nobody else holds yet. Returns how many the limits dropped, by kind.

        Rows are sorted by identity, so the same objects are kept from scrape to scrape.
        """
        snapshot.accounts = [row for row in snapshot.accounts if self._account(row.id)]
        streams = [
            row for row in snapshot.streams if self._account(row.account) and self._stream(row.name)
        ]
        kept = streams[: self._limits.streams]
        consumers = list(self._consumers(snapshot.consumers, {row.key for row in kept}))
        snapshot.streams = kept
        snapshot.consumers = consumers[: self._limits.consumers]
        return {
            "stream": len(streams) - len(snapshot.streams),
            "consumer": len(consumers) - len(snapshot.consumers),
        }

    def _consumers(
        self, rows: Iterable[Consumer], streams: set[tuple[str, str, str]]
    ) -> Iterable[Consumer]:
        for row in rows:
            if (row.cluster, row.account_id, row.stream) not in streams:
                continue
            if self._is_named(row) and self._consumer(row.name):
                yield row

    def _is_named(self, row: Consumer) -> bool:
        """Whether it gets series of its own. Ephemerals are counted per stream instead."""
        if self._ephemeral:
            return True
        return row.settings is not None and row.settings.durable
