"""Looks up when single messages were stored, between scrapes: `STREAM.MSG.GET` reads, and changes and consumes nothing.

The messages are those at which consumers stand. Which of them are wanted the exporter says after each scrape; what is
found serves the next one.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from math import inf

import msgspec
import structlog

from jetstream_exporter.config.nats import ExactLag
from jetstream_exporter.report import (
    LOOKUP_RESULTS,
    LeaderReport,
    LookedUp,
    LookupCounts,
    LookupResult,
    Lookups,
    ObjectKey,
    StoredMessage,
)
from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.runtime.tasks import start
from jetstream_exporter.sources.errors import SourceError, SourceTimeoutError
from jetstream_exporter.sources.nats.api import Api, ApiAnswerError
from jetstream_exporter.sources.nats.client import SecureClient
from jetstream_exporter.sources.nats.connection import Connection, LostError, RefusedError
from jetstream_exporter.sources.nats.lookup_places import Place, places
from jetstream_exporter.wire import ApiMessage

ROUND = 5.0  # seconds for all lookups after one scrape
AGAIN = 60.0  # seconds after which a message is asked for again, if its answer did not help
MISSING = (10037, 10059, 10014)  # no message, no stream, no consumer
NOT_PERMITTED = (
    "messages may not be requested, so the delivery lag stays as exact as it is without; permit this, or set "
    "exact_lag.budget to 0"
)
log = structlog.get_logger()


class Memory:
    """What was asked for one incarnation of a consumer: when, by sequence, and what was found."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.asked: dict[int, float] = {}
        self.found: list[StoredMessage] = []

    def move(self, place: Place) -> None:
        """Keep what is about the positions where the consumer stands now."""
        self.place = place
        self.asked = {s: when for s, when in self.asked.items() if s in place.sequences}
        self.found = [
            each
            for each in self.found
            if any(each.asked <= s <= each.sequence for s in place.sequences)
        ]


class MessageLookups:
    """The lookups of one account's source."""

    def __init__(self, settings: ExactLag, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection
        self._counts = LookupCounts(dict.fromkeys(LOOKUP_RESULTS, 0))
        self._memories: dict[ObjectKey, Memory] = {}
        # Where consumers stood a scrape before.
        self._standing: dict[ObjectKey, tuple[int, ...]] = {}
        self._refused: dict[str, float] = {}  # by stream, when
        self._slow: set[str] = set()  # streams that did not answer
        self._client: SecureClient | None = None
        self._prefix = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._warned = False
        self._left = 0  # lookups until the next scrape
        self._scrape = 0.0  # the deadline of the last one

    async def close(self) -> None:
        self._loop = None
        if self._task is not None:
            await cancel_and_wait(self._task)

    def note(self, api: Api, client: SecureClient, reports: Sequence[LeaderReport]) -> None:
        """Remember where consumers stand for whom something waits; forget all others."""
        self._loop = asyncio.get_running_loop()
        if client is not self._client:
            self._client, self._refused = client, {}
        self._prefix = api.prefix
        if api.deadline != self._scrape:  # a scrape that collects twice has one deadline
            self._scrape, self._left = api.deadline, self._settings.budget
        before = self._memories
        self._standing = {key: memory.place.sequences for key, memory in before.items()}
        self._memories = {}
        for key, place in places(reports, self._settings.max_message_bytes):
            memory = before.get(key)
            if memory is None or not memory.place.is_of(place):
                memory = Memory(place)
            memory.move(place)
            self._memories[key] = memory
        self._slow &= {stream for _, stream, _ in self._memories}

    def lookups(self) -> Lookups:
        found = {
            key: LookedUp(*memory.place.incarnation, tuple(memory.found))
            for key, memory in self._memories.items()
            if memory.found
        }
        return Lookups(found, self._counts, self.want)

    def want(self, keys: frozenset[ObjectKey]) -> None:
        """Look these consumers' messages up in the background, unless that is being done."""
        loop = self._loop
        if loop is not None and keys:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._begin, keys)

    def _begin(self, keys: frozenset[ObjectKey]) -> None:
        is_closed = self._loop is None or self._client is None
        if not is_closed and (self._task is None or self._task.done()):
            self._task = start(f"look up messages at {self._connection.target}", self._round(keys))

    async def _round(self, keys: frozenset[ObjectKey]) -> None:
        """Ask for as many messages as the budget allows, one after the other."""
        if self._client is None:
            return
        deadline = asyncio.get_running_loop().time() + ROUND
        api = Api(self._connection, self._client, self._prefix, deadline)
        for key, memory, sequence in self._due(keys):
            if memory.place.is_too_large:
                self._remember(memory, sequence, "too_large")
            elif key[1] not in self._refused:
                if self._left <= 0:
                    return
                self._left -= 1
                if not await self._look_up(api, key[1], memory, sequence):
                    return

    def _due(self, keys: frozenset[ObjectKey]) -> list[tuple[ObjectKey, Memory, int]]:
        """What to ask for. First come consumers that have not moved: of others the answer is soon of no use."""
        now = time.monotonic()
        self._refused = {s: when for s, when in self._refused.items() if now - when < AGAIN}
        due = [
            (key, memory, sequence)
            for key, memory in self._memories.items()
            if key in keys
            for sequence in memory.place.sequences
            if now - memory.asked.get(sequence, -inf) >= AGAIN
        ]
        return sorted(due, key=self._worth)

    def _worth(self, one: tuple[ObjectKey, Memory, int]) -> tuple[bool, bool]:
        key, _, sequence = one
        return key[1] in self._slow, sequence not in self._standing.get(key, ())

    async def _look_up(self, api: Api, stream: str, memory: Memory, sequence: int) -> bool:
        """Ask for one message; whether to go on with others."""
        call = f"STREAM.MSG.GET.{stream}"
        subject = f"{api.prefix}.{call}"
        self._connection.permissions.expect_refusal(subject)  # told once for all streams
        body = msgspec.json.encode({"seq": sequence, "next_by_subj": memory.place.subject})
        asked = time.monotonic()
        try:
            answer = await api.ask(call, ApiMessage, body)
        except RefusedError:
            self._refused[stream] = asked
            self._counts["refused"] += 1
            self._warn(api.prefix)
        except ApiAnswerError as error:
            missing = error.number in MISSING
            self._remember(memory, sequence, "missing" if missing else "failed")
        except (SourceTimeoutError, LostError):
            self._slow.add(stream)
            self._counts["failed"] += 1
            return False
        except SourceError:
            self._remember(memory, sequence, "failed")
        else:
            self._slow.discard(stream)
            self._take(memory, sequence, answer, asked)
        finally:
            self._connection.permissions.expect_no_refusal(subject)
        return True

    def _take(self, memory: Memory, sequence: int, answer: ApiMessage, asked: float) -> None:
        message = answer.message
        if message is None or message.seq < sequence:
            self._remember(memory, sequence, "failed")
            return
        self._warned = False
        stored = StoredMessage(sequence, message.seq, message.time.timestamp(), asked)
        memory.found = [each for each in memory.found if each.sequence != message.seq] + [stored]
        self._remember(memory, sequence, "found")

    def _remember(self, memory: Memory, sequence: int, result: LookupResult) -> None:
        memory.asked[sequence] = time.monotonic()
        self._counts[result] += 1

    def _warn(self, prefix: str) -> None:
        if not self._warned:
            self._warned = True
            subject = f"{prefix}.STREAM.MSG.GET.>"
            log.warning(NOT_PERMITTED, target=self._connection.target, subject=subject)
