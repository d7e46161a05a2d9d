"""One request to servers of the system account, and their answers."""

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec
import nats.errors
from nats.aio.msg import Msg

from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.sources.decoding import AnswerError, Decoder, decode
from jetstream_exporter.sources.errors import SourceError, SourceTimeoutError
from jetstream_exporter.sources.nats.client import SecureClient
from jetstream_exporter.sources.nats.connection import Connection
from jetstream_exporter.sources.nats.members import Member
from jetstream_exporter.wire import (
    AccstatzAnswer,
    Envelope,
    GatewayzAnswer,
    HealthzAnswer,
    JszAnswer,
    LeafzAnswer,
    RoutezAnswer,
    StatszAnswer,
    VarzAnswer,
)

ALL = "PING"  # in place of a server's id
SPARE = 0.02  # seconds before the deadline in which what came is put together
STALL = 0.3  # seconds of silence after which no unknown server will answer any more
GUNZIP = 16 + zlib.MAX_WBITS
MESSAGES = 65_536  # answers that may wait to be read


LinkAnswer = GatewayzAnswer | LeafzAnswer | RoutezAnswer | AccstatzAnswer
Got = TypeVar("Got", bound=StatszAnswer | VarzAnswer | HealthzAnswer | JszAnswer | LinkAnswer)
Replies = dict[str, tuple[Got, int]]
Patience = Callable[[set[str]], float]  # seconds, by the ids of the servers that are missing


class Scatter(Generic[Got]):
    """Publishes one request, and gathers answers by server id with their size, until `is_whole` or silence.

    Silence is `patience` without an answer while `expected` ones are missing, and `STALL` after that. An answer that
    cannot be read costs the server that sent it, and nobody else: `refused` says why, by server id.

    A server answers a request once. Of two different answers with one id, the one of the server that is
    `known` by it is kept, else the first; the id is `disputed`. So is one with an answer that can be read and one that
    cannot, which is why the latter ends no waiting at once.
    """

    def __init__(
        self,
        connection: Connection,
        client: SecureClient,
        subject: str,
        kind: type[Got],
        known: Mapping[str, Member],
    ) -> None:
        self._connection = connection
        self._client = client
        self._subject = subject
        self._decoder = Decoder(kind)
        self._limit = connection.max_bytes
        self._known = known
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._replies: Replies[Got] = {}
        self._bodies: dict[str, int] = {}  # the hash of each reply, by server id
        self._denied = False  # somebody said that nobody listens, as the server does; whoever answers may say it too
        self.disputed: set[str] = set()
        self._asked = _only(subject)
        self.refused: dict[str, str] = {}  # an empty id where nothing says who sent the answer

    async def ask(
        self,
        options: dict[str, Any],
        expected: set[str],
        deadline: float,
        patience: Patience,
        is_whole: Callable[[Replies[Got]], bool] = lambda _: True,
    ) -> Replies[Got]:
        """The answers that came by the deadline; SourceError if there is none that can be read."""
        gathering = self._ask(options, expected, deadline, patience, is_whole)
        try:
            await self._connection.within(gathering, self._subject, deadline, self._client)
        except SourceTimeoutError:
            if not self._settled:
                raise
        if not self._replies:
            for reason in self.refused.values():
                raise AnswerError(reason)
            raise SourceTimeoutError(self._connection.permissions.late())
        return self._replies

    async def _ask(
        self,
        options: dict[str, Any],
        expected: set[str],
        deadline: float,
        patience: Patience,
        is_whole: Callable[[Replies[Got]], bool],
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
            end = deadline
            while self.refused or not self._is_done(expected, is_whole):
                if self._is_done(expected, is_whole):  # one that can be read may follow
                    end = min(end, asyncio.get_running_loop().time() + STALL)
                message = await self._next(expected, end, patience)
                if message is None:
                    break
                await self._take(message)
            if self._denied and not self._settled:
                raise nats.errors.NoRespondersError
        finally:
            if self._client.is_connected:
                await subscription.unsubscribe()

    def _is_done(self, expected: set[str], is_whole: Callable[[Replies[Got]], bool]) -> bool:
        return bool(self._replies) and expected <= self._settled and is_whole(self._replies)

    async def _next(self, expected: set[str], deadline: float, patience: Patience) -> Msg | None:
        missing = expected - self._settled
        is_over = self._denied and not self._settled
        silence = patience(missing) if (missing or not self._settled) and not is_over else STALL
        until = min(deadline - SPARE, asyncio.get_running_loop().time() + silence)
        try:
            async with asyncio.timeout_at(until):
                return await self._queue.get()
        except TimeoutError:
            return None

    async def _take(self, message: Msg) -> None:
        headers = message.headers or {}
        if headers.get("Status") == "503":
            self._denied = True
            return
        encoding = headers.get("Content-Encoding", "")
        answer = await run_in_thread(self._decode, message.data, encoding)
        if answer is not None:
            self._keep(answer, message.data)

    def _keep(self, answer: Got, body: bytes) -> None:
        identity = answer.server.id
        if self.refused.pop(identity, None) is not None:
            self.disputed.add(identity)
        if identity in self._replies:
            if hash(body) != self._bodies[identity]:
                self.disputed.add(identity)
            first, _ = self._replies[identity]
            member = self._known.get(identity)
            known = member.server if member is not None else None
            if first.server == known or answer.server != known:
                return
        self._replies[identity], self._bodies[identity] = (answer, len(body)), hash(body)

    @property
    def _settled(self) -> set[str]:
        """The servers that answered, readably or not."""
        return self._replies.keys() | self.refused.keys()

    def _decode(self, data: bytes, encoding: str) -> Got | None:
        """The answer; None, with the reason in `refused`, if it cannot be read."""
        try:
            body = self._unzip(data) if encoding == "gzip" else data
        except SourceError as error:  # it is too large, as only a server's list is
            self._refuse(self._asked, str(error))
            return None
        except zlib.error as error:
            self._refuse("", f"an answer cannot be unpacked: {error}")
            return None
        try:
            answer = self._decoder.decode(body)
        except AnswerError as error:
            self._refuse(_sender(body), str(error))
            return None
        if not _is_id(answer.server.id):
            self._refuse("", "an answer comes from a server with an odd ID")
            return None
        return answer

    def _refuse(self, identity: str, reason: str) -> None:
        if identity in self._replies:
            self.disputed.add(identity)
        else:
            self.refused.setdefault(identity, reason)

    def _unzip(self, data: bytes) -> bytes:
        unzip = zlib.decompressobj(GUNZIP)
        body = unzip.decompress(data, self._limit)
        if unzip.unconsumed_tail:
            what = f"the answer is larger than {self._limit} bytes"
            raise SourceError(f"{what} (collect.max_response_bytes)")
        return body


def _only(subject: str) -> str:
    """The id of the server that alone is asked on this subject; empty if all are."""
    addressee = subject.split(".")[3]
    return "" if addressee == ALL else addressee


def _is_id(text: str) -> bool:
    """Whether it can stand in a subject and names one server. A server's ID is its public key."""
    return text.isascii() and text.isalnum() and text != ALL


def _sender(body: bytes) -> str:
    """The id of the server that sent an unreadable answer; empty if not even that can be read."""
    try:
        return decode(body, Envelope).server.id
    except AnswerError:
        return ""
