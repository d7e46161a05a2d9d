"""The JetStream API of one account: requests with a deadline, pages, and its errors as sentences."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec
from nats.aio.client import Client

from jetstream_exporter.sources.connection import Connection
from jetstream_exporter.sources.http import SourceError
from jetstream_exporter.wire import ApiConsumers, ApiError, ApiNames, ApiStreams


class ApiAnswerError(SourceError):
    """The API answered with an error; `number` is its own."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(f"{error.description} ({error.err_code or error.code})")
        self.number = error.err_code


class Answered(Protocol):
    @property
    def error(self) -> ApiError | None: ...


Got = TypeVar("Got", bound=Answered)
Page = TypeVar("Page", ApiStreams, ApiConsumers, ApiNames)


class Api:
    """One account's API through one client, until one deadline; counts the bytes."""

    def __init__(
        self, connection: Connection, client: Client, prefix: str, deadline: float
    ) -> None:
        self._connection = connection
        self._client = client
        self._prefix = prefix
        self.deadline = deadline
        self.received = 0

    async def raw(self, subject: str, body: bytes = b"", within: float | None = None) -> bytes:
        """The answer's bytes, by the deadline and `within` so many seconds."""
        now = asyncio.get_running_loop().time()
        deadline = self.deadline if within is None else min(self.deadline, now + within)
        if deadline <= now:
            raise SourceError("no time was left for it")
        request = self._client.request(subject, body, timeout=deadline - now + 1)
        message = await self._connection.within(request, subject, deadline)
        self.received += len(message.data)
        return message.data

    async def ask(self, call: str, kind: type[Got], body: bytes = b"") -> Got:
        data = await self.raw(f"{self._prefix}.{call}", body)
        try:
            answer = msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceError(f"the answer is not a NATS server's: {error}") from None
        if answer.error is not None:
            raise ApiAnswerError(answer.error)
        return answer

    async def pages(self, call: str, kind: type[Page], take: Callable[[Page], int]) -> None:
        """Read page after page; `take` gives how many rows a page had. The first page's total counts.

        A page beyond the end of a clustered list says that the total is 0.
        """
        offset, total = 0, 1
        while offset < total:
            body: dict[str, Any] = {"offset": offset}
            page = await self.ask(call, kind, msgspec.json.encode(body))
            total = page.total if offset == 0 else total
            count = take(page)
            if count == 0:
                return
            offset += count
