"""The Raft group behind a stream or a consumer."""

from jetstream_exporter.snapshot.rows.row import Row


class Raft(Row, frozen=True):
    """Who leads, and whether there is a quorum. `size` is None where nothing is replicated.

    `config_mismatch`: a server reports one replica where the configuration that was read has several, or the reverse.
    Either the configuration was changed since, or the server is starting.

    `reachable` are the followers that the leader reaches; without a leader, the servers that report the group. One
    whose name is not known is "". `behind` are those of them that lack many entries of the leader's log.
    """

    leader: str | None
    leader_since: float | None
    reported_leader: str | None
    reported_by: int
    has_leader: bool | None  # None: nobody who may lead it was asked
    has_quorum: bool | None
    size: int | None = None
    current: int | None = None
    quorum_needed: int | None = None
    changes: int = 0
    changed_lately: bool = False
    config_mismatch: bool = False
    reachable: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    is_new: bool = False

    @property
    def fault_tolerance(self) -> int | None:
        if self.current is None or self.quorum_needed is None:
            return None
        return self.current - self.quorum_needed
