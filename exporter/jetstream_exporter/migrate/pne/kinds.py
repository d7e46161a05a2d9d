"""The kinds of series of prometheus-nats-exporter, and what their rows share."""

from __future__ import annotations

from jetstream_exporter.migrate.shapes import Kind

FILE, MEMORY = {"store": "file"}, {"store": "memory"}
STORES = (("storage", FILE), ("memory", MEMORY))  # as both exporters call them
MIRROR, SOURCE = {"kind": "mirror"}, {"kind": "source"}
UNLIMITED = "An unlimited value is absent instead of -1 or 2^64-1."

SERVER_LABELS = ("server_id", "server_name", "cluster", "domain")
ACCOUNT_LABELS = ("account", "account_name", "account_id")
STREAM_LABELS = (*SERVER_LABELS, *ACCOUNT_LABELS, "stream_name", "stream_leader")
# Ours is the leader's row.
LEADS = {"is_stream_leader": "true"}

# /varz, /connz, /subsz, /routez, /healthz: `cluster` is not theirs, and tells servers of equal names apart.
VARZ = Kind("pne", "server", ("server_id", "cluster"), core=True)
VERSION = Kind("pne", "server", (*VARZ.labels, "value"), core=True)
# /accstatz, /gatewayz, /leafz: what one server says of its own connections. Theirs have the connection's ID as well.
CLIENTS = Kind("pne", "server", (*VARZ.labels, *ACCOUNT_LABELS), core=True)
GATEWAY = Kind("pne", "server", (*VARZ.labels, "gateway_name", "remote_gateway_name"), core=True)
LEAF = Kind("pne", "server", (*VARZ.labels, "account", "account_id", "name"), core=True)
META = Kind("pne", "cluster", ("cluster",), core=True)
SERVER = Kind("pne", "server", SERVER_LABELS)
ACCOUNT = Kind("pne", "account", ("cluster", *ACCOUNT_LABELS))
STREAM = Kind("pne", "stream", STREAM_LABELS, LEADS)
SOURCES = Kind("pne", "origin", (*STREAM_LABELS, "source_name"), LEADS)
MIRRORS = Kind("pne", "origin", (*STREAM_LABELS, "mirror_name"), LEADS)
CONSUMER = Kind(
    "pne",
    "consumer",
    (*STREAM_LABELS, "consumer_name", "consumer_leader"),
    {**LEADS, "is_consumer_leader": "true"},
)
