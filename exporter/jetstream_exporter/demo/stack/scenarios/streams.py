"""What goes wrong with what is stored."""

from nats.js.api import ConsumerConfig, DiscardPolicy, RetentionPolicy, StreamSource
from nats.js.errors import APIError

from jetstream_exporter.demo.publish import publish
from jetstream_exporter.demo.stack.scenarios.scenario import Scenario, acknowledge

MIB = 1 << 20


class StreamFull(Scenario):
    name = "stream-full"
    story = "a stream with discard: new is so full that it rejects the next large message"
    alert = "JetStreamStreamRejectingPublishes"
    severity = "critical"
    component = "FULL"
    by_hand = ("nats --server {url} stream purge FULL --force",)

    async def prepare(self) -> None:
        await self.add_stream(
            "FULL",
            ["full"],
            max_bytes=MIB,
            discard=DiscardPolicy.NEW,
        )
        await publish(self.js, "full", bytes(1024))

    async def break_it(self) -> None:
        """Sixteenths of the limit: with what was there, the last one finds no room at about 94 %."""
        try:
            while True:
                await self.js.publish("full", bytes(MIB // 16))
        except APIError:
            return

    async def mend(self) -> None:
        await self.js.purge_stream("FULL")


class StorageFilling(Scenario):
    name = "storage-filling"
    story = (
        "a stream with discard: new fills up: the alert is first a warning, then critical, and "
        "stays one incident"
    )
    alert = "JetStreamStreamStorageHigh"
    severity = "critical"
    component = "FILLING"
    also = frozenset({"JetStreamStreamRejectingPublishes"})  # nothing more is published then
    is_forewarned = True
    by_hand = ("nats --server {url} stream purge FILLING --force",)

    async def prepare(self) -> None:
        await self.add_stream(
            "FILLING",
            ["filling"],
            max_bytes=MIB,
            discard=DiscardPolicy.NEW,
        )
        await self._fill(0.5)

    async def _fill(self, ratio: float) -> None:
        while (await self.js.stream_info("FILLING")).state.bytes < ratio * MIB:
            await publish(self.js, "filling", bytes(8192))

    async def break_it(self) -> None:
        await self._fill(0.85)

    async def worsen(self) -> None:
        await self._fill(0.97)

    async def mend(self) -> None:
        await self.js.purge_stream("FILLING")


class ForgottenDurable(Scenario):
    name = "forgotten-durable"
    story = (
        "a durable consumer that was created for a test is no longer used, so the stream "
        "keeps every message"
    )
    alert = "JetStreamInterestStreamPinned"
    severity = "warning"
    component = "PINNED"

    async def prepare(self) -> None:
        await self.add_stream("PINNED", ["pinned"], retention=RetentionPolicy.INTEREST)
        await self.add_consumer("PINNED", ConsumerConfig(durable_name="live"))
        self.begin("publisher", self.publish("pinned", 5))
        self.begin_worker("PINNED", "live", acknowledge)

    async def break_it(self) -> None:
        await self.add_consumer("PINNED", ConsumerConfig(durable_name="forgotten"))

    async def mend(self) -> None:
        await self.js.delete_consumer("PINNED", "forgotten")


class MirrorBroken(Scenario):
    name = "mirror-broken"
    story = "the stream that another one mirrors is deleted"
    alert = "JetStreamSourceOrMirrorLagging"
    severity = "warning"
    component = "MIRROR"
    # The servers have just started, so that a stream made anew looks like one whose disk is missing.
    also = frozenset({"JetStreamStreamMessagesDamaged"})

    async def prepare(self) -> None:
        await self.add_stream("MIRRORED", ["mirrored"])
        await self._mirror()
        self.begin("publisher", self.publish("mirrored", 2))

    async def _mirror(self) -> None:
        await self.add_stream("MIRROR", mirror=StreamSource(name="MIRRORED"))

    async def break_it(self) -> None:
        await self.js.delete_stream("MIRRORED")

    async def mend(self) -> None:
        """Both anew: a mirror that is ahead of its origin takes nothing from it."""
        await self.js.delete_stream("MIRROR")
        await self.add_stream("MIRRORED", ["mirrored"])
        await self._mirror()
