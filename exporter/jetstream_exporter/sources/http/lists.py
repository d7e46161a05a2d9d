"""How the list of a server's objects is read over HTTP: all of it in one answer, or account by account in a shard."""

import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from jetstream_exporter.config.shard import Shard
from jetstream_exporter.sources.divided import divided, each, failures, mismatch, own
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.http.client import HttpResponse
from jetstream_exporter.sources.http.target_request import (
    TargetRequest,
    decode_accounts,
    decode_jsz,
    decode_part,
)
from jetstream_exporter.wire import Jsz

# Accounts are paged by 1,024 unless told otherwise. -1 stands for all of them, but makes 2.10 panic and hang up.
ALL = "limit=65536"
JSZ_PATH = f"/jsz?consumers=true&{ALL}"
ACCOUNTS_PATH = f"/jsz?accounts=true&{ALL}"
CONFIG = "&config=true"
NAME = "jsz"

# Whether configurations are wanted, and until when it may take, a time of the running loop.
ReadList = Callable[[TargetRequest, bool, float], Awaitable[Jsz | None]]


async def whole_list(request: TargetRequest, with_config: bool, deadline: float) -> Jsz | None:
    """The list of all accounts; None if it failed, which the request then explains."""
    path = JSZ_PATH + CONFIG if with_config else JSZ_PATH
    return await request.fetch(NAME, path, decode_jsz, deadline)


def lists_of(shard: Shard) -> ReadList:
    """How this shard reads lists."""
    return AccountLists(shard).read if shard.is_divided else whole_list


class AccountLists:
    """Reads the accounts of one shard, some at a time."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard

    async def read(self, request: TargetRequest, with_config: bool, deadline: float) -> Jsz | None:
        """The list; where an account's part failed, without it. None if the accounts are not known."""
        started = time.monotonic()
        first = request.beside(NAME)
        listed = await first.fetch(NAME, ACCOUNTS_PATH, decode_accounts, deadline)
        if listed is None:
            request.add(first)
            return None
        accounts = own(listed, self._shard)
        parts = {account: request.beside(NAME) for account in accounts}

        async def part(account: str) -> Jsz | None:
            return await _part(parts[account], listed, account, with_config, deadline)

        found = await each(accounts, part)
        why = {a: sent.errors[NAME] for a, sent in parts.items() if NAME in sent.errors}
        failed = [first.errors.get(NAME), failures(why, accounts)]
        took = time.monotonic() - started
        request.add(first)
        request.conclude(
            NAME,
            list(parts.values()),
            "; ".join(filter(None, failed)) or None,
            f"of {len(accounts)} accounts in {took:.3f} s",
        )
        return divided(listed, found, self._shard)


async def _part(
    sent: TargetRequest, listed: Jsz, account: str, with_config: bool, deadline: float
) -> Jsz | None:
    """The answer about one account. Not with accounts=true, which gives all of them where this one is gone."""

    def decode(response: HttpResponse) -> Jsz:
        answer = decode_part(response)
        why = mismatch(listed, account, answer)
        if why is not None:
            raise SourceError(why)
        return answer

    path = f"/jsz?acc={quote(account, safe='')}&consumers=true{CONFIG if with_config else ''}"
    return await sent.fetch(NAME, path, decode, deadline)
