"""Rows of consumers, and what events said of them."""

from jetstream_exporter.snapshot.identity import Identity
from jetstream_exporter.snapshot.rows.raft import Raft
from jetstream_exporter.snapshot.rows.row import Row


class ConsumerSettings(Row):
    """A consumer's configuration; None is unlimited."""

    durable: bool
    push: bool
    filtered: bool
    ack_policy: str
    deliver_policy: str
    ack_wait: float | None
    max_deliver: int | None
    max_ack_pending: int | None
    max_waiting: int | None
    replicas: int = 0  # 0 is the stream's number
    sampled: bool = False


class Histogram(Row):
    """Observations in seconds: how many fell below each bound (the last is without one), and their sum."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float = 0.0


class Heard(Row):
    """What events said of a consumer; None where nobody listens for it."""

    max_deliveries: int | None = None
    naks: int | None = None
    terminations: int | None = None
    excess: int | None = None
    quorum_lost: int | None = None
    ack_times: Histogram | None = None


class Consumer(Row):
    """A consumer. The figures are its leader's, and None while it has none.

    `pending` can be None by itself: the first figure of a new leader may be wrong and is left out.
    """

    cluster: str
    account: str
    account_id: str
    stream: str
    name: str
    identity: Identity
    raft: Raft
    settings: ConsumerSettings | None
    pending: int | None = None
    ack_pending: int | None = None
    redelivered: int | None = None
    ack_floor_lag: int | None = None
    delivered_sequence: int | None = None
    ack_floor_sequence: int | None = None
    deliveries: int | None = None
    acknowledged: int | None = None
    waiting_pulls: int | None = None
    push_bound: bool | None = None
    paused: bool | None = None
    last_delivery: float | None = None
    last_ack: float | None = None
    unsupported: str | None = None  # why this version of the server does not serve it
    heard: Heard | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.cluster, self.account_id, self.stream, self.name)
