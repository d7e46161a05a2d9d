"""The push consumer: the server delivers each order as it comes."""

from __future__ import annotations

from nats.aio.client import Client
from nats.aio.msg import Msg

from .settle import Handler, settle
from .streams import PROCESSOR, STREAM, ensure_consumer, processor


async def start_processing(nc: Client, handle: Handler) -> None:
    """Take orders until the connection is drained; draining works off what was delivered."""

    config = processor()

    async def on_message(message: Msg) -> None:
        await settle(message, handle, config)

    await ensure_consumer(nc, config)
    await nc.jetstream().subscribe_bind(STREAM, config, PROCESSOR, cb=on_message, manual_ack=True)
