"""Conditions of accounts. Each is the expression of its rule for one moment."""

from collections.abc import Iterator
from functools import partial

from jetstream_exporter.metrics.streams import ratio
from jetstream_exporter.snapshot.rows import Account, AccountStore, AccountTier
from jetstream_exporter.status.alerts import threshold
from jetstream_exporter.status.facts import Facts, Object, Seen
from jetstream_exporter.status.servers import largest

RESERVED_FOR_THE_LARGEST = 0.75  # share of an account's limit that its streams reserve


def _account(row: Account | AccountTier) -> Object:
    return Object("account", (row.cluster, row.id if isinstance(row, Account) else row.account))


def _with_tiers(row: Account) -> list[Account | AccountTier]:
    return [row, *row.tiers]


def _limited(row: Account) -> Iterator[tuple[Account | AccountTier, str, str, AccountStore]]:
    """Each store of an account and of its tiers, with their names."""
    for each in _with_tiers(row):
        tier = each.tier if isinstance(each, AccountTier) else ""
        yield each, tier, "file", each.file
        yield each, tier, "memory", each.memory


def _store_high(limit: float, facts: Facts) -> Iterator[Seen]:
    for account in facts.snapshot.accounts:
        for row, tier, kind, store in _limited(account):
            share = ratio(store.used, store.limit)
            if share is not None and share > limit:
                labels = (("store", kind), ("tier", tier))
                yield Seen(_account(row), share, labels=labels)


store_high = partial(_store_high, threshold("JetStreamAccountStorageHigh", "warning"))
store_full = partial(_store_high, threshold("JetStreamAccountStorageHigh", "critical"))
NEAR = threshold("JetStreamAccountLimitNear", "warning")


def limit_near(facts: Facts) -> Iterator[Seen]:
    for account in facts.snapshot.accounts:
        yield from _near_numbers(account, facts)
        for row, tier, kind, store in _limited(account):
            share = ratio(store.reserved, store.limit)
            if share is None:
                continue
            room = (store.limit or 0) - (store.reserved or 0)
            needed = largest(facts, account.cluster, kind, account.id) if not tier else 0
            if share > NEAR or (share > RESERVED_FOR_THE_LARGEST and room < needed):
                labels = (("limit", "reservations"), ("store", kind), ("tier", tier))
                yield Seen(_account(row), share, labels=labels)


def _near_numbers(account: Account, facts: Facts) -> Iterator[Seen]:
    for row in _with_tiers(account):
        tier = row.tier if isinstance(row, AccountTier) else ""
        streams = ratio(row.streams, row.max_streams)
        if streams is not None and streams > NEAR:
            yield Seen(_account(row), streams, labels=(("limit", "streams"), ("tier", tier)))
        consumers = ratio(row.consumers, row.max_consumers)
        if consumers is not None and consumers > NEAR and not _is_spread(account, facts):
            yield Seen(_account(row), consumers, labels=(("limit", "consumers"), ("tier", tier)))


def _is_spread(account: Account, facts: Facts) -> bool:
    """Whether no stream of the account comes near the limit: the server counts consumers by stream."""
    counts = [
        row.consumers
        for row in facts.snapshot.streams
        if (row.cluster, row.account) == (account.cluster, account.id) and row.consumers is not None
    ]
    limits = [row.max_consumers for row in _with_tiers(account) if row.max_consumers]
    return bool(counts) and max(counts) <= NEAR * max(limits, default=0)
