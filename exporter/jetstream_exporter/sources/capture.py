"""Events from a stream that captures them, so that none is lost while the exporter is down and none counts twice.

An event is acknowledged only after a scrape took its count: if the exporter is killed before that, the next one gets
the event again. Each is acknowledged by itself, since acknowledging all up to one would cover events that were
delivered to another exporter.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from jetstream_exporter.cancel import cancelled
from jetstream_exporter.sources.client import words
from jetstream_exporter.sources.http import SourceError

BATCH = 1000  # messages fetched at once
SETTLE = 2.0  # seconds for one question to the JetStream API
FETCH = 5.0  # seconds that a pull waits for messages
CONFIRM = 1.0  # seconds for the server's word that it knows of an acknowledgement
PAUSE = 1.0  # seconds after an error
REFUSALS = ("$js.api.consumer.msg.next.", "$js.ack.")  # which show only as answers that do not come
AWAY = 20.0  # seconds after which what a killed exporter had fetched is given to the next
# Events between two scrapes; fewer than the tally knows again (tally.REMEMBERED).
UNCONFIRMED = 40_000


class Capture:
    """Reads the stream with a durable consumer; `count` gets every message."""

    def __init__(
        self,
        stream: str,
        durable: str,
        subjects: Sequence[str],
        count: Callable[[Msg], Awaitable[None]],
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
        # Where to acknowledge what was counted, by sequence: good over connections.
        self._counted: dict[int, str] = {}
        self.gaps = 0  # times that the consumer was gone, and events with it
        self.error: str | None = None

    async def open(self, client: Client) -> None:
        """Begin to read; SourceError where the stream or its consumer cannot be used."""
        await self.close()
        self._client = client
        subscription = await self._bind(client)
        self._reading = asyncio.create_task(self._read(client, subscription))

    async def close(self) -> None:
        """End reading. The library can swallow a cancellation, so the loop also ends once the client is gone."""
        self._client = None
        if self._reading is not None:
            await cancelled(self._reading)
            self._reading = None

    async def confirm(self) -> None:
        """Acknowledge what was counted so far, and wait for the server's confirmation before the scrape goes on."""
        client, counted = self._client, self._counted
        if client is None or not counted:
            return
        self._counted = {}
        *others, last = counted.values()
        try:
            for subject in others:
                await client.publish(subject, Msg.Ack.Ack)
            await client.request(last, Msg.Ack.Ack, timeout=CONFIRM)
        except (nats.errors.Error, TimeoutError):
            self._counted = counted | self._counted

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
        except (nats.errors.Error, TimeoutError) as error:
            raise SourceError(f"stream {self._stream}: {words(error)}") from None
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
                    await self._count(message)
                    self._counted[message.metadata.sequence.stream] = message.reply
            except (nats.errors.TimeoutError, TimeoutError):
                pass  # nothing happened
            except (nats.errors.Error, SourceError) as error:
                said = words(error)
                self.error = (
                    said if isinstance(error, SourceError) else f"stream {self._stream}: {said}"
                )
                await _let_go(subscription)
                subscription = None
                await asyncio.sleep(PAUSE)


async def _let_go(subscription: JetStreamContext.PullSubscription | None) -> None:
    if subscription is not None:
        with contextlib.suppress(nats.errors.Error):
            await subscription.unsubscribe()
