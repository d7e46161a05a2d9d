"""The Raft group behind a stream or a consumer."""

from jetstream_exporter.snapshot.rows.row import Row


class Raft(Row):
    """Who leads, and whether a majority stands behind it. `size` is None where nothing is replicated.

    `disputed` says that a server speaks of one replica where the configuration that was read has several, or of
    several where it has one: it was changed since, or the server is starting.
    """

    leader: str | None
    leader_since: float | None
    named: str | None
    named_by: int
    has_leader: bool
    has_quorum: bool | None
    size: int | None = None
    current: int | None = None
    quorum_needed: int | None = None
    changes: int = 0
    disputed: bool = False

    @property
    def fault_tolerance(self) -> int | None:
        if self.current is None or self.quorum_needed is None:
            return None
        return self.current - self.quorum_needed
