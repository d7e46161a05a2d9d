"""A fake server with accounts: it answers `acc=` as real ones do (2.10.26 and 2.15.1)."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from tests.support.fake_nats import CREATED, FakeNats, Way, response

from jetstream_exporter.wire import LONGEST_NAME

Accounts = Mapping[str, Sequence[str]]  # streams by account


class AccountsOf:
    """The answers about the accounts of one server.

    `ways` are how those about single accounts go instead; `before` is what happens just before them.
    """

    def __init__(self, fake: FakeNats, accounts: Accounts) -> None:
        self.accounts = dict(accounts)
        self.ways: dict[str, Way] = {}
        self.before: dict[str, Callable[[], None]] = {}
        self.at_once = 0  # answers under way
        self.most = 0
        fake.ways["/jsz"] = self.answer

    async def answer(self, fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
        query = {
            key: values[0] for key, values in parse_qs(fake.questions[-1].partition("?")[2]).items()
        }
        account = query.get("acc", "")
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0.01)
            if account in self.ways:
                await self.ways[account](fake, path, writer)
                return
            self.before.get(account, _nothing)()
            writer.write(response(json.dumps(self.jsz(fake, query)).encode()))
        finally:
            self.at_once -= 1

    def jsz(self, fake: FakeNats, query: Mapping[str, str]) -> dict[str, Any]:
        account, lists = query.get("acc", ""), "consumers" in query
        wanted = list(self.accounts)
        if account in self.accounts:
            wanted = [account]
        elif account and "accounts" not in query:
            wanted = []  # with accounts=true it would be all of them
        details = [
            {
                "name": name,
                "id": name,
                **({"stream_detail": list(map(stream, self.accounts[name]))} if lists else {}),
            }
            for name in wanted
        ]
        return {
            "server_id": fake.identity,
            "now": CREATED,
            "accounts": len(self.accounts),
            "streams": sum(map(len, self.accounts.values())),
            **({"account_details": details} if lists or "accounts" in query else {}),
        }


def _nothing() -> None:
    """Nothing happens before the answer."""


def stream(name: str) -> dict[str, Any]:
    assert len(name) <= LONGEST_NAME
    return {
        "name": name,
        "created": CREATED,
        "state": {"messages": 5, "last_seq": 5},
        "config": {"name": name, "num_replicas": 1},
        "consumer_detail": [],
    }
