"""Streams, consumers and their Raft groups, as the monitoring port and the JetStream API both describe them.

What is empty for most of a hundred thousand objects is a tuple: there is one empty tuple, and a list for each of them.
"""

import msgspec

from jetstream_exporter.wire.part import ApiError, Moment, Name, Signed, Unsigned, Wire


class Peer(Wire):
    """One other member of a Raft group, as the member that reports it sees it."""

    name: Name = ""
    current: bool = False
    offline: bool = False
    active: Signed = 0  # ns since last heard; 0 also stands for "never"
    lag: Unsigned = 0
    pending: bool = False  # 2.15: assigned, but not in the group yet


class RaftGroup(Wire):
    """The Raft group of a stream or a consumer. Without replication only `leader` is set, and no `raft_group`."""

    name: Name = ""
    raft_group: Name = ""
    leader: Name = ""
    leader_since: Moment | None = None  # only in the leader's own report, 2.11.9 and newer
    replicas: tuple[Peer, ...] = ()


class LostData(Wire):
    msgs: list[Unsigned] | None = None


class StreamState(Wire):
    messages: Unsigned = 0
    bytes: Unsigned = 0
    first_seq: Unsigned = 0
    first_ts: Moment | None = None
    last_seq: Unsigned = 0
    last_ts: Moment | None = None
    num_subjects: Unsigned = 0
    num_deleted: Unsigned = 0
    consumer_count: Unsigned = 0
    lost: LostData | None = None


# What servers (2.11 and newer, keys that begin with `_nats.`) and operators write into a configuration, all as text.
Metadata = dict[str, str]


class Placement(Wire):
    """Where the replicas may be. The texts are the tenant's, of any length."""

    cluster: str = ""
    tags: list[str] | None = None


class Rule(Wire):
    """A rule for subjects of which only the presence counts."""


class StreamConfig(Wire):
    name: Name = ""
    subjects: list[str] = []
    retention: Name = ""
    storage: Name = ""
    discard: Name = ""
    max_consumers: Signed = -1
    max_msgs: Signed = -1
    max_bytes: Signed = -1
    max_age: Signed = 0  # ns
    max_msgs_per_subject: Signed = -1
    max_msg_size: Signed = -1
    num_replicas: Signed = 1
    duplicate_window: Signed = 0  # ns
    allow_rollup_hdrs: bool = False
    allow_msg_ttl: bool = False  # 2.11 and newer
    allow_msg_counter: bool = False  # 2.12 and newer, like allow_atomic
    allow_atomic: bool = False
    compression: str = ""
    allow_direct: bool = False
    mirror_direct: bool = False
    deny_delete: bool = False
    deny_purge: bool = False
    sealed: bool = False
    subject_transform: Rule | None = None
    republish: Rule | None = None
    placement: Placement | None = None
    metadata: Metadata | None = None


class Source(Wire):
    """The state of a mirror or a source; only the stream's leader knows it."""

    name: str = ""  # of any length where it is another account's: the tenant's server does not look
    lag: Unsigned = 0
    active: Signed = -1  # ns since last contact; -1 is never
    error: ApiError | None = None


class ConsumerConfig(Wire):
    durable_name: Name = ""
    deliver_subject: str = ""
    deliver_policy: Name = ""
    ack_policy: Name = ""
    ack_wait: Signed = 0  # ns
    max_deliver: Signed = -1
    filter_subject: str = ""
    filter_subjects: tuple[str, ...] = ()
    max_waiting: Signed = 0
    max_ack_pending: Signed = 0
    num_replicas: Signed = 0  # 0 is the stream's
    sample_freq: str = ""
    inactive_threshold: Signed = 0  # ns; 0 is never
    backoff: tuple[Signed, ...] = ()  # ns between the attempts at one message
    sourcing: bool = False  # made by a mirror or source of the stream (2.14 and newer)
    priority_groups: tuple[str, ...] = ()  # 2.11 and newer
    priority_policy: str = ""
    metadata: Metadata | None = None


class Position(Wire):
    consumer_seq: Unsigned = 0
    stream_seq: Unsigned = 0
    last_active: Moment | None = None


class PriorityGroup(Wire):
    """A group of the clients of one consumer; the leader knows whom it is pinned to."""

    group: Name = ""
    pinned_client_id: str = ""
    pinned_ts: Moment | None = None  # the year 1 where no client is pinned


class ConsumerDetail(Wire):
    name: Name
    created: Moment | None = None
    config: ConsumerConfig | None = None
    delivered: Position = msgspec.field(default_factory=Position)
    ack_floor: Position = msgspec.field(default_factory=Position)
    num_ack_pending: Signed = 0
    num_redelivered: Signed = 0
    num_waiting: Signed = 0  # true on the leader only, like num_pending and push_bound
    num_pending: Unsigned = 0
    push_bound: bool = False
    paused: bool = False
    pause_remaining: Signed = 0  # ns, 2.11 and newer
    priority_groups: tuple[PriorityGroup, ...] = ()
    cluster: RaftGroup | None = None  # absent where the server runs alone
    unsupported: str = ""  # not in the answer: the reason given by `offline` of a list


class StreamDetail(Wire):
    name: Name
    created: Moment | None = None
    cluster: RaftGroup | None = None
    config: StreamConfig | None = None
    state: StreamState | None = None
    mirror: Source | None = None
    sources: list[Source] = []
    consumer_detail: list[ConsumerDetail] = []
    unsupported: str = ""  # not in the answer: the reason given by `offline` of a list
