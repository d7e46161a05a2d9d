"""What one of several shards exports, of what it knows. Pure.

The rows of an account stand in its shard. What is of no account (servers, the meta group, links, advisories by kind)
stands in shard 0. What an exporter says of itself stands in each.
"""

from msgspec.structs import replace

from jetstream_exporter.config.shard import Shard
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Server
from jetstream_exporter.snapshot.rows import Shard as ShardRow


def of_shard(snapshot: Snapshot, shard: Shard) -> Snapshot:
    """The rows of this shard. Of all shards together none is missing and none comes twice."""
    if not shard.is_divided:
        return snapshot
    row = ShardRow(shard.number, shard.total)
    if shard.is_first:
        return replace(snapshot, servers=list(map(_without_sums, snapshot.servers)), shard=row)
    return replace(snapshot, servers=(), metas=(), event_kinds=(), shard=row)


def _without_sums(row: Server) -> Server:
    """The server without what is summed over all accounts, of which no shard knows all."""
    return replace(row, stream_leaders=None, consumer_leaders=None, drain_blockers=None)
