"""Rows put together by hand, for what the status says of them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from jetstream_exporter.snapshot import Consumer, Meta, Server, Snapshot, Stream
from jetstream_exporter.snapshot.incarnation import UNKNOWN
from jetstream_exporter.snapshot.rows import (
    ConsumerSettings,
    Ephemerals,
    JetStream,
    MetaPeer,
    Process,
    Raft,
    Replica,
    Store,
    StreamFigures,
    StreamSettings,
)
from jetstream_exporter.status.findings import Finding
from jetstream_exporter.status.view import View
from jetstream_exporter.status.watch import Watch

NOW = 1_777_636_800.0  # 2026-05-01 12:00 UTC
CLUSTER, ACCOUNT = "east", "APP"
MINUTE, HOUR = 60.0, 3600.0
Names = set[tuple[str, str]]


def raft(**changed: Any) -> Raft:
    """Of three replicas that are all current."""
    base = Raft("n0", NOW - HOUR, None, 0, True, True, 3, 3, 2)
    return msgspec.structs.replace(base, **changed)


def leaderless() -> Raft:
    return raft(leader=None, leader_since=None, has_leader=False, has_quorum=False, current=None)


def server(name: str = "n0", **changed: Any) -> Server:
    process = Process(
        server_id=f"ID-{name}",
        version="2.15.1",
        domain="",
        start=changed.pop("start", NOW - HOUR),
        config_load=None,
        cores=2,
        cpu_cores_used=0.1,
        memory=10,
        connections=3,
        max_connections=None,
        subscriptions=1,
        routes=2,
        leafnodes=0,
        accepted_connections=1,
        slow_consumers=changed.pop("slow_consumers", 0),
        stale_connections=None,
        stalled_clients=None,
        received_messages=1,
        received_bytes=1,
        sent_messages=1,
        sent_bytes=1,
        certificates={},
    )
    jetstream = JetStream(
        enabled=True,
        file=Store(*changed.pop("file", (10, 100, 0))),
        memory=Store(*changed.pop("memory", (0, 100, 0))),
        ha_assets=1,
        streams=1,
        consumers=1,
        api_requests=1,
        api_errors=0,
        api_inflight=0,
        api_pending=0,
        default_max_consumers=changed.pop("default_max_consumers", None),
        meta_leader=changed.pop("meta_leader", "n0"),
    )
    row = Server(CLUSTER, name, True, True, False, True, "full", True, process, jetstream, 1, 1)
    if changed.get("up") is False:
        changed = {"healthy": None, "list_complete": False, "process": None, **changed}
        changed = {"jetstream": None, "stream_leaders": None, "consumer_leaders": None, **changed}
    return msgspec.structs.replace(row, **changed)


def meta(*current: bool, **changed: Any) -> Meta:
    """Led by n0; `current` says of n1, n2 … whether they are."""
    members = [
        MetaPeer(CLUSTER, f"n{place}", each, not each, 0, 1.0)
        for place, each in enumerate(current, 1)
    ]
    count = 1 + len(current)
    base = Meta(
        cluster=CLUSTER,
        leader="n0",
        reported_leader=None,
        reported_by=0,
        has_leader=True,
        has_quorum=True,
        peers=count,
        peers_current=1 + sum(current),
        quorum_needed=count // 2 + 1,
        members=members,
    )
    return msgspec.structs.replace(base, **changed)


def settings(**changed: Any) -> StreamSettings:
    base = StreamSettings(
        "limits", "file", "old", ["orders"], 3, None, None, 24 * HOUR, None, None, None, None
    )
    return msgspec.structs.replace(base, **changed)


def figures(**changed: Any) -> StreamFigures:
    base = StreamFigures(100, 1000, 1, 100, NOW - HOUR, NOW, HOUR, 1, 0, 0)
    return msgspec.structs.replace(base, **changed)


def stream(name: str = "ORDERS", **changed: Any) -> Stream:
    """Of three replicas, with what changes: its own fields, those of `settings_` and of `figures_`."""
    base = Stream(
        CLUSTER,
        ACCOUNT,
        ACCOUNT,
        name,
        UNKNOWN,
        raft(),
        figures(**changed.pop("figures_", {})),
        settings(**changed.pop("settings_", {})),
        1,
        Ephemerals(0, None, None),
        [replica("n1"), replica("n2")],
    )
    return msgspec.structs.replace(base, **changed)


def replica(name: str, **changed: Any) -> Replica:
    base = Replica(CLUSTER, ACCOUNT, "ORDERS", name, True, False, 0, 0.1)
    return msgspec.structs.replace(base, **changed)


def consumer(name: str = "worker", **changed: Any) -> Consumer:
    """A durable pull consumer that has nothing to do, with what changes, `settings_` included."""
    base = ConsumerSettings(True, False, False, "explicit", "all", 30.0, 5, 1000, 512)
    stream = changed.pop("stream", "ORDERS")
    row = Consumer(
        CLUSTER,
        ACCOUNT,
        ACCOUNT,
        stream,
        name,
        (CLUSTER, ACCOUNT, stream, name),
        UNKNOWN,
        raft(),
        msgspec.structs.replace(base, **changed.pop("settings_", {})),
        pending=0,
        ack_pending=0,
        redelivered=0,
        delivered_sequence=100,
        ack_floor_sequence=100,
        deliveries=100,
        acknowledged=100,
        waiting_pulls=1,
        paused=False,
        last_delivery=NOW - 1,
        last_ack=NOW - 1,
    )
    return msgspec.structs.replace(row, **changed)


def snapshot(*rows: Any, **changed: Any) -> Snapshot:
    """Of rows of any kind; without a server, of three that are well."""
    servers = [row for row in rows if isinstance(row, Server)]
    metas = [row for row in rows if isinstance(row, Meta)]
    return Snapshot(
        servers=servers or [server("n0"), server("n1"), server("n2")],
        metas=metas or [meta(True, True)],
        streams=[row for row in rows if isinstance(row, Stream)],
        consumers=[row for row in rows if isinstance(row, Consumer)],
        **changed,
    )


def view(*moments: tuple[float, Snapshot] | Snapshot) -> View:
    """What is shown after these snapshots, each with how many seconds before now it was taken."""
    watch = Watch()
    last, time = Snapshot(), NOW
    for each in moments:
        before, last = (0.0, each) if isinstance(each, Snapshot) else each
        time = NOW - before
        watch.note(last, time)
    return View(last, watch.memory, time)


def found(*moments: tuple[float, Snapshot] | Snapshot) -> Names:
    """The alerts that hold, with their severities; those about configurations are left out."""
    return {
        (each.alert.name, each.alert.severity)
        for each in view(*moments).findings
        if each.alert.severity != "info"
    }


def one(name: str, findings: Sequence[Finding]) -> Finding:
    """The only finding of this alert."""
    [each] = [each for each in findings if each.alert.name == name]
    return each
