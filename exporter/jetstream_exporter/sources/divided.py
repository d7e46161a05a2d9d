"""The list of a server that is read account by account, since a shard reads only some of its accounts.

First the server is asked which accounts there are, then for the list of each account of this shard. Every answer also
has the counts of the whole server, so a server that begins to stop in between is noticed as ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from jetstream_exporter.config.shard import Shard
from jetstream_exporter.report import DividedJsz
from jetstream_exporter.wire import Jsz

AT_ONCE = 4  # accounts of one server that are asked for at the same time
OTHERS = "the answer is about other accounts; a proxy may drop or cache the query of the URL"
ANOTHER = "a different server answered than for the list of accounts; list each server as a target"
SHOWN = 3  # accounts that an error names

Part = TypeVar("Part")


def own(listed: Jsz, shard: Shard) -> list[str]:
    """The IDs of the accounts that this shard reads."""
    return [account.id for account in listed.account_details if shard.holds(account.id)]


async def each(accounts: Iterable[str], read: Callable[[str], Awaitable[Part]]) -> dict[str, Part]:
    """What was read about each account, some of them at a time."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(account: str) -> Part:
        async with limit:
            return await read(account)

    accounts = list(accounts)
    return dict(zip(accounts, await asyncio.gather(*map(one, accounts)), strict=True))


def mismatch(listed: Jsz, account: str, answer: Jsz) -> str | None:
    """Why this is no answer about the account; None if it is one. An account that is gone meanwhile has none in it."""
    if answer.server_id != listed.server_id:
        return ANOTHER
    return None if {each.id for each in answer.account_details} <= {account} else OTHERS


def divided(listed: Jsz, answers: Mapping[str, Jsz | None], shard: Shard) -> DividedJsz:
    """One list out of the answers about this shard's accounts, by ID; None is: no answer.

    Of the counts of streams and consumers the lowest remain: a server that begins to stop shows in one of them.
    """
    came = [answer for answer in answers.values() if answer is not None]
    fields = msgspec.structs.asdict(listed) | {
        "streams": min(answer.streams for answer in (listed, *came)),
        "consumers": min(answer.consumers for answer in (listed, *came)),
        "account_details": [detail for answer in came for detail in answer.account_details],
        "refused": [*listed.refused, *(text for answer in came for text in answer.refused)],
    }
    return DividedJsz(
        **fields,
        elsewhere=[(a.id, a.name) for a in listed.account_details if not shard.holds(a.id)],
        unread=[account for account, answer in answers.items() if answer is None],
    )


def failures(why: Mapping[str, str], asked: Sequence[str]) -> str | None:
    """One line about the accounts whose list did not come, or not all of it; a shared cause is named once."""
    if not why:
        return None
    accounts: dict[str, list[str]] = {}
    for account, reason in why.items():
        accounts.setdefault(reason, []).append(account)
    causes = [f"{_some(names)}: {reason}" for reason, names in accounts.items()]
    return f"{len(why)} of {len(asked)} accounts failed: {'; '.join(causes)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
