"""Their labels and ours."""

from __future__ import annotations

from collections.abc import Mapping

from jetstream_exporter.metrics import TABLES
from jetstream_exporter.migrate.shapes import Kind

FAMILIES: Mapping[str, tuple[str, frozenset[str]]] = {
    family.name: (family.type, frozenset(table.labels))
    for table in TABLES
    for family in table.families
}
HISTOGRAM = ("_bucket", "_sum", "_count")

OURS: Mapping[str, str] = {
    "server_id": "server",
    "server_name": "server",
    "peer": "server",
    "cluster": "nats_cluster",
    "server_cluster": "nats_cluster",
    "cluster_name": "nats_cluster",
    "account": "account",
    "account_id": "account",
    "account_name": "account",
    "stream": "stream",
    "stream_name": "stream",
    "consumer": "consumer",
    "consumer_name": "consumer",
    "source_name": "source",
    "mirror_name": "source",
    "domain": "domain",
    "server_domain": "domain",
    "server_version": "version",
    "value": "version",
    "leader": "leader",
    "gateway_name": "nats_cluster",
    "remote_gateway_name": "remote_cluster",
    "server_gateway_name": "remote_cluster",
    "server_route_name": "remote",
    "name": "remote",
}
# Of a server, and of its cluster.
OF_SERVERS = ("server_id", "server_name", "cluster", "server_cluster", "cluster_name")
# What Prometheus gives to a target: theirs stood for one server, ours stands for the exporter of all.
OF_ONE_SERVER = frozenset({"instance", "pod"})
OF_TARGET = frozenset({"job", "container", "endpoint", "service", *OF_ONE_SERVER})
KEPT_OF_TARGET = frozenset({"job", "namespace"})
# Theirs alone: the word for what changes with an election, or what a configuration says.
LEADERS = frozenset({"stream_leader", "consumer_leader", "meta_leader"})
FLAGS = frozenset({"is_stream_leader", "is_consumer_leader", "is_meta_leader", "server_jetstream"})
GROUPS = frozenset({"stream_raft_group", "raft_group"})
OTHERS = frozenset(
    {
        "consumer_desc",
        "source_api",
        "source_deliver",
        "mirror_api",
        "mirror_deliver",
        "server_host",
        "jetstream_domain",
        "cid",
        "gateway_id",
        "server_gateway_name_id",
        "server_route_name_id",
        "ip",
        "port",
    }
)
# Words that mean anything else as well.
COMMON = frozenset({"name", "value", "leader", "domain"})
THEIRS = frozenset(OURS) | LEADERS | FLAGS | GROUPS | OTHERS


def is_ours(name: str) -> bool:
    return name in FAMILIES or any(
        name.endswith(ending) and name.removesuffix(ending) in FAMILIES for ending in HISTOGRAM
    )


def is_theirs(label: str) -> bool:
    return label in THEIRS or label.startswith(("stream_meta_", "consumer_meta_"))


def labels_of(name: str) -> frozenset[str]:
    """The labels of one of our families."""
    return FAMILIES[name][1]


def is_counter(name: str) -> bool:
    return FAMILIES[name][0] == "counter"


def renamed(label: str) -> str:
    """Our label for one of theirs, whatever series it is of; the same where it is none of theirs."""
    return "server" if label in OF_ONE_SERVER else OURS.get(label, label)


def translated(label: str, kind: Kind, ours: frozenset[str]) -> str | None:
    """Our label of the same meaning on a series with the labels `ours`; None where it has none."""
    if kind.of == "peer" and label in ("server_id", "server_name"):
        return None  # theirs names the leader there, ours the peer
    if label in OF_ONE_SERVER:
        return "server" if "server" in ours and kind.of == "server" else None
    if label in OURS:
        found = OURS[label]
        return found if found in ours else None
    return None if is_theirs(label) or label in OF_TARGET - KEPT_OF_TARGET else label
