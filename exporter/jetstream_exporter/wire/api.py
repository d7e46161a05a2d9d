"""The answers of an account's JetStream API, `$JS.API.>`."""

import msgspec

from jetstream_exporter.wire.assets import (
    ConsumerDetail,
    RaftGroup,
    Source,
    StreamConfig,
    StreamState,
)
from jetstream_exporter.wire.part import (
    ApiError,
    ApiStats,
    Moment,
    Name,
    Reason,
    Refusals,
    Signed,
    Unsigned,
    Wide,
    Wire,
    check_wide,
)


class ApiStream(Wire):
    """A stream in `STREAM.LIST` and `STREAM.INFO`; its name is in the configuration."""

    config: StreamConfig = msgspec.field(default_factory=StreamConfig)
    created: Moment | None = None
    state: StreamState | None = None
    cluster: RaftGroup | None = None
    mirror: Source | None = None
    sources: list[Source] = []
    error: ApiError | None = None


class ApiStreams(Refusals):
    """A page of `STREAM.LIST`. A stream in `missing` had no answer from its leader, even if it is in `streams` too."""

    total: Unsigned = 0
    streams: list[ApiStream] | None = None
    missing: list[Name] | None = None
    offline: dict[Name, Reason] | None = None  # 2.11.9, 2.12: not supported by this version
    error: ApiError | None = None


class ApiConsumer(ConsumerDetail):
    name: Name = ""
    error: ApiError | None = None


class ApiConsumers(Refusals):
    """A page of `CONSUMER.LIST`; `missing` as in `ApiStreams`."""

    total: Unsigned = 0
    consumers: list[ApiConsumer] | None = None
    missing: list[Name] | None = None
    offline: dict[Name, Reason] | None = None
    error: ApiError | None = None


class ApiNames(Wire):
    """A page of `STREAM.NAMES` or `CONSUMER.NAMES`."""

    total: Unsigned = 0
    streams: list[Name] | None = None
    consumers: list[Name] | None = None
    error: ApiError | None = None


class StoredMessage(Wire):
    """A message of a stream. Its subject, headers and payload are not read."""

    seq: Unsigned
    time: Moment


class ApiMessage(Wire):
    """The answer of `STREAM.MSG.GET`."""

    message: StoredMessage | None = None
    error: ApiError | None = None


class AccountLimits(Wire):
    max_memory: Signed = -1
    max_storage: Signed = -1
    max_streams: Signed = -1
    max_consumers: Signed = -1
    max_ack_pending: Signed = -1
    memory_max_stream_bytes: Signed = -1
    storage_max_stream_bytes: Signed = -1


class Tier(Wire):
    """An account's usage of one tier (`R1`, `R3`), or of all."""

    memory: Wide = 0
    storage: Wide = 0
    reserved_memory: Wide = 0  # before 2.11 the sum of max_bytes, in which each -1 counts: 2^64-2
    reserved_storage: Wide = 0
    streams: Unsigned = 0
    consumers: Unsigned = 0
    limits: AccountLimits = msgspec.field(default_factory=AccountLimits)

    def __post_init__(self) -> None:
        check_wide(self.memory, self.storage, self.reserved_memory, self.reserved_storage)


class AccountInfo(Tier):
    """`$JS.API.INFO`. `account` and `name` are not in the answer; the source fills them in."""

    domain: Name = ""
    api: ApiStats = msgspec.field(default_factory=ApiStats)
    tiers: dict[Name, Tier] | None = None
    error: ApiError | None = None
    account: Name = ""
    name: Name = ""
