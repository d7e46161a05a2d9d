"""What servers could say, put together by hand: for rules that no recording shows alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.versions import NEWEST

from jetstream_exporter.report import Health, Outcome, ServerAnswer, ServerReport
from jetstream_exporter.wire import (
    AccountDetail,
    ConsumerConfig,
    ConsumerDetail,
    Jsz,
    MetaCluster,
    Peer,
    Position,
    RaftGroup,
    StreamConfig,
    StreamDetail,
    StreamState,
    Varz,
)

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
BORN = NOW - timedelta(days=1)
LONG_AGO = NOW - timedelta(hours=1)
SECOND = 1_000_000_000


def server(
    name: str,
    *streams: StreamDetail,
    cluster: str = "C",
    version: str = NEWEST,
    health: Health | None = Health(200),  # noqa: B008  # never changed
    accounts: Sequence[AccountDetail] | None = None,
    meta: MetaCluster | None = None,
    cluster_name: str = "",
    now: datetime = NOW,
    start: datetime = BORN,
    with_config: bool = True,
) -> ServerReport:
    """A report of a server that holds the streams in its account APP."""
    details = [AccountDetail(name="APP", id="APP", stream_detail=list(streams))]
    return ServerReport(
        server_id=f"ID-{name}",
        server_name=name,
        cluster=cluster,
        version=version,
        cluster_name=cluster_name,
        varz=Varz(server_id=f"ID-{name}", server_name=name, version=version, start=start),
        health=health,
        jsz=Jsz(
            server_id=f"ID-{name}",
            now=now,
            meta_cluster=meta,
            account_details=list(details if accounts is None else accounts),
        ),
        with_config=with_config,
    )


def led(
    leader: str, *others: str, since: datetime | None = LONG_AGO, group: str = "S-R3F-1"
) -> RaftGroup:
    """A Raft group as its leader reports it, all followers current."""
    return RaftGroup("C", group, leader, since, [peer(name) for name in others])


def follows(leader: str, *others: str, group: str = "S-R3F-1") -> RaftGroup:
    """A Raft group as a follower reports it."""
    return RaftGroup("C", group, leader, None, [peer(name, current=False) for name in others])


def unreplicated(leader: str) -> RaftGroup:
    """What a server of a cluster says of what is not replicated, and, for a moment after its start, of everything."""
    return RaftGroup("C", "", leader)


def peer(name: str, *, current: bool = True, active: int = SECOND // 10, **more: Any) -> Peer:
    return Peer(name=name, current=current, active=active, **more)


def stream(
    name: str,
    cluster: RaftGroup | None,
    *consumers: ConsumerDetail,
    messages: int = 0,
    replicas: int = 3,
    created: datetime = BORN,
    **more: Any,
) -> StreamDetail:
    config = {"retention": "limits", "storage": "file", "discard": "old"} | more.pop("config", {})
    return StreamDetail(
        name=name,
        created=created,
        cluster=cluster,
        config=StreamConfig(num_replicas=replicas, **config),
        state=StreamState(messages=messages, bytes=10 * messages, first_seq=1, last_seq=messages),
        consumer_detail=list(consumers),
        **more,
    )


def consumer(
    name: str,
    cluster: RaftGroup | None,
    *,
    pending: int = 0,
    durable: bool = True,
    created: datetime = BORN,
    delivered: tuple[int, int] = (0, 0),
    floor: tuple[int, int] = (0, 0),
    config: dict[str, Any] | None = None,
    **more: Any,
) -> ConsumerDetail:
    """`delivered` and `floor` are (consumer sequence, stream sequence)."""
    settings = {"ack_policy": "explicit", "deliver_policy": "all"} | (config or {})
    return ConsumerDetail(
        name=name,
        created=created,
        cluster=cluster,
        config=ConsumerConfig(durable_name=name if durable else "", **settings),
        delivered=Position(*delivered),
        ack_floor=Position(*floor),
        num_pending=pending,
        **more,
    )


def outcome(said: ServerReport | None, target: str, *, cluster_name: str = "") -> Outcome:
    error = None if said is not None else "refused"
    return Outcome(
        "monitoring",
        target,
        0.01,
        error=error,
        answer=ServerAnswer(said),
        cluster_name=cluster_name,
    )
