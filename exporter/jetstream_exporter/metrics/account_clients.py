"""Families of the clients of each account, server by server."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from jetstream_exporter.metrics.families import Family, Table, counter, gauge
from jetstream_exporter.metrics.servers import OF_SERVER
from jetstream_exporter.snapshot import Server, Snapshot
from jetstream_exporter.snapshot.rows import AccountClients


class _Clients(NamedTuple):
    """The clients of an account, and the server that said it."""

    server: Server
    clients: AccountClients


def _clients(snapshot: Snapshot) -> Iterator[_Clients]:
    return (_Clients(server, each) for server in snapshot.servers for each in server.accounts)


def _total(
    name: str, text: str, field: str, value: Callable[[AccountClients], int]
) -> Family[_Clients]:
    full = f"nats_account_{name}_total"
    return counter(
        full,
        text,
        lambda each: value(each.clients),
        f"accstatz {field}",
        f"sum by (nats_cluster, account) (rate({full}[5m]))",
    )


ACCOUNT_CLIENTS: Table[_Clients] = Table(
    name="Accounts: clients by server",
    rows=_clients,
    labels={**OF_SERVER, "account": lambda each: each.clients.account},
    families=(
        gauge(
            "nats_account_connections",
            "Current number of client connections of the account on the server, without leaf nodes. Present once "
            "the account had a client or a leaf node on the server.",
            lambda each: each.clients.connections,
            "accstatz conns",
            "topk(10, sum by (nats_cluster, account) (nats_account_connections))",
        ),
        gauge(
            "nats_account_leafnodes",
            "Current number of leaf node connections of the account on the server.",
            lambda each: each.clients.leafnodes,
            "accstatz leafnodes",
            "sum by (nats_cluster, account) (nats_account_leafnodes)",
        ),
        gauge(
            "nats_account_subscriptions",
            "Current number of subscriptions of the account on the server, including those of the server itself.",
            lambda each: each.clients.subscriptions,
            "accstatz num_subscriptions",
            "topk(10, sum by (nats_cluster, account) (nats_account_subscriptions))",
        ),
        _total(
            "sent_messages",
            "Messages of the account that the server sent, to clients, leaf nodes and other servers.",
            "sent.msgs",
            lambda each: each.traffic.sent_messages,
        ),
        _total(
            "sent_bytes",
            "Bytes of the messages of the account that the server sent.",
            "sent.bytes",
            lambda each: each.traffic.sent_bytes,
        ),
        _total(
            "received_messages",
            "Messages of the account that the server received, from clients and leaf nodes; after 2.10 also from "
            "routes and gateways, so that a sum over servers counts some of them twice.",
            "received.msgs",
            lambda each: each.traffic.received_messages,
        ),
        _total(
            "received_bytes",
            "Bytes of the messages of the account that the server received.",
            "received.bytes",
            lambda each: each.traffic.received_bytes,
        ),
        _total(
            "slow_consumers",
            "Connections of the account that the server closed because they did not read fast enough.",
            "slow_consumers",
            lambda each: each.slow_consumers,
        ),
    ),
)

TABLES = (ACCOUNT_CLIENTS,)
