"""What goes wrong with those who work."""

import asyncio

from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig

from jetstream_exporter.demo.stack.scenarios.scenario import Scenario, acknowledge, keep

POISON = b"poison"


class ConsumerStalled(Scenario):
    name = "consumer-stalled"
    story = (
        "the only worker hangs: it does not acknowledge its messages and requests no more, while "
        "orders arrive"
    )
    alert = "JetStreamConsumerStalled"
    severity = "critical"
    component = "billing"
    by_hand = ("nats --server {url} consumer next STALLED billing --count 1000 --ack",)

    async def prepare(self) -> None:
        await self.add_stream("STALLED", ["stalled"])
        await self.add_consumer("STALLED", ConsumerConfig(durable_name=self.component, ack_wait=10))
        self.begin("publisher", self.publish("stalled", 5))
        self.begin_worker("STALLED", self.component, acknowledge)

    async def break_it(self) -> None:
        await self.cease("worker")
        self.begin("worker", self._hang())

    async def _hang(self) -> None:
        subscription = await self.js.pull_subscribe_bind(self.component, "STALLED")
        self.held = await subscription.fetch(1, timeout=30)
        await asyncio.Event().wait()

    async def mend(self) -> None:
        await self.cease("worker")
        for message in self.held:
            await message.ack()
        self.begin_worker("STALLED", self.component, acknowledge)


class ConsumerCrash(Scenario):
    name = "consumer-crash"
    story = "the worker crashes with unacknowledged messages and is not restarted"
    alert = "JetStreamConsumerStalled"
    severity = "critical"
    component = "shipping"
    by_hand = ("nats --server {url} consumer next CRASHED shipping --count 1000 --ack",)

    async def prepare(self) -> None:
        await self.add_stream("CRASHED", ["crashed"])
        await self.add_consumer("CRASHED", ConsumerConfig(durable_name=self.component, ack_wait=5))
        self.begin("publisher", self.publish("crashed", 5))
        self.begin_worker("CRASHED", self.component, acknowledge)

    async def break_it(self) -> None:
        await self.cease("worker")
        worker = await self.connect()
        subscription = await worker.jetstream().pull_subscribe_bind(self.component, "CRASHED")
        await subscription.fetch(2, timeout=30)
        await worker.close()

    async def mend(self) -> None:
        self.begin_worker("CRASHED", self.component, acknowledge)


class PoisonMessage(Scenario):
    name = "poison-message"
    story = "one message fails at every delivery until it reaches max_deliver"
    alert = "JetStreamConsumerMaxDeliverExhausted"
    severity = "critical"
    component = "invoices"
    by_hand = (
        "nats --server {url} stream view POISON",
        "nats --server {url} stream rmm POISON <sequence> --force",
    )

    async def prepare(self) -> None:
        await self.add_stream("POISON", ["poison"])
        config = ConsumerConfig(durable_name=self.component, ack_wait=1, max_deliver=3)
        await self.add_consumer("POISON", config)
        self.begin("publisher", self.publish("poison", 2))
        self.begin_worker("POISON", self.component, self._handle)

    async def _handle(self, message: Msg) -> None:
        await (message.nak() if message.data == POISON else message.ack())

    async def break_it(self) -> None:
        self.sequence = (await self.js.publish("poison", POISON)).seq

    async def mend(self) -> None:
        await self.js.delete_msg("POISON", self.sequence)


class MissingAcks(Scenario):
    name = "missing-acks"
    story = "after a release the worker no longer acknowledges messages"
    alert = "JetStreamConsumerAckPendingSaturated"
    severity = "warning"
    component = "emails"
    by_hand = ("nats --server {url} consumer next UNACKED emails --count 1000 --ack",)

    async def prepare(self) -> None:
        await self.add_stream("UNACKED", ["unacked"])
        config = ConsumerConfig(durable_name=self.component, ack_wait=2, max_ack_pending=20)
        await self.add_consumer("UNACKED", config)
        self.begin("publisher", self.publish("unacked", 10))
        self.begin_worker("UNACKED", self.component, acknowledge)

    async def break_it(self) -> None:
        await self.cease("worker")
        self.begin_worker("UNACKED", self.component, keep)

    async def mend(self) -> None:
        await self.cease("worker")
        self.begin_worker("UNACKED", self.component, acknowledge, 100)


class SlowConsumerBacklog(Scenario):
    name = "slow-consumer-backlog"
    story = "the worker becomes slow, and messages arrive faster than it processes them"
    alert = "JetStreamConsumerFallingBehind"
    severity = "critical"
    component = "search-index"
    by_hand = ("nats --server {url} consumer next BACKLOG search-index --count 1000 --ack",)

    async def prepare(self) -> None:
        await self.add_stream("BACKLOG", ["backlog"])
        await self.add_consumer("BACKLOG", ConsumerConfig(durable_name=self.component, ack_wait=10))
        self.begin("publisher", self.publish("backlog", 50))
        self.begin_worker("BACKLOG", self.component, acknowledge, 100)

    async def break_it(self) -> None:
        await self.cease("worker")
        self.begin_worker("BACKLOG", self.component, self._slowly, 1)

    async def _slowly(self, message: Msg) -> None:
        await asyncio.sleep(1)
        await message.ack()

    async def mend(self) -> None:
        await self.cease("worker")
        for number in range(4):
            self.begin_worker("BACKLOG", self.component, acknowledge, 200, name=f"worker {number}")


class NoSubscribers(Scenario):
    name = "no-subscribers"
    story = "the deployment of a consumer is scaled to zero"
    alert = "JetStreamConsumerNoSubscribers"
    severity = "warning"
    component = "reports"
    by_hand = ("nats --server {url} consumer next UNHEARD reports --count 1000 --ack",)

    async def prepare(self) -> None:
        await self.add_stream("UNHEARD", ["unheard"])
        await self.add_consumer("UNHEARD", ConsumerConfig(durable_name=self.component))
        self.begin("publisher", self.publish("unheard", 5))
        self.begin_worker("UNHEARD", self.component, acknowledge)

    async def break_it(self) -> None:
        await self.cease("worker")

    async def mend(self) -> None:
        self.begin_worker("UNHEARD", self.component, acknowledge)
