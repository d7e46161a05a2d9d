"""Anybody may publish any event. One that cannot be used is counted, and no other one pays for it."""

import json
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from structlog.testing import capture_logs

from jetstream_exporter.report import EventBatch
from jetstream_exporter.sources.advisories.event_counter import EventCounter
from jetstream_exporter.sources.advisories.event_reader import EventReader, Origin
from jetstream_exporter.sources.advisories.given_up import LINES, GivenUpLog
from jetstream_exporter.wire import Advisory

GIVEN_UP = "io.nats.jetstream.advisory.v1.max_deliver"
HUGE = int("9" * 400)


def event(**more: Any) -> dict[str, Any]:
    fields = {"type": GIVEN_UP, "stream": "S", "consumer": "c", "stream_seq": 7, "deliveries": 5}
    return fields | more


class Heard:
    """A reader, and what it counted."""

    def __init__(self, **place: Any) -> None:
        self.counter = EventCounter()
        self.reader = EventReader(self.counter, 3, "nats://n")
        self.reader.origin = Origin(**({"cluster": "C", "account": "A"} | place))

    async def says(self, *bodies: Any) -> EventBatch:
        for body in bodies:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            await self.reader.read(Msg(Client(), "$JS.EVENT.ADVISORY.X", data=data))
        return self.counter.take()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"x":' * 20_000, "too_deep"),
        (b'{"x":' + b"[" * 20_000, "too_deep"),
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"{}{}", "not_json"),
        (b"[]", "wrong_content"),
        (event(ack_time=HUGE), "wrong_content"),
        (event(deliveries=HUGE), "wrong_content"),
        (event(deliveries=-1), "wrong_content"),
        (event(deliveries=2**64), "wrong_content"),
        (event(stream_seq=1.5), "wrong_content"),
        (event(stream=5), "wrong_content"),
        (event(id=["x"]), "wrong_content"),
        (event(stream="x" * 257), "name_too_long"),
    ],
    ids=lambda said: repr(said)[:24],
)
async def test_an_event_that_cannot_be_used_costs_no_other(body: Any, reason: str) -> None:
    batch = await Heard().says(event(), body, event())
    assert batch.refused == {reason: 1}
    assert batch.objects["A", "S", "c"].max_deliveries == 2


async def test_a_number_of_64_bits_is_a_number() -> None:
    batch = await Heard().says(event(stream_seq=2**64 - 1))
    assert batch.refused == {}
    assert batch.objects["A", "S", "c"].max_deliveries == 1


async def test_a_mistake_of_ours_costs_one_event_and_one_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = Heard()
    add = heard.counter.add

    def broken(said: Advisory, *more: Any) -> bool:
        if said.stream == "BAD":
            raise ZeroDivisionError
        return add(said, *more)

    monkeypatch.setattr(heard.counter, "add", broken)
    with capture_logs() as logs:
        batch = await heard.says(event(stream="BAD"), event(), event(stream="BAD"), event())
    assert batch.refused == {"error": 2}
    assert batch.objects["A", "S", "c"].max_deliveries == 2
    assert [line["event"] for line in logs if line["log_level"] == "error"] == [
        "an event could not be counted"
    ]


async def test_what_an_event_says_of_its_account_counts_in_the_system_account_only() -> None:
    assert list((await Heard().says(event(account="B"))).objects) == [("A", "S", "c")]
    system = Heard(account="SYS", is_system=True)
    batch = await system.says(event(account="B"), event(), event(account="x" * 257))
    assert sorted(batch.objects) == [("B", "S", "c"), ("SYS", "S", "c")]
    assert batch.refused == {"name_too_long": 1}


async def test_a_message_given_up_is_logged_once_with_all_that_finds_it() -> None:
    with capture_logs() as logs:
        await Heard().says(event(id="one"), event(id="one"), event(type="x"), b"{")
    assert logs == [
        {
            "event": "message reached its maximum number of deliveries",
            "log_level": "info",
            "nats_cluster": "C",
            "account": "A",
            "stream": "S",
            "consumer": "c",
            "sequence": 7,
            "deliveries": 5,
        }
    ]


def test_a_flood_fills_no_log_and_says_how_many_it_left_out() -> None:
    now = [0.0]
    given_up = GivenUpLog("nats://n", lambda: now[0])
    with capture_logs() as logs:
        for _ in range(3):
            for seq in range(LINES + 5):
                given_up.note(Advisory(stream="S", consumer="c", stream_seq=seq), "C", "A")
            now[0] += 60.0
        given_up.settle()
        given_up.settle(now=True)
    assert len(logs) == 3 * (LINES + 1)
    assert [line["not_logged"] for line in logs if "not_logged" in line] == [5, 5, 5]
    assert logs[LINES]["target"] == "nats://n"


def test_what_was_left_out_is_said_at_the_end_too() -> None:
    given_up = GivenUpLog("nats://n", lambda: 0.0)
    with capture_logs() as logs:
        for seq in range(LINES + 1):
            given_up.note(Advisory(stream_seq=seq), "C", "A")
        given_up.settle(now=True)
        given_up.settle(now=True)
    assert [line["not_logged"] for line in logs if "not_logged" in line] == [1]


@pytest.mark.parametrize(
    "kind", ["server_removed", "server_out_of_space", "api_limit_reached", "meta_rescue"]
)
async def test_what_a_client_makes_up_about_servers_is_not_counted_as_theirs(kind: str) -> None:
    """An alert depends on these; only servers publish in the system account."""
    said = event(type=f"io.nats.jetstream.advisory.v1.{kind}", stream="", consumer="")
    assert (await Heard().says(said)).kinds == {"other": 1}
    assert (await Heard(is_system=True).says(said)).kinds == {kind: 1}
