"""The configurations that earlier scrapes read: few scrapes ask for them, and every one needs them."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from jetstream_exporter.report import Outcome
from jetstream_exporter.snapshot import ConfigCache, Snapshot, read_configs
from jetstream_exporter.snapshot.config_cache import StreamConfigs, StreamKey
from jetstream_exporter.snapshot.incarnation import UNKNOWN
from jetstream_exporter.snapshot.rows import Consumer, Stream

Key = tuple[str, ...]


class Configurations:
    """Those of all streams and consumers, in `cache`."""

    def __init__(self) -> None:
        self.cache: ConfigCache = {}
        self._metadata_keys: Sequence[str] = ()  # of the last reading
        self._outdated: set[Key] = set()  # objects of which nothing was read with these keys yet
        self._just_read: Collection[StreamKey] = ()

    def remember(self, outcomes: Iterable[Outcome], keys: Sequence[str] = ()) -> None:
        """Keep the configurations that this scrape brought, and of their metadata the values of these keys."""
        reports = [report for outcome in outcomes for report in outcome.configurations]
        read = read_configs(reports, keys, self.cache)
        if reports and keys != self._metadata_keys:
            self._metadata_keys, self._outdated = keys, set(_keys_of(self.cache))
        self._just_read = read.keys()
        for key, fresh in read.items():
            if self._outdated:
                self._outdated.difference_update(_sure_keys(key, fresh))
            old = self.cache.get(key)
            if old is not None and old.incarnation.same(fresh.incarnation):
                fresh.add_to(old)
            self.cache[key] = fresh

    def unknown(self, snapshot: Snapshot) -> int:
        """How many streams and consumers have a configuration that is to be read, or to be read again."""
        again = 0
        if self._outdated:
            rows: Sequence[Stream | Consumer] = [*snapshot.streams, *snapshot.consumers]
            known = (row for row in rows if row.settings and not row.raft.config_mismatch)
            again = sum(row.key in self._outdated for row in known)
        return unknown_objects(snapshot) + again

    def forget_unseen(self, objects: Collection[Key]) -> None:
        """Drop the configurations that were just read of objects that are in no list, and so not among these.

        An answer that comes too late is read for its configurations alone.
        """
        for key in self._just_read:
            if key not in objects:
                self.cache.pop(key, None)
                continue
            consumers = self.cache[key].consumers
            for name in [name for name, one in consumers.items() if one.key not in objects]:
                del consumers[name]
        self._just_read = ()

    def forget(self, key: Key) -> None:
        """Drop that of a stream or a consumer that is gone."""
        self._outdated.discard(key)
        stream = self.cache.get((key[0], key[1], key[2])) if len(key) > 2 else None
        if stream is None:
            return
        if len(key) == 3:
            del self.cache[key]
        else:
            stream.consumers.pop(key[3], None)


def _keys_of(cache: ConfigCache) -> Iterator[Key]:
    """Of the streams and consumers in it."""
    for key, stream in cache.items():
        yield key
        for consumer in stream.consumers.values():
            yield consumer.key


def _sure_keys(key: StreamKey, read: StreamConfigs) -> Iterator[Key]:
    """Of the stream and its consumers, without those of which something read before may be kept."""
    if read.incarnation != UNKNOWN:
        yield key
    for consumer in read.consumers.values():
        if consumer.incarnation != UNKNOWN:
            yield consumer.key


def unknown_objects(snapshot: Snapshot) -> int:
    """How many streams and consumers have a configuration that was not read yet, or is known to have changed.

    Without `config=1` only one change shows: scaling to or from one replica. It must be read again, since
    the old number of replicas would give a wrong leader.
    """
    streams = [row for row in snapshot.streams if row.settings is None or row.raft.config_mismatch]
    consumers = [
        row for row in snapshot.consumers if row.settings is None or row.raft.config_mismatch
    ]
    return len(streams) + len(consumers)
