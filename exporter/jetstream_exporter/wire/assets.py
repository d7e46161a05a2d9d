"""Streams, consumers and their Raft groups, as the monitoring port and the JetStream API both describe them."""

from datetime import datetime

import msgspec

from jetstream_exporter.wire.part import ApiError, Wire


class Peer(Wire):
    """One other member of a Raft group, as the member that reports it sees it."""

    name: str = ""
    current: bool = False
    offline: bool = False
    active: int = 0  # ns since last heard; 0 also stands for "never"
    lag: int = 0
    peer: str = ""  # base62 of the SHA-256 of the server's name
    pending: bool = False  # 2.15: assigned, but not in the group yet


class Cluster(Wire):
    """The Raft group of a stream or a consumer. Without replication only `leader` is set, and no `raft_group`."""

    name: str = ""
    raft_group: str = ""
    leader: str = ""
    leader_since: datetime | None = None  # only in the leader's own report, 2.11.9 and newer
    replicas: list[Peer] = []


class LostData(Wire):
    msgs: list[int] | None = None


class StreamState(Wire):
    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    first_ts: datetime | None = None
    last_seq: int = 0
    last_ts: datetime | None = None
    num_subjects: int = 0
    num_deleted: int = 0
    consumer_count: int = 0
    lost: LostData | None = None


class Metadata(Wire):
    """What servers write into a configuration (2.11 and newer); numbers are text."""

    required_level: str = msgspec.field(name="_nats.req.level", default="")


class StreamConfig(Wire):
    name: str = ""
    subjects: list[str] = []
    retention: str = ""
    storage: str = ""
    discard: str = ""
    max_consumers: int = -1
    max_msgs: int = -1
    max_bytes: int = -1
    max_age: int = 0  # ns
    max_msgs_per_subject: int = -1
    max_msg_size: int = -1
    num_replicas: int = 1
    duplicate_window: int = 0  # ns
    metadata: Metadata | None = None


class Source(Wire):
    """The state of a mirror or a source; only the stream's leader knows it."""

    name: str = ""
    lag: int = 0
    active: int = -1  # ns since last contact; -1 is never
    error: ApiError | None = None


class ConsumerConfig(Wire):
    durable_name: str = ""
    deliver_subject: str = ""
    deliver_policy: str = ""
    ack_policy: str = ""
    ack_wait: int = 0  # ns
    max_deliver: int = -1
    filter_subject: str = ""
    filter_subjects: list[str] = []
    max_waiting: int = 0
    max_ack_pending: int = 0
    num_replicas: int = 0  # 0 is the stream's
    sample_freq: str = ""


class Position(Wire):
    consumer_seq: int = 0
    stream_seq: int = 0
    last_active: datetime | None = None


class ConsumerDetail(Wire):
    name: str
    created: datetime | None = None
    config: ConsumerConfig | None = None
    delivered: Position = msgspec.field(default_factory=Position)
    ack_floor: Position = msgspec.field(default_factory=Position)
    num_ack_pending: int = 0
    num_redelivered: int = 0
    num_waiting: int = 0  # true on the leader only, like num_pending and push_bound
    num_pending: int = 0
    push_bound: bool = False
    paused: bool = False
    cluster: Cluster | None = None  # absent where the server runs alone
    unsupported: str = ""  # not in the answer: the reason given by `offline` of a list


class StreamDetail(Wire):
    name: str
    created: datetime | None = None
    cluster: Cluster | None = None
    config: StreamConfig | None = None
    state: StreamState | None = None
    mirror: Source | None = None
    sources: list[Source] = []
    consumer_detail: list[ConsumerDetail] = []
    unsupported: str = ""  # not in the answer: the reason given by `offline` of a list
