"""Events from a stream that captures them, so that none is lost while the exporter is down and none counts twice.

An event is acknowledged only after its count was added to the totals: if the exporter is killed before that, the next
one gets the event again. Each is acknowledged by itself, since acknowledging all up to one would cover events that were
delivered to another exporter. One that cannot be used is acknowledged like the others, so that it does not come again.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import nats.errors
import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.runtime.tasks import keep_running
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats.errors import error_text

BATCH = 250  # messages fetched at once; each may have the server's largest size
BREATH = 200  # acknowledgements sent before others may run
SETTLE = 2.0  # seconds for a request to the JetStream API, or for confirmed acknowledgements
FETCH = 5.0  # seconds that a pull waits for messages
PAUSE = 1.0  # seconds after an error
REFUSALS = ("$js.api.consumer.msg.next.", "$js.ack.")  # which show only as answers that do not come
AWAY = 20.0  # seconds after which what a killed exporter had fetched is given to the next
# Events between two scrapes; fewer than the counter knows again (event_counter.REMEMBERED).
UNCONFIRMED = 40_000

log = structlog.get_logger()


class Capture:
    """Reads the stream with a durable consumer.

    `count` gets every message and returns a number. `confirm` acknowledges those whose number is lower than its own.
    """

    def __init__(
        self,
        stream: str,
        durable: str,
        subjects: Sequence[str],
        count: Callable[[Msg], Awaitable[int]],
    ) -> None:
        self._stream = stream
        self._config = ConsumerConfig(
            name=durable,
            durable_name=durable,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=AWAY,
            deliver_policy=DeliverPolicy.NEW,
            filter_subjects=list(subjects),
            max_ack_pending=UNCONFIRMED,
        )
        self._count = count
        self._bound = 0  # times that a consumer was there or was made
        self._client: Client | None = None
        self._reading: asyncio.Task[None] | None = None
        # Where to acknowledge what was counted, and the number it got, by sequence: good over connections.
        self._counted: dict[int, tuple[str, int]] = {}
        self.gaps = 0  # times that the consumer was gone, and events with it
        self.error: str | None = None

    async def open(self, client: Client) -> None:
        """Begin to read; SourceError where the stream or its consumer cannot be used."""
        await self.close()
        self._client = client
        first: list[JetStreamContext.PullSubscription] = [await self._bind(client)]

        async def read() -> None:
            await self._read(client, first.pop() if first else None)

        self._reading = keep_running(f"read stream {self._stream}", read)

    async def close(self) -> None:
        """End reading. The loop also ends once the client is gone, as before Python 3.12 a cancellation can be lost."""
        self._client = None
        if self._reading is not None:
            await cancel_and_wait(self._reading)
            self._reading = None

    async def confirm(self, before: int) -> None:
        """Acknowledge what got a number lower than `before`, and wait for the server's confirmation."""
        client = self._client
        done = {seq: there for seq, (there, number) in self._counted.items() if number < before}
        if client is None or not done:
            return
        *others, last = done.values()
        try:
            for i, subject in enumerate(others):
                await client.publish(subject, Msg.Ack.Ack)
                if i % BREATH == 0:
                    await asyncio.sleep(0)
            await client.request(last, Msg.Ack.Ack, timeout=SETTLE)
        except (nats.errors.Error, TimeoutError):
            return  # the next one acknowledges them again
        for seq, there in done.items():
            if self._counted.get(seq, ("", 0))[0] == there:
                del self._counted[seq]

    async def _bind(self, client: Client) -> JetStreamContext.PullSubscription:
        """Create the consumer, or update one that differs. What the stream held before it is not counted."""
        js = client.jetstream(timeout=SETTLE)
        durable = self._config.durable_name
        try:
            found = await self._found(js)
            if found is None or not self._is_wanted(found):
                await js.add_consumer(self._stream, self._config)
                self.gaps += found is None and self._bound > 0
            self._bound += 1
            subscription = await js.pull_subscribe_bind(consumer=durable, stream=self._stream)
        except (
            Exception
        ) as error:  # the library decodes what anybody in the account may have answered
            raise SourceError(f"stream {self._stream}: {error_text(error)}") from None
        self.error = None
        return subscription

    async def _found(self, js: JetStreamContext) -> ConsumerConfig | None:
        try:
            info = await js.consumer_info(self._stream, str(self._config.durable_name))
        except nats.js.errors.NotFoundError:
            return None
        config: ConsumerConfig = info.config
        return config

    def _is_wanted(self, found: ConsumerConfig) -> bool:
        """Whether the consumer has the settings that it would be created with; another version may have created it."""
        subjects = found.filter_subjects or [str(found.filter_subject)]
        return sorted(subjects) == sorted(self._config.filter_subjects or ()) and (
            (found.ack_wait, found.max_ack_pending) == (AWAY, UNCONFIRMED)
        )

    async def _read(
        self, client: Client, subscription: JetStreamContext.PullSubscription | None
    ) -> None:
        """Fetch batch after batch; where that fails, look for the consumer again."""
        while client is self._client:
            try:
                if subscription is None:
                    subscription = await self._bind(client)
                for message in await subscription.fetch(BATCH, timeout=FETCH):
                    sequence = message.metadata.sequence.stream
                    self._counted[sequence] = (message.reply, await self._count(message))
            except (nats.errors.TimeoutError, TimeoutError):
                pass  # nothing happened
            except Exception as error:
                reason = error_text(error)
                self.error = (
                    reason if isinstance(error, SourceError) else f"stream {self._stream}: {reason}"
                )
                if not isinstance(error, nats.errors.Error | SourceError):
                    log.error("the stream is read again after an error", exc_info=error)
                await _let_go(subscription)
                subscription = None
                await asyncio.sleep(PAUSE)


async def _let_go(subscription: JetStreamContext.PullSubscription | None) -> None:
    if subscription is not None:
        with contextlib.suppress(nats.errors.Error):
            await subscription.unsubscribe()
