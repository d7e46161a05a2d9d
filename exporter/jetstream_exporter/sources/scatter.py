"""One question to servers of the system account, and their answers."""

import asyncio
import zlib
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from jetstream_exporter.sources.connection import Connection
from jetstream_exporter.sources.http import SourceError, SourceTimeoutError
from jetstream_exporter.wire import ServerError, ServerName

STALL = 0.3  # seconds of silence after which no stranger will answer any more
GUNZIP = 16 + zlib.MAX_WBITS
MESSAGES = 65_536  # answers that may wait to be read


class Answer(Protocol):
    @property
    def server(self) -> ServerName: ...
    @property
    def error(self) -> ServerError | None: ...


Got = TypeVar("Got", bound=Answer)
Answers = dict[str, tuple[Got, int]]


class Scatter(Generic[Got]):
    """Publishes one question, and gathers answers by server id with their size, until `is_whole` or silence.

    Silence is `patience` seconds without an answer while `expected` ones are missing, and `STALL` after that.
    """

    def __init__(
        self, connection: Connection, client: Client, subject: str, kind: type[Got], limit: int
    ) -> None:
        self._connection = connection
        self._client = client
        self._subject = subject
        self._decoder = msgspec.json.Decoder(kind)
        self._limit = limit
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._answers: Answers[Got] = {}

    async def ask(
        self,
        options: dict[str, Any],
        expected: set[str],
        deadline: float,
        patience: float,
        is_whole: Callable[[Answers[Got]], bool] = lambda _: True,
    ) -> Answers[Got]:
        """The answers; SourceError if there is none."""
        asking = self._ask(options, expected, deadline, patience, is_whole)
        await self._connection.within(asking, self._subject, deadline)
        if not self._answers:
            raise SourceTimeoutError(self._connection.permissions.late())
        return self._answers

    async def _ask(
        self,
        options: dict[str, Any],
        expected: set[str],
        deadline: float,
        patience: float,
        is_whole: Callable[[Answers[Got]], bool],
    ) -> None:
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(
            inbox,
            cb=self._queue.put,
            pending_msgs_limit=MESSAGES,
            pending_bytes_limit=self._limit,
        )
        try:
            body, headers = msgspec.json.encode(options), {"Accept-Encoding": "gzip"}
            await self._client.publish(self._subject, body, reply=inbox, headers=headers)
            while not (
                expected <= self._answers.keys() and self._answers and is_whole(self._answers)
            ):
                message = await self._next(expected, deadline, patience)
                if message is None:
                    return
                await self._take(message)
        finally:
            if self._client.is_connected:
                await subscription.unsubscribe()

    async def _next(self, expected: set[str], deadline: float, patience: float) -> Msg | None:
        is_missing = not self._answers or expected - self._answers.keys()
        now = asyncio.get_running_loop().time()
        until = min(deadline - 0.02, now + (patience if is_missing else STALL))
        try:
            async with asyncio.timeout_at(until):
                return await self._queue.get()
        except TimeoutError:
            return None

    async def _take(self, message: Msg) -> None:
        headers = message.headers or {}
        if headers.get("Status") == "503":
            raise nats.errors.NoRespondersError
        encoding = headers.get("Content-Encoding", "")
        answer = await asyncio.to_thread(self._decode, message.data, encoding)
        self._answers[answer.server.id] = (answer, len(message.data))

    def _decode(self, data: bytes, encoding: str) -> Got:
        try:
            if encoding == "gzip":
                unzip = zlib.decompressobj(GUNZIP)
                data = unzip.decompress(data, self._limit)
                if unzip.unconsumed_tail:
                    what = f"the answer is larger than {self._limit} bytes"
                    raise SourceError(f"{what} (collect.max_response_bytes)")
            return self._decoder.decode(data)
        except (msgspec.DecodeError, zlib.error, UnicodeDecodeError) as error:
            raise SourceError(f"the answer is not a NATS server's: {error}") from None
