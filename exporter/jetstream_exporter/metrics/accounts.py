"""Families of accounts."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from jetstream_exporter.metrics.families import Table, counter, gauge
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Account, AccountStore, AccountTier

_ACCOUNT: dict[str, Callable[[Account], str]] = {
    "nats_cluster": lambda a: a.cluster,
    "account": lambda a: a.id,
}

ACCOUNTS: Table[Account] = Table(
    name="Accounts",
    rows=lambda snapshot: snapshot.accounts,
    labels=_ACCOUNT,
    families=(
        counter(
            "jetstream_account_api_requests_total",
            "JetStream API requests of the account in the whole cluster. A server that restarts counts from 0, so "
            "that the sum falls by its part.",
            lambda a: a.api_requests,
            "jsz account_details.api.total",
            "rate(jetstream_account_api_requests_total[5m])",
        ),
        counter(
            "jetstream_account_api_errors_total",
            "JetStream API requests of the account that were answered with an error. A server that restarts counts "
            "from 0, so that the sum falls by its part.",
            lambda a: a.api_errors,
            "jsz account_details.api.errors",
            "rate(jetstream_account_api_errors_total[5m])",
        ),
        gauge(
            "jetstream_account_streams",
            "Number of streams of the account, including those on servers that do not answer. Only the "
            "`accounts` source reports this.",
            lambda a: a.streams,
            "$JS.API.INFO streams",
            "jetstream_account_streams / jetstream_account_max_streams > 0.9",
        ),
        gauge(
            "jetstream_account_consumers",
            "Number of consumers of the account, including those on servers that do not answer. Only the "
            "`accounts` source reports this.",
            lambda a: a.consumers,
            "$JS.API.INFO consumers",
            "topk(10, jetstream_account_consumers)",
        ),
        gauge(
            "jetstream_account_max_streams",
            "Maximum number of streams of the account. Absent if unlimited. Only the `accounts` source "
            "reports this.",
            lambda a: a.max_streams,
            "$JS.API.INFO limits.max_streams",
            "jetstream_account_max_streams",
        ),
        gauge(
            "jetstream_account_max_consumers",
            "Maximum number of consumers for each stream of the account. Absent if unlimited. Only the "
            "`accounts` source reports this.",
            lambda a: a.max_consumers,
            "$JS.API.INFO limits.max_consumers",
            "max by (nats_cluster, account) (jetstream_stream_consumers) / jetstream_account_max_consumers > 0.9",
        ),
    ),
)

ACCOUNT_INFO: Table[Account] = Table(
    name="Accounts: info",
    rows=lambda snapshot: snapshot.accounts,
    labels={**_ACCOUNT, "account_name": lambda a: a.name},
    families=(
        gauge(
            "jetstream_account_info",
            "Always 1. The labels hold the ID and the name of the account.",
            lambda _: 1,
            "jsz account_details.name",
            "jetstream_account_info",
        ),
    ),
)


class _AccountStore(NamedTuple):
    account: Account
    kind: str
    store: AccountStore


def _account_stores(snapshot: Snapshot) -> Iterable[_AccountStore]:
    for account in snapshot.accounts:
        yield _AccountStore(account, "file", account.file)
        yield _AccountStore(account, "memory", account.memory)


ACCOUNT_STORES: Table[_AccountStore] = Table(
    name="Accounts: store",
    rows=_account_stores,
    labels={
        "nats_cluster": lambda a: a.account.cluster,
        "account": lambda a: a.account.id,
        "store": lambda a: a.kind,
    },
    families=(
        gauge(
            "jetstream_account_store_used_bytes",
            "Bytes that the account uses in the whole cluster, including all replicas.",
            lambda a: a.store.used,
            "jsz account_details.storage, memory",
            "jetstream_account_store_used_bytes",
        ),
        gauge(
            "jetstream_account_store_limit_bytes",
            "Maximum number of bytes that the account may use. Absent if the account is unlimited or has "
            "limits by tier.",
            lambda a: a.store.limit,
            "jsz account_details.reserved_storage, reserved_memory",
            "jetstream_account_store_used_bytes / jetstream_account_store_limit_bytes > 0.8",
        ),
        gauge(
            "jetstream_account_store_reserved_bytes",
            "Sum of max_bytes of the account's streams, including all replicas. Only the `accounts` source "
            "reports this.",
            lambda a: a.store.reserved,
            "$JS.API.INFO reserved_storage, reserved_memory",
            "jetstream_account_store_reserved_bytes / jetstream_account_store_limit_bytes > 0.9",
        ),
    ),
)

_TIER: dict[str, Callable[[AccountTier], str]] = {
    "nats_cluster": lambda t: t.cluster,
    "account": lambda t: t.account,
    "tier": lambda t: t.tier,
}


def _tiers(snapshot: Snapshot) -> Iterable[AccountTier]:
    return [tier for account in snapshot.accounts for tier in account.tiers]


TIERS: Table[AccountTier] = Table(
    name="Accounts: tiers",
    rows=_tiers,
    labels=_TIER,
    families=(
        gauge(
            "jetstream_account_tier_streams",
            "Number of streams of the account with this number of replicas. Only the `accounts` source "
            "reports this.",
            lambda t: t.streams,
            "$JS.API.INFO tiers.streams",
            "jetstream_account_tier_streams / jetstream_account_tier_max_streams > 0.9",
        ),
        gauge(
            "jetstream_account_tier_consumers",
            "Number of consumers of the account with this number of replicas. Only the `accounts` source "
            "reports this.",
            lambda t: t.consumers,
            "$JS.API.INFO tiers.consumers",
            "jetstream_account_tier_consumers / jetstream_account_tier_max_consumers > 0.9",
        ),
        gauge(
            "jetstream_account_tier_max_streams",
            "Maximum number of streams with this number of replicas. Absent if unlimited. Only the "
            "`accounts` source reports this.",
            lambda t: t.max_streams,
            "$JS.API.INFO tiers.limits.max_streams",
            "jetstream_account_tier_max_streams",
        ),
        gauge(
            "jetstream_account_tier_max_consumers",
            "Maximum number of consumers with this number of replicas. Absent if unlimited. Only the "
            "`accounts` source reports this.",
            lambda t: t.max_consumers,
            "$JS.API.INFO tiers.limits.max_consumers",
            "jetstream_account_tier_max_consumers",
        ),
    ),
)


class _TierStore(NamedTuple):
    tier: AccountTier
    kind: str
    store: AccountStore


def _tier_stores(snapshot: Snapshot) -> Iterable[_TierStore]:
    for tier in _tiers(snapshot):
        yield _TierStore(tier, "file", tier.file)
        yield _TierStore(tier, "memory", tier.memory)


TIER_STORES: Table[_TierStore] = Table(
    name="Accounts: tiers' store",
    rows=_tier_stores,
    labels={
        "nats_cluster": lambda t: t.tier.cluster,
        "account": lambda t: t.tier.account,
        "tier": lambda t: t.tier.tier,
        "store": lambda t: t.kind,
    },
    families=(
        gauge(
            "jetstream_account_tier_store_used_bytes",
            "Bytes that the account uses in this tier. Only the `accounts` source reports this.",
            lambda t: t.store.used,
            "$JS.API.INFO tiers.storage, memory",
            "jetstream_account_tier_store_used_bytes",
        ),
        gauge(
            "jetstream_account_tier_store_limit_bytes",
            "Maximum number of bytes that the account may use in this tier. Absent if unlimited. Only the "
            "`accounts` source reports this.",
            lambda t: t.store.limit,
            "$JS.API.INFO tiers.limits.max_storage, max_memory",
            "jetstream_account_tier_store_used_bytes / jetstream_account_tier_store_limit_bytes > 0.8",
        ),
        gauge(
            "jetstream_account_tier_store_reserved_bytes",
            "Sum of max_bytes of the account's streams in this tier. Only the `accounts` source reports this.",
            lambda t: t.store.reserved,
            "$JS.API.INFO tiers.reserved_storage, reserved_memory",
            "jetstream_account_tier_store_reserved_bytes",
        ),
    ),
)

TABLES = (ACCOUNTS, ACCOUNT_INFO, ACCOUNT_STORES, TIERS, TIER_STORES)
