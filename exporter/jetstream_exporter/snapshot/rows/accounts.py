"""Rows of accounts."""

from collections.abc import Sequence

from jetstream_exporter.snapshot.rows.row import Row


class AccountStore(Row, frozen=True):
    used: int | None
    limit: int | None
    reserved: int | None = None


class AccountTier(Row, frozen=True):
    """Use and limits by number of replicas, for accounts that are limited so; None is unlimited."""

    cluster: str
    account: str
    tier: str
    file: AccountStore
    memory: AccountStore
    streams: int
    consumers: int
    max_streams: int | None
    max_consumers: int | None


class Account(Row, frozen=True):
    cluster: str
    id: str
    name: str
    file: AccountStore
    memory: AccountStore
    api_requests: int | None
    api_errors: int | None
    streams: int | None = None
    consumers: int | None = None
    max_streams: int | None = None
    max_consumers: int | None = None
    tiers: Sequence[AccountTier] = ()
