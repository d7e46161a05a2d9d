"""The Raft group behind a stream or a consumer."""

from jetstream_exporter.snapshot.rows.row import Row


class Raft(Row):
    """Who leads, and whether there is a quorum. `size` is None where nothing is replicated.

    `disputed`: a server reports one replica where the configuration that was read has several, or the reverse. Either
    the configuration was changed since, or the server is starting.
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
