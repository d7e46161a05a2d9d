"""The JetStream API of one account: requests with a deadline, pages, and its errors as sentences."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from nats.aio.msg import Msg

from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.sources.decoding import decode, refusal
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats.client import SecureClient
from jetstream_exporter.sources.nats.connection import Connection
from jetstream_exporter.wire import (
    AccountInfo,
    ApiConsumer,
    ApiConsumers,
    ApiError,
    ApiMessage,
    ApiNames,
    ApiStream,
    ApiStreams,
    Refusals,
)

UNAVAILABLE = 10008  # JetStream system temporarily unavailable
SOON = 0.25  # seconds after which it may be available
ELECTION = 2.0  # seconds in one scrape that are spent on waiting for that
PAGES = 4000  # of one list; servers give 256 rows and more in each
FEW, MOST_FEW = (
    20,
    50,
)  # so many pages may have fewer rows than that: whoever lies could go on page by page for ever
AGAIN = 2.5  # seconds; a list whose leaders are missing takes 4


class ApiAnswerError(SourceError):
    """The API answered with an error; `number` is its own."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(f"{error.description} ({error.err_code or error.code})")
        self.number = error.err_code


ApiAnswer = (
    AccountInfo | ApiStream | ApiStreams | ApiConsumer | ApiConsumers | ApiMessage | ApiNames
)
Got = TypeVar("Got", bound=ApiAnswer)
Page = TypeVar("Page", ApiStreams, ApiConsumers, ApiNames)


class Api:
    """One account's API through one client, until one deadline; counts the bytes."""

    def __init__(
        self, connection: Connection, client: SecureClient, prefix: str, deadline: float
    ) -> None:
        self._connection = connection
        self._client = client
        self.prefix = prefix
        self.deadline = deadline
        self.received = 0
        self._unavailable: float | None = None  # since when there is no leader to answer

    async def raw(self, subject: str, body: bytes = b"", within: float | None = None) -> bytes:
        """The answer's bytes, by the deadline and `within` so many seconds."""
        now = asyncio.get_running_loop().time()
        deadline = self.deadline if within is None else min(self.deadline, now + within)
        if deadline <= now:
            raise SourceError("no time left before the deadline")
        request = self._repeated(subject, body, deadline - now + 1)
        message = await self._connection.within(request, subject, deadline, self._client)
        self.received += len(message.data)
        if self.received > (limit := self._connection.max_bytes):
            what = f"the answers are larger than {limit} bytes together"
            raise SourceError(f"{what} (collect.max_response_bytes)")
        return message.data

    async def _repeated(self, subject: str, body: bytes, timeout: float) -> Msg:
        """Ask, and ask again while there is no answer: a leader that was frozen is replaced after some seconds.

        Its successor does not answer what was asked before its election.
        """
        asked: set[asyncio.Task[Msg]] = set()
        try:
            while True:
                request = self._client.request(subject, body, timeout=timeout)
                asked.add(asyncio.create_task(request))
                done, _ = await asyncio.wait(
                    asked, timeout=AGAIN, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    return done.pop().result()
        finally:
            await cancel_and_wait(*asked)

    async def ask(self, call: str, kind: type[Got], body: bytes = b"") -> Got:
        while True:
            data = await self.raw(f"{self.prefix}.{call}", body)
            answer = decode(data, kind)
            if answer.error is None:
                return answer
            if answer.error.err_code != UNAVAILABLE or not self._may_wait():
                raise ApiAnswerError(answer.error)
            await asyncio.sleep(SOON)

    def _may_wait(self) -> bool:
        """Whether to ask again after a moment: of the servers one is just being elected, or gives up to lead."""
        now = asyncio.get_running_loop().time()
        if self._unavailable is None:
            self._unavailable = now
        return now + SOON < min(self.deadline, self._unavailable + ELECTION)

    async def pages(self, call: str, kind: type[Page], take: Callable[[Page], int]) -> None:
        """Read page after page; `take` gives how many rows a page had. The first page's total counts.

        A page beyond the end of a clustered list says that the total is 0. SourceError, after the last page, if rows
        could not be read.
        """
        unreadable: str | None = None
        offset, total, pages, few = 0, 1, 0, 0
        while offset < total:
            if pages >= PAGES or few > MOST_FEW:
                raise SourceError(f"the list does not end, after {offset} of {total} rows")
            body: dict[str, Any] = {"offset": offset}
            page = await self.ask(call, kind, msgspec.json.encode(body))
            total = page.total if offset == 0 else total
            unreadable = unreadable or refusal(page)
            count = take(page) + (len(page.refused) if isinstance(page, Refusals) else 0)
            if count == 0:
                break
            offset, pages, few = offset + count, pages + 1, few + (count < FEW)
        if unreadable is not None:
            raise SourceError(unreadable)
