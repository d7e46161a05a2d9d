"""Reads the messages of one connection that receives events. Anybody in its account may publish anything there."""

import asyncio

import msgspec
import structlog
from nats.aio.msg import Msg

from jetstream_exporter.report import Refusal
from jetstream_exporter.sources.advisories.event_counter import EventCounter, kind_of
from jetstream_exporter.sources.advisories.given_up import GivenUpLog
from jetstream_exporter.sources.advisories.subjects import SYSTEM_ONLY
from jetstream_exporter.sources.decoding import AnswerError, Decoder, DepthError, JsonError
from jetstream_exporter.wire import Advisory

BREATH = 200  # messages counted before others may run

_advisory = Decoder(Advisory)
log = structlog.get_logger()


class Origin(msgspec.Struct, frozen=True):
    """Where a connection receives events: its cluster's label, its server's domain, its account's id."""

    cluster: str = ""
    domain: str = ""
    account: str = ""
    is_system: bool = False


class EventReader:
    """Counts message after message. One that cannot be used is counted as refused, and nothing else happens."""

    def __init__(self, counter: EventCounter, excess_after: int, target: str) -> None:
        self.origin = Origin()
        self.given_up = GivenUpLog(target)
        self._counter = counter
        self._excess_after = excess_after
        self._read = 0
        self._has_failed = False

    async def receive(self, message: Msg) -> None:
        await self.read(message)

    async def read(self, message: Msg) -> int:
        """Count a message. Returns `EventCounter.taken`: the message is in the totals once that is higher."""
        try:
            self.count(message.data)
        except Exception as error:
            self._counter.refuse("error")
            if not self._has_failed:
                log.error("an event could not be counted", exc_info=error)
            self._has_failed = True
        taken = self._counter.taken
        self._read += 1
        if self._read % BREATH == 0:
            await asyncio.sleep(0)
        return taken

    def count(self, data: bytes) -> None:
        """Count the event that these bytes are."""
        try:
            event = _advisory.decode(data)
        except AnswerError as error:
            self._counter.refuse(_reason(error))
            return
        origin = self.origin
        if event.domain and origin.domain and event.domain != origin.domain:
            return  # of a stream behind a leaf node, which may have the name of one here
        if not origin.is_system and kind_of(event.type) in SYSTEM_ONLY:
            event.type = ""
        # Only servers publish in the system account. Elsewhere an event may name any account.
        account = event.account if origin.is_system and event.account else origin.account
        is_new = self._counter.add(event, account, self._excess_after)
        if is_new and event.stream and kind_of(event.type) == "max_deliver":
            self.given_up.note(event, origin.cluster, account)


def _reason(error: AnswerError) -> Refusal:
    match error:
        case DepthError():
            return "too_deep"
        case JsonError():
            return "not_json"
        case _:
            return "wrong_content"
