"""Rows of accounts: what each uses of the whole cluster."""

from collections.abc import Callable, Iterable, Sequence

from jetstream_exporter.report import LeaderReport, ServerReport
from jetstream_exporter.snapshot.limits import with_limits
from jetstream_exporter.snapshot.rows import (
    Account,
    AccountStore,
)
from jetstream_exporter.snapshot.units import (
    allowance,
    count,
)
from jetstream_exporter.wire import AccountDetail


def account_rows(
    cluster: str,
    reports: Iterable[ServerReport],
    apis: Iterable[LeaderReport],
    labels: dict[str, str],
    authoritative: frozenset[str],
) -> list[Account]:
    """What accounts use of the whole cluster. Every server reports the same, or less while it catches up.

    A server that is cut off reports what was used before, which may be more, so it does not count for usage.
    Its count of API requests still does.
    """
    details: dict[str, list[AccountDetail]] = {}
    current: dict[str, list[AccountDetail]] = {}
    infos = {api.account_id: api.info for api in apis if api.info is not None}
    for report in reports:
        for detail in report.account_details:
            details.setdefault(detail.id, []).append(detail)
            if report.server_name in authoritative:
                current.setdefault(detail.id, []).append(detail)
    rows = []
    for identity in details.keys() | infos.keys():
        label, info = labels.get(identity, identity), infos.get(identity)
        some = details.get(identity, ())
        row = _account(cluster, label, some, current.get(identity, some)) if some else None
        row = with_limits(cluster, label, row, info) if info else row
        rows += [row] if row is not None else []
    return sorted(rows, key=lambda row: row.id)


def _account(
    cluster: str, label: str, details: Sequence[AccountDetail], current: Sequence[AccountDetail]
) -> Account:
    def most(read: Callable[[AccountDetail], int]) -> int:
        return max(read(detail) for detail in current)

    def counted(read: Callable[[AccountDetail], int], some: Sequence[AccountDetail]) -> int | None:
        return max((n for n in map(read, some) if count(n) is not None), default=None)

    file, memory = most(lambda a: a.reserved_storage), most(lambda a: a.reserved_memory)
    limited = file != 0 or memory != 0  # both are 0 where the account is limited by tiers
    return Account(
        cluster=cluster,
        id=label,
        name=max(detail.name for detail in details),
        file=AccountStore(
            counted(lambda a: a.storage, current), allowance(file) if limited else None
        ),
        memory=AccountStore(
            counted(lambda a: a.memory, current), allowance(memory) if limited else None
        ),
        api_requests=counted(lambda a: a.api.total, details),
        api_errors=counted(lambda a: a.api.errors, details),
    )
