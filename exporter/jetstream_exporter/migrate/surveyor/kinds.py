"""The kinds of series of nats-surveyor."""

from __future__ import annotations

from jetstream_exporter.migrate.shapes import Kind

SERVER = Kind("surveyor", "server", ("server_cluster", "server_name", "server_id"))
SERVER_INFO = Kind("surveyor", "server", (*SERVER.labels, "server_version"))
JETSTREAM_INFO = Kind(
    "surveyor",
    "server",
    (*SERVER.labels, "server_domain", "server_version"),
    {"server_jetstream": "true"},
)
JETSTREAM = Kind("surveyor", "server", ("cluster_name", "server_name", "server_id"))
# What one server says of its own connections. Theirs have the connection's ID as well.
CLIENTS = Kind("surveyor", "server", (*SERVER.labels, "account", "account_name"))
GATEWAY = Kind("surveyor", "server", (*SERVER.labels, "server_gateway_name"))
GATEWAYZ = Kind(
    "surveyor", "server", ("server_name", "server_id", "gateway_name", "remote_gateway_name")
)
ROUTE = Kind("surveyor", "server", (*SERVER.labels, "server_route_name"))
META = Kind("surveyor", "cluster", ("cluster_name",))
META_VIEW = Kind("surveyor", "server", JETSTREAM.labels, {"raft_group": "_meta_"})
SURVEY = Kind("surveyor", "cluster", ())
PEER = Kind("surveyor", "peer", ("cluster_name", "peer"))
# `cluster_name` is not theirs, and tells accounts of equal names apart.
ACCOUNT = Kind("surveyor", "account", ("cluster_name", "account", "account_name"))
STREAM_OF_ACCOUNT = Kind("surveyor", "stream", (*ACCOUNT.labels, "stream"))
STREAM = Kind(
    "surveyor", "stream", (*STREAM_OF_ACCOUNT.labels, "stream_leader", "server_name", "server_id")
)
CONSUMER = Kind("surveyor", "consumer", (*STREAM.labels, "consumer_name", "consumer_leader"))
EVENTS = Kind("surveyor", "consumer", ("account", "stream", "consumer"))
STREAM_EVENTS = Kind("surveyor", "stream", ("account", "stream"))
