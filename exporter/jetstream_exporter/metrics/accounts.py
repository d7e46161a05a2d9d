"""Families of accounts."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from jetstream_exporter.metrics.families import Table, counter, gauge
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Account, AccountStore

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
            "JetStream API requests of the account, over the whole cluster.",
            lambda a: a.api_requests,
            "jsz account_details.api.total",
            "rate(jetstream_account_api_requests_total[5m])",
        ),
        counter(
            "jetstream_account_api_errors_total",
            "JetStream API requests of the account that were answered with an error.",
            lambda a: a.api_errors,
            "jsz account_details.api.errors",
            "rate(jetstream_account_api_errors_total[5m])",
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
            "Always 1; carries the account's name beside its label.",
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
            "Bytes that the account uses in the whole cluster, replicas included.",
            lambda a: a.store.used,
            "jsz account_details.storage, memory",
            "jetstream_account_store_used_bytes",
        ),
        gauge(
            "jetstream_account_store_limit_bytes",
            "Most bytes that the account may use; absent where it has no limit, or limits by tier.",
            lambda a: a.store.limit,
            "jsz account_details.reserved_storage, reserved_memory",
            "jetstream_account_store_used_bytes / jetstream_account_store_limit_bytes > 0.8",
        ),
    ),
)

TABLES = (ACCOUNTS, ACCOUNT_INFO, ACCOUNT_STORES)
