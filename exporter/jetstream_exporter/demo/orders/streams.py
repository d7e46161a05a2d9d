"""What the workload wants on the server: streams and consumers, made once and never overwritten."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from nats.aio.client import Client
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, BadRequestError, NotFoundError

from ..create import create_stream

HOUR = 3600
STREAM_NAME_IN_USE = 10058
SUBJECTS_OVERLAP = 10065
CONSUMER_EXISTS = 10148

STREAM = "ORDERS"
CREATED = "orders.created"
# A stream's name holds no dot, its subject does; subjects are case-sensitive, so ORDERS.deadletter
# is none of orders.> and no dead letter comes back as an order.
DEAD_LETTER_STREAM = "ORDERS_deadletter"
DEAD_LETTER_SUBJECT = "ORDERS.deadletter"
PROCESSOR = "orders-processor-v1"
BATCH_PROCESSOR = "orders-batch-processor"


class ConflictError(Exception):
    """What is wanted exists with another configuration; a person has to decide which one is right."""


def orders(replicas: int = 3) -> StreamConfig:
    return StreamConfig(
        name=STREAM,
        description="Orders as they are made",
        subjects=["orders.>"],
        retention=RetentionPolicy.LIMITS,
        max_age=72 * HOUR,
        max_bytes=1 << 30,
        max_msgs=1_000_000,
        storage=StorageType.FILE,
        num_replicas=replicas,
        discard=DiscardPolicy.OLD,
        duplicate_window=600,
    )


def dead_letters(replicas: int = 3) -> StreamConfig:
    """Kept longer than the orders: a person has to look at them."""
    return StreamConfig(
        name=DEAD_LETTER_STREAM,
        description="Orders that nobody could process, as they came",
        subjects=[DEAD_LETTER_SUBJECT],
        retention=RetentionPolicy.LIMITS,
        max_age=30 * 24 * HOUR,
        max_bytes=128 << 20,
        storage=StorageType.FILE,
        num_replicas=replicas,
        discard=DiscardPolicy.OLD,
        duplicate_window=600,
    )


def processor() -> ConsumerConfig:
    """Push. Of all who subscribe as the group, one gets each message, so more can be started."""
    return ConsumerConfig(
        name=PROCESSOR,
        durable_name=PROCESSOR,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=30,
        max_deliver=5,
        filter_subject=CREATED,
        deliver_subject=f"deliver.{PROCESSOR}",
        deliver_group=PROCESSOR,
    )


def batch_processor() -> ConsumerConfig:
    return ConsumerConfig(
        name=BATCH_PROCESSOR,
        durable_name=BATCH_PROCESSOR,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=60,
        max_deliver=3,
    )


def replayer(durable: str) -> ConsumerConfig:
    """A durable that nobody used yet starts at the first message: that is a replay."""
    return ConsumerConfig(
        name=durable,
        durable_name=durable,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=60,
        max_deliver=3,
        filter_subject=CREATED,
    )


async def ensure_stream(nc: Client, wanted: StreamConfig) -> None:
    """Create the stream where it is missing; ConflictError where it is there and not the same."""
    js = nc.jetstream(timeout=10)
    try:
        await create_stream(js, wanted)  # the server takes the same configuration again as done
    except BadRequestError as error:
        if error.err_code == SUBJECTS_OVERLAP:
            raise ConflictError(
                f"stream {wanted.name}: another stream has one of the subjects {wanted.subjects}"
            ) from error
        if error.err_code != STREAM_NAME_IN_USE:
            raise
        existing = (await js.stream_info(str(wanted.name))).config
        raise _conflict(f"stream {wanted.name}", wanted, existing) from error


async def ensure_consumer(nc: Client, wanted: ConsumerConfig, stream: str = STREAM) -> None:
    """Create the consumer where it is missing; ConflictError where it is there and not the same."""
    what = f"consumer {wanted.name} of stream {stream}"
    js = nc.jetstream(timeout=10)
    try:
        existing = (await js.consumer_info(stream, str(wanted.name))).config
    except NotFoundError:
        await _create_consumer(nc, wanted, stream, what)
    else:
        if any(differences(wanted, existing)):
            raise _conflict(what, wanted, existing)


async def _create_consumer(nc: Client, wanted: ConsumerConfig, stream: str, what: str) -> None:
    """As add_consumer(), but with the action that lets the server refuse to change one.

    Without it a consumer that somebody else made a moment ago would be overwritten.
    """
    subject = f"$JS.API.CONSUMER.CREATE.{stream}.{wanted.name}"
    if wanted.filter_subject:
        subject += f".{wanted.filter_subject}"
    request = {"stream_name": stream, "config": wanted.as_dict(), "action": "create"}
    answer = json.loads((await nc.request(subject, json.dumps(request).encode(), timeout=10)).data)
    if (error := answer.get("error")) is None:
        return
    if error["err_code"] == CONSUMER_EXISTS:
        raise ConflictError(f"{what} was created by another client with a different configuration")
    APIError.from_error(error)


def differences(wanted: Any, existing: Any) -> Iterator[str]:
    """Of the settings that `wanted` names, those that are another way."""
    for field in dataclasses.fields(wanted):
        asked, found = getattr(wanted, field.name), getattr(existing, field.name)
        if asked is not None and asked != found and (asked or found):
            yield f"{field.name} is {_text(found)} instead of {_text(asked)}"


def _text(value: object) -> str:
    return str(getattr(value, "value", value))


def _conflict(what: str, wanted: Any, existing: Any) -> ConflictError:
    details = "; ".join(differences(wanted, existing)) or "the server reports a difference"
    return ConflictError(
        f"{what} exists with a different configuration and was not changed: {details}"
    )
