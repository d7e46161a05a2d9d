"""Rows of servers: those that answered, and the members of the meta group that did not."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from jetstream_exporter.report import ServerReport
from jetstream_exporter.snapshot.health import failing_part
from jetstream_exporter.snapshot.links import (
    client_rows,
    configured_remotes,
    gateway_rows,
    leaf_remote_rows,
    leafnode_rows,
    route_rows,
)
from jetstream_exporter.snapshot.member import is_list_complete
from jetstream_exporter.snapshot.rows import (
    Consumer,
    JetStream,
    Process,
    Server,
    Store,
    Stream,
)
from jetstream_exporter.snapshot.units import (
    allowance,
    count,
    is_name,
    limit,
    seconds,
    timestamp,
)
from jetstream_exporter.wire import LONGEST_NAME, ByKind, Jsz, Varz


def server_rows(
    cluster: str,
    reports: Sequence[ServerReport],
    streams: Sequence[Stream],
    consumers: Iterable[Consumer],
    labels: Mapping[str, str],
) -> list[Server]:
    """The servers that reported, and as down the members of the meta group that did not.

    `labels` are those of the accounts, by id.
    """
    leads_streams = Counter(row.raft.leader for row in streams)
    leads_consumers = Counter(map(attrgetter("raft.leader"), consumers))
    peers = _cluster_peers(reports)
    rows = {}
    for report in reports:
        name, health, jsz = report.server_name, report.health, report.jsz
        remotes = configured_remotes(report.varz.gateway) if report.varz else []
        rows[name] = Server(
            cluster=cluster,
            name=name,
            up=True,
            healthy=None if health is None else health.code == 200,
            check=health.check if health else "",
            failing_part=failing_part(health),
            list_complete=is_list_complete(report),
            process=_process(report.varz, report.domain) if report.varz else None,
            jetstream=_jetstream(jsz) if jsz else None,
            now=timestamp(jsz.now) if jsz else None,
            stream_leaders=leads_streams[name] if jsz else None,
            consumer_leaders=leads_consumers[name] if jsz else None,
            gateway_remotes=remotes,
            gateways=gateway_rows(remotes, report.links.gateways),
            leafnodes=leafnode_rows(labels, report.links.leafnodes),
            leaf_remotes=leaf_remote_rows(labels, report.varz, report.links.leafnodes),
            routes=route_rows(
                report.varz, report.links.routes, peers[report.cluster] - {_own(report)}
            ),
            accounts=client_rows(labels, report.links.accounts),
        )
    near = _near(reports, streams)
    for name in _peers(reports) - rows.keys():
        rows[name] = Server(cluster, name, up=False, is_far=near is not None and name not in near)
    return [rows[name] for name in sorted(rows)]


def _cluster_peers(reports: Iterable[ServerReport]) -> dict[str, set[str]]:
    """What the servers of each cluster call themselves, without those of two servers; a lone server has no peers."""
    names = Counter((report.cluster, _own(report)) for report in reports if report.varz)
    peers: dict[str, set[str]] = {report.cluster: set() for report in reports}
    for (cluster, name), bearers in names.items():
        if cluster and bearers == 1:
            peers[cluster].add(name)
    return peers


def _own(report: ServerReport) -> str:
    return report.self_name or report.server_name


def _near(reports: Iterable[ServerReport], streams: Iterable[Stream]) -> set[str] | None:
    """The servers that are in this cluster for sure; None where all are, since it stands alone.

    The meta group spans all clusters that gateways join, and leaf nodes that extend it. The replicas of a stream are in
    one cluster.
    """
    varzs = [report.varz for report in reports if report.varz is not None]
    if varzs and not any(varz.gateway.name or varz.leafnodes for varz in varzs):
        return None
    return {replica.server for row in streams for replica in row.replicas}


def _peers(reports: Iterable[ServerReport]) -> set[str]:
    names = set()
    for group in (report.jsz.meta_cluster for report in reports if report.jsz):
        if group is not None:
            names |= {peer.name for peer in group.replicas if is_name(peer.name)}
            names.add(group.leader)
    return names - {""}


PATHS = 32  # of monitoring requests that are read; servers have about twenty
NO_LIMIT = 2**63 - 1  # of the Go runtime's memory


def _process(varz: Varz, domain: str) -> Process:
    waits = varz.disk_io_wait_stats
    return Process(
        server_id=varz.server_id,
        version=varz.version,
        domain=domain,
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
        max_procs=limit(varz.gomaxprocs),
        memory_limit=limit(varz.gomemlimit) if varz.gomemlimit < NO_LIMIT else None,
        store_io_waits=count(waits.waits) if waits else None,
        store_io_wait=seconds(waits.wait_time) if waits else None,
        slow_consumers_by_kind=_by_kind(varz.slow_consumer_stats),
        stale_connections_by_kind=_by_kind(varz.stale_connection_stats),
        monitoring_requests=_requests(varz.http_req_stats or {}),
    )


def _by_kind(stats: ByKind | None) -> dict[str, int]:
    """The counts by kind of connection; empty where this version has none."""
    if stats is None:
        return {}
    return {
        "client": stats.clients,
        "gateway": stats.gateways,
        "leafnode": stats.leafs,
        "route": stats.routes,
    }


def _requests(stats: Mapping[str, int]) -> dict[str, int]:
    paths = sorted(path for path in stats if len(path) <= LONGEST_NAME)
    return {path: stats[path] for path in paths[:PATHS]}


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
            count(jsz.storage),
            allowance(config.max_storage) if config else None,
            count(jsz.reserved_storage),
        ),
        memory=Store(
            count(jsz.memory),
            allowance(config.max_memory) if config else None,
            count(jsz.reserved_memory),
        ),
        ha_assets=count(jsz.ha_assets),
        default_max_consumers=limit(jsz.limits.default_max_consumers) if jsz.limits else None,
        streams=count(jsz.streams),
        consumers=count(jsz.consumers),
        api_requests=count(jsz.api.total),
        api_errors=count(jsz.api.errors),
        api_inflight=count(jsz.api.inflight),
        api_pending=count(group.pending) if group else None,
        meta_leader=group.leader if group else None,
        max_ha_assets=limit(jsz.limits.max_ha_assets) if jsz.limits else None,
    )
