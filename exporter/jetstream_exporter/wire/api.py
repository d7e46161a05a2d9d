"""The answers of an account's JetStream API, `$JS.API.>`."""

from datetime import datetime

import msgspec

from jetstream_exporter.wire.assets import (
    Cluster,
    ConsumerDetail,
    Source,
    StreamConfig,
    StreamState,
)
from jetstream_exporter.wire.part import ApiError, ApiStats, Wire


class ApiStream(Wire):
    """A stream in `STREAM.LIST` and `STREAM.INFO`; its name is in the configuration."""

    config: StreamConfig = msgspec.field(default_factory=StreamConfig)
    created: datetime | None = None
    state: StreamState | None = None
    cluster: Cluster | None = None
    mirror: Source | None = None
    sources: list[Source] = []
    error: ApiError | None = None


class ApiStreams(Wire):
    """A page of `STREAM.LIST`. A stream in `missing` had no answer from its leader, even if it is in `streams` too."""

    total: int = 0
    streams: list[ApiStream] | None = None
    missing: list[str] | None = None
    offline: dict[str, str] | None = None  # 2.11.9, 2.12: not supported by this version
    error: ApiError | None = None


class ApiConsumer(ConsumerDetail):
    name: str = ""
    error: ApiError | None = None


class ApiConsumers(Wire):
    """A page of `CONSUMER.LIST`; `missing` as in `ApiStreams`."""

    total: int = 0
    consumers: list[ApiConsumer] | None = None
    missing: list[str] | None = None
    offline: dict[str, str] | None = None
    error: ApiError | None = None


class ApiNames(Wire):
    """A page of `STREAM.NAMES` or `CONSUMER.NAMES`."""

    total: int = 0
    streams: list[str] | None = None
    consumers: list[str] | None = None
    error: ApiError | None = None


class AccountLimits(Wire):
    max_memory: int = -1
    max_storage: int = -1
    max_streams: int = -1
    max_consumers: int = -1
    max_ack_pending: int = -1
    memory_max_stream_bytes: int = -1
    storage_max_stream_bytes: int = -1


class Tier(Wire):
    """An account's usage of one tier (`R1`, `R3`), or of all."""

    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0  # before 2.11 the sum of max_bytes, in which each -1 counts: 2^64-2
    reserved_storage: int = 0
    streams: int = 0
    consumers: int = 0
    limits: AccountLimits = msgspec.field(default_factory=AccountLimits)


class AccountInfo(Tier):
    """`$JS.API.INFO`. `account` and `name` are not in the answer; the source fills them in."""

    domain: str = ""
    api: ApiStats = msgspec.field(default_factory=ApiStats)
    tiers: dict[str, Tier] | None = None
    error: ApiError | None = None
    account: str = ""
    name: str = ""
