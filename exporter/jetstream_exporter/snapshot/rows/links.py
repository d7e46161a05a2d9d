"""Rows of the links between one server and others. Counters are sums over the connections that there are now."""

from jetstream_exporter.snapshot.rows.row import Row


class Traffic(Row, frozen=True):
    """What went over the connections of a link since each of them was made."""

    sent_messages: int = 0
    sent_bytes: int = 0
    received_messages: int = 0
    received_bytes: int = 0


class Gateway(Row, frozen=True):
    """The connections of one server to, or from, one remote cluster.

    `traffic` and `pending_bytes` are None where there is no connection; `rtt` is seconds, the worst of all.
    """

    remote_cluster: str
    direction: str  # inbound or outbound
    connections: int
    pending_bytes: int | None = None
    rtt: float | None = None
    traffic: Traffic | None = None


class Leafnode(Row, frozen=True):
    """The leaf node connections of one account between this server and one other.

    `remote` is what the other server calls itself; empty for servers without a name, which are counted together.
    """

    account: str
    remote: str
    connections: int
    rtt: float | None
    traffic: Traffic


class LeafRemotes(Row, frozen=True):
    """The leaf node connections of one account that the configuration of this server says to make.

    `connected` is how many of them there are, None where the server was not asked or did not answer.
    """

    account: str
    configured: int
    connected: int | None


class AccountClients(Row, frozen=True):
    """The clients of one account on this server, and what went to and from them since the server started."""

    account: str
    connections: int
    leafnodes: int
    subscriptions: int
    traffic: Traffic
    slow_consumers: int


class Route(Row, frozen=True):
    """The pooled connections to one server of the cluster. `pending_bytes` is None where there are none."""

    remote: str
    connections: int
    pending_bytes: int | None = None
    rtt: float | None = None
