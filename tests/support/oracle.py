"""What the servers themselves say over the JetStream API, as the samples that the exporter must show."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from nats.aio.client import Client
from tests.support.api import api
from tests.support.exporter import Samples

Json = dict[str, Any]


async def names(nc: Client, subject: str, key: str) -> list[str]:
    found: list[str] = []
    while True:
        page = await api(nc, subject, {"offset": len(found)})
        found += page[key] or []
        if len(found) >= page["total"]:
            return found


async def streams(nc: Client) -> AsyncIterator[Json]:
    for name in await names(nc, "STREAM.NAMES", "streams"):
        yield await api(nc, f"STREAM.INFO.{name}")


async def consumers(nc: Client, stream: str) -> AsyncIterator[Json]:
    for name in await names(nc, f"CONSUMER.NAMES.{stream}", "consumers"):
        yield await api(nc, f"CONSUMER.INFO.{stream}.{name}")


def epoch(moment: str | None) -> float | None:
    if not moment or moment.startswith("0001"):
        return None
    text = moment.rstrip("Z")
    head, _, fraction = text.partition(".")
    return datetime.fromisoformat(head + "+00:00").timestamp() + float(f"0.{fraction or 0}")


def bounded(value: int) -> float | None:
    return value if value > 0 else None


def seconds(value: int) -> float | None:
    return value / 1e9 if value > 0 else None


def stream_truth(info: Json) -> dict[str, float | None]:
    state, config = info["state"], info["config"]
    filled = state["messages"] > 0
    max_bytes, max_messages = bounded(config["max_bytes"]), bounded(config["max_msgs"])
    return {
        "messages": state["messages"],
        "bytes": state["bytes"],
        "first_sequence": state["first_seq"],
        "last_sequence": state["last_seq"],
        "stored_messages_total": state["last_seq"],
        "subjects": state.get("num_subjects", 0),
        "deleted_messages": state.get("num_deleted", 0),
        "lost_messages": 0,
        "consumers": state["consumer_count"],
        "first_message_timestamp_seconds": epoch(state["first_ts"]) if filled else None,
        "last_message_timestamp_seconds": epoch(state["last_ts"]) if filled else None,
        "max_bytes": max_bytes,
        "max_messages": max_messages,
        "max_age_seconds": seconds(config["max_age"]),
        "max_consumers": bounded(config["max_consumers"]),
        "max_message_bytes": bounded(config["max_msg_size"]),
        "max_messages_per_subject": bounded(config["max_msgs_per_subject"]),
        "duplicate_window_seconds": seconds(config.get("duplicate_window", 0)),
        "replicas": config["num_replicas"],
        "created_timestamp_seconds": epoch(info["created"]),
        "storage_ratio": state["bytes"] / max_bytes if max_bytes else None,
        "messages_ratio": state["messages"] / max_messages if max_messages else None,
        "has_leader": 1,
        "has_quorum": 1,
    }


def consumer_truth(info: Json, last_sequence: int) -> dict[str, float | None]:
    config, delivered, floor = info["config"], info["delivered"], info["ack_floor"]
    push = "deliver_subject" in config
    return {
        "pending_messages": info["num_pending"],
        "ack_pending_messages": info["num_ack_pending"],
        "redelivered_messages": info["num_redelivered"],
        "ack_floor_lag_messages": max(0, last_sequence - floor["stream_seq"]),
        "delivered_sequence": delivered["stream_seq"],
        "ack_floor_sequence": floor["stream_seq"],
        "deliveries_total": delivered["consumer_seq"],
        "acknowledged_deliveries_total": floor["consumer_seq"],
        "waiting_pulls": None if push else info["num_waiting"],
        "push_bound": float(info.get("push_bound", False)) if push else None,
        "paused": float(info.get("paused", False)),
        "last_delivery_timestamp_seconds": epoch(delivered.get("last_active")),
        "last_ack_timestamp_seconds": epoch(floor.get("last_active")),
        "max_ack_pending": bounded(config.get("max_ack_pending", 0)),
        "max_deliver": bounded(config["max_deliver"]),
        "ack_wait_seconds": seconds(config.get("ack_wait", 0)),
        "max_waiting": None if push else bounded(config.get("max_waiting", 0)),
        "created_timestamp_seconds": epoch(info["created"]),
        "has_leader": 1,
        "has_quorum": 1,
    }


async def check_account(samples: Samples, nc: Client, cluster: str, account: str) -> int:
    """Hold every stream and durable consumer of an account against the servers' word; gives how many."""
    compared = 0
    async for info in streams(nc):
        name = info["config"]["name"]
        place = {"nats_cluster": cluster, "account": account, "stream": name}
        compare(samples, "jetstream_stream_", stream_truth(info), place)
        leader = info.get("cluster", {}).get("leader")
        if leader:
            assert samples.labels("jetstream_stream_leader", "server", **place) == {leader}
        compared += 1
        async for consumer in consumers(nc, name):
            if "durable_name" not in consumer["config"]:
                assert samples.all("jetstream_consumer_info", consumer=consumer["name"]) == []
                continue
            here = place | {"consumer": consumer["name"]}
            truth = consumer_truth(consumer, info["state"]["last_seq"])
            compare(samples, "jetstream_consumer_", truth, here)
            compared += 1
    exported = samples.labels("jetstream_stream_has_leader", "stream", account=account)
    assert exported == set(await names(nc, "STREAM.NAMES", "streams"))
    return compared


def compare(
    samples: Samples, prefix: str, truth: dict[str, float | None], labels: dict[str, str]
) -> None:
    for suffix, expected in truth.items():
        value = samples.get(prefix + suffix, **labels)
        if expected is None:
            assert value is None, f"{prefix}{suffix}{labels} should be absent"
        else:
            message = f"{prefix}{suffix}{labels} is {value}, should be {expected}"
            assert value == pytest.approx(expected, abs=1e-5, rel=1e-15), message
