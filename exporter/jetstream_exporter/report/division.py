"""How accounts and streams are divided, and the list of a server that was read account by account."""

from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

from jetstream_exporter.wire import Jsz

MOST = 1024  # slices of one collection, and shards of one cluster


@lru_cache(maxsize=50_000)
def number_of(account: str, stream: str, total: int) -> int:
    """The slice of a stream and of all its consumers; without a stream, the shard of an account."""
    return crc32(f"{account}\0{stream}".encode("utf-8", "surrogatepass")) % total


class DividedJsz(Jsz):
    """A server's answer about itself, with the lists of this shard's accounts alone; put together from several answers.

    `elsewhere` are the accounts that other shards read, by ID and name. `unread` are the IDs of this shard's accounts
    whose list did not come.
    """

    elsewhere: Sequence[tuple[str, str]] = ()
    unread: Sequence[str] = ()


def is_unread(jsz: Jsz | None) -> bool:
    """Whether a list lacks accounts that were asked for, so that nothing can be concluded from what is not in it."""
    return isinstance(jsz, DividedJsz) and bool(jsz.unread)
