"""Rows of a whole cluster: its servers, its meta group, its accounts."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from jetstream_exporter.report import Report
from jetstream_exporter.snapshot.limits import with_limits
from jetstream_exporter.snapshot.presence import meta_groups, meta_leader
from jetstream_exporter.snapshot.quorum import is_complete, no_majority, reachable
from jetstream_exporter.snapshot.rows import (
    Account,
    AccountStore,
    Consumer,
    JetStream,
    Meta,
    MetaPeer,
    Process,
    Server,
    Store,
    Stream,
)
from jetstream_exporter.snapshot.units import (
    allowance,
    is_name,
    limit,
    seconds,
    since_heard,
    timestamp,
)
from jetstream_exporter.wire import AccountDetail, AccountInfo, Jsz, MetaCluster, Varz


def servers(
    cluster: str,
    reports: Sequence[Report],
    streams: Iterable[Stream],
    consumers: Iterable[Consumer],
) -> list[Server]:
    """The servers that reported, and as down the members of the meta group that did not."""
    leads_streams = Counter(row.raft.leader for row in streams)
    leads_consumers = Counter(row.raft.leader for row in consumers)
    rows = {}
    for report in reports:
        if report.via:
            continue
        name, health, jsz = report.server_name, report.health, report.jsz
        rows[name] = Server(
            cluster=cluster,
            name=name,
            up=True,
            healthy=None if health is None else health.code == 200,
            check=health.check if health else "",
            complete=is_complete(report),
            process=_process(report.varz, jsz) if report.varz else None,
            jetstream=_jetstream(jsz) if jsz else None,
            stream_leaders=leads_streams[name] if jsz else None,
            consumer_leaders=leads_consumers[name] if jsz else None,
        )
    for name in _peers(reports) - rows.keys():
        rows[name] = Server(cluster, name, up=False)
    return [rows[name] for name in sorted(rows)]


def _peers(reports: Iterable[Report]) -> set[str]:
    names = set()
    for group in (report.jsz.meta_cluster for report in reports if report.jsz):
        if group is not None:
            names |= {peer.name for peer in group.replicas if is_name(peer.name)}
            names.add(group.leader)
    return names - {""}


def _process(varz: Varz, jsz: Jsz | None) -> Process:
    return Process(
        server_id=varz.server_id,
        version=varz.version,
        domain=_domain(varz, jsz),
        start=timestamp(varz.start),
        config_load=timestamp(varz.config_load_time),
        cores=varz.cores,
        cpu_cores_used=varz.cpu / 100,
        memory=varz.mem,
        connections=varz.connections,
        max_connections=limit(varz.max_connections),
        subscriptions=varz.subscriptions,
        routes=varz.routes,
        leafnodes=varz.leafnodes,
        accepted_connections=varz.total_connections,
        slow_consumers=varz.slow_consumers,
        stale_connections=varz.stale_connections,
        stalled_clients=varz.stalled_clients,
        received_messages=varz.in_msgs,
        received_bytes=varz.in_bytes,
        sent_messages=varz.out_msgs,
        sent_bytes=varz.out_bytes,
        certificates=_certificates(varz),
    )


def _domain(varz: Varz, jsz: Jsz | None) -> str:
    """From jsz first: varz lacks it for good if it was asked before JetStream ran (monitor.go)."""
    said = [jsz.config if jsz else None, varz.jetstream.config if varz.jetstream else None]
    return next((config.domain for config in said if config is not None), "")


def _certificates(varz: Varz) -> dict[str, float]:
    listeners = {
        "client": varz.tls_cert_not_after,
        "cluster": varz.cluster.tls_cert_not_after,
        "gateway": varz.gateway.tls_cert_not_after,
        "leafnode": varz.leaf.tls_cert_not_after,
        "mqtt": varz.mqtt.tls_cert_not_after,
        "websocket": varz.websocket.tls_cert_not_after,
    }
    expiries = {name: timestamp(moment) for name, moment in listeners.items()}
    return {name: expiry for name, expiry in expiries.items() if expiry is not None}


def _jetstream(jsz: Jsz) -> JetStream:
    config, group = jsz.config, jsz.meta_cluster
    return JetStream(
        enabled=not jsz.disabled,
        file=Store(
            jsz.storage, allowance(config.max_storage) if config else None, jsz.reserved_storage
        ),
        memory=Store(
            jsz.memory, allowance(config.max_memory) if config else None, jsz.reserved_memory
        ),
        ha_assets=jsz.ha_assets,
        streams=jsz.streams,
        consumers=jsz.consumers,
        api_requests=jsz.api.total,
        api_errors=jsz.api.errors,
        api_inflight=jsz.api.inflight,
        api_pending=group.pending if group else None,
        meta_leader=group.leader if group else None,
    )


def meta(cluster: str, reports: Sequence[Report], heard: frozenset[str]) -> list[Meta]:
    """The meta group as its leader reports it, or what its members agree on; empty where there is none."""
    groups = meta_groups(reports)
    if not groups:
        return []
    leader = meta_leader(groups)
    if leader is not None:
        return [_led_meta(cluster, leader, groups[leader])]
    votes = Counter(group.leader for group in groups.values() if group.leader)
    size = max(group.cluster_size for group in groups.values())
    unheard = {name: count for name, count in votes.items() if name not in heard}
    named = max(sorted(unheard), key=lambda name: unheard[name], default=None)
    needed = max(group.quorum_needed or 0 for group in groups.values()) or size // 2 + 1
    row = Meta(
        cluster=cluster,
        leader=None,
        named=named,
        named_by=unheard.get(named or "", 0),
        has_leader=False,
        has_quorum=no_majority(len(groups), needed, named),
        peers=size,
        peers_current=None,
        quorum_needed=needed,
    )
    return [row]


def _led_meta(cluster: str, leader: str, group: MetaCluster) -> Meta:
    peers = [peer for peer in group.replicas if not peer.pending]
    needed = group.quorum_needed or group.cluster_size // 2 + 1
    known = {peer.name: peer for peer in peers if is_name(peer.name)}
    snapshot = group.snapshot
    return Meta(
        cluster=cluster,
        leader=leader,
        named=None,
        named_by=0,
        has_leader=True,
        has_quorum=reachable(peers) >= needed,
        peers=group.cluster_size,
        peers_current=1 + sum(peer.current for peer in peers),
        quorum_needed=needed,
        members=[
            MetaPeer(cluster, name, peer.current, peer.offline, peer.lag, since_heard(peer.active))
            for name, peer in sorted(known.items())
        ],
        snapshot_pending_entries=snapshot.pending_entries if snapshot else None,
        snapshot_pending_bytes=snapshot.pending_size if snapshot else None,
        snapshot_duration=seconds(snapshot.last_duration)
        if snapshot and timestamp(snapshot.last_time)
        else None,
        snapshot_time=timestamp(snapshot.last_time) if snapshot else None,
        rescue=group.rescue if group.quorum_needed is not None else None,
    )


def accounts(
    cluster: str, reports: Iterable[Report], labels: dict[str, str], knowing: frozenset[str]
) -> list[Account]:
    """What accounts use of the whole cluster. Every server reports the same, or less while it catches up.

    A server that is cut off reports what was used before, which may be more, so it does not count for usage.
    Its count of API requests still does.
    """
    said: dict[str, list[AccountDetail]] = {}
    current: dict[str, list[AccountDetail]] = {}
    infos: dict[str, AccountInfo] = {}
    for report in reports:
        if report.account is not None:
            infos[report.account.account] = report.account
        for detail in report.account_details if not report.via else ():
            said.setdefault(detail.id, []).append(detail)
            if report.server_name in knowing:
                current.setdefault(detail.id, []).append(detail)
    rows = []
    for identity in said.keys() | infos.keys():
        label, info = labels.get(identity, identity), infos.get(identity)
        words = said.get(identity, ())
        row = _account(cluster, label, words, current.get(identity, words)) if words else None
        row = with_limits(cluster, label, row, info) if info else row
        rows += [row] if row is not None else []
    return sorted(rows, key=lambda row: row.id)


def _account(
    cluster: str, label: str, said: Sequence[AccountDetail], current: Sequence[AccountDetail]
) -> Account:
    def most(read: Callable[[AccountDetail], int]) -> int:
        return max(read(detail) for detail in current)

    file, memory = most(lambda a: a.reserved_storage), most(lambda a: a.reserved_memory)
    limited = file != 0 or memory != 0  # both are 0 where the account is limited by tiers
    return Account(
        cluster=cluster,
        id=label,
        name=max(detail.name for detail in said),
        file=AccountStore(most(lambda a: a.storage), allowance(file) if limited else None),
        memory=AccountStore(most(lambda a: a.memory), allowance(memory) if limited else None),
        api_requests=max(detail.api.total for detail in said),
        api_errors=max(detail.api.errors for detail in said),
    )
