"""What only an account's own API tells: its limits, its reservations, and its usage by tier."""

import msgspec

from jetstream_exporter.snapshot.rows import Account, AccountStore, AccountTier
from jetstream_exporter.snapshot.units import allowance, count, limit
from jetstream_exporter.wire import AccountInfo, Tier


def with_limits(cluster: str, label: str, row: Account | None, info: AccountInfo) -> Account:
    """Add what the account's API tells to its row, or make the row where no server was asked for it."""
    file, memory = _file(info), _memory(info)
    if info.tiers:  # then the limits of the whole are zeros that stand for nothing
        file = msgspec.structs.replace(file, limit=None)
        memory = msgspec.structs.replace(memory, limit=None)
    requests, errors = count(info.api.total), count(info.api.errors)
    base = row or Account(cluster, label, info.name, file, memory, requests, errors)
    tiers = info.tiers or {}
    return msgspec.structs.replace(
        base,
        file=msgspec.structs.replace(base.file, reserved=count(info.reserved_storage)),
        memory=msgspec.structs.replace(base.memory, reserved=count(info.reserved_memory)),
        streams=info.streams,
        consumers=info.consumers,
        max_streams=limit(info.limits.max_streams),
        max_consumers=limit(info.limits.max_consumers),
        tiers=[_tier(cluster, label, name, tiers[name]) for name in sorted(tiers)],
    )


def _tier(cluster: str, label: str, name: str, tier: Tier) -> AccountTier:
    return AccountTier(
        cluster=cluster,
        account=label,
        tier=name,
        file=_file(tier),
        memory=_memory(tier),
        streams=tier.streams,
        consumers=tier.consumers,
        max_streams=limit(tier.limits.max_streams),
        max_consumers=limit(tier.limits.max_consumers),
    )


def _file(tier: Tier) -> AccountStore:
    return AccountStore(
        count(tier.storage), allowance(tier.limits.max_storage), count(tier.reserved_storage)
    )


def _memory(tier: Tier) -> AccountStore:
    return AccountStore(
        count(tier.memory), allowance(tier.limits.max_memory), count(tier.reserved_memory)
    )
