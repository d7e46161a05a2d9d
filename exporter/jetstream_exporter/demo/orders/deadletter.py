"""Dead letters: messages that reached max_deliver are kept unchanged where a person finds them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from .publisher import ACK_TIMEOUT
from .retry import FINAL, GaveUpError, retried
from .streams import DEAD_LETTER_STREAM, DEAD_LETTER_SUBJECT, STREAM

ADVISORIES = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{STREAM}.*"
GROUP = "orders-deadletter"
PREFIX = "Dead-Letter-"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What the server says when it stops delivering a message to a consumer."""

    stream: str
    consumer: str
    sequence: int
    deliveries: int

    @classmethod
    def decode(cls, payload: bytes) -> GivenUp:
        said = json.loads(payload)
        return cls(said["stream"], said["consumer"], said["stream_seq"], said["deliveries"])

    @property
    def id(self) -> str:
        """One dead letter for a consumer and a message, however often it is forwarded."""
        return f"deadletter:{self.stream}:{self.consumer}:{self.sequence}"


def headers_of(given_up: GivenUp, message: RawStreamMsg) -> dict[str, str]:
    """The message's own headers and where it comes from.

    Headers that the server acts on (Nats-Msg-Id and its like) are kept under the prefix, as they
    were meant for the first publication.
    """
    own = {
        f"{PREFIX}{name}" if name.startswith("Nats-") else name: value
        for name, value in (message.headers or {}).items()
    }
    return own | {
        f"{PREFIX}Stream": given_up.stream,
        f"{PREFIX}Consumer": given_up.consumer,
        f"{PREFIX}Sequence": str(given_up.sequence),
        f"{PREFIX}Deliveries": str(given_up.deliveries),
        f"{PREFIX}Subject": str(message.subject),
        f"{PREFIX}Stored": message.time.isoformat() if message.time else "",
        "Nats-Msg-Id": given_up.id,
    }


class DeadLetters:
    """Forwards on the server's advisory.

    The server sends an advisory once and keeps no copy: run more than one of these. What is given
    up while none listens stays in ORDERS for its max_age, and the consumer's redelivered messages
    show it.
    """

    def __init__(self, nc: Client) -> None:
        self._nc = nc
        self._js = nc.jetstream()

    async def start(self) -> None:
        await self._nc.subscribe(ADVISORIES, queue=GROUP, cb=self._on_advisory)

    async def _on_advisory(self, advisory: Msg) -> None:
        try:
            given_up = GivenUp.decode(advisory.data)
        except (ValueError, KeyError):
            log.exception("cannot read an advisory: %r", advisory.data[:200])
            return
        try:
            await retried(f"forwarding {given_up.id}", lambda: self._forward(given_up))
        except NotFoundError:
            log.warning("%s was removed from the stream before it could be forwarded", given_up.id)
        except (GaveUpError, *FINAL):
            log.exception("%s was not forwarded and stays in %s", given_up.id, given_up.stream)

    async def _forward(self, given_up: GivenUp) -> None:
        message = await self._js.get_msg(given_up.stream, given_up.sequence)
        ack = await self._js.publish(
            DEAD_LETTER_SUBJECT,
            message.data or b"",
            timeout=ACK_TIMEOUT,
            stream=DEAD_LETTER_STREAM,
            headers=headers_of(given_up, message),
        )
        log.warning(
            "%s gave up sequence %d after %d deliveries: forwarded to stream %s, sequence %d",
            given_up.consumer,
            given_up.sequence,
            given_up.deliveries,
            ack.stream,
            ack.seq,
        )
