"""Creations are asked for again where the answer was lost or no peer was known, and for no other reason."""

from typing import Any

import nats.errors
import pytest
from nats.js.errors import BadRequestError, ServerError

from jetstream_exporter.demo import create
from jetstream_exporter.demo.create import (
    NO_SUITABLE_PEERS,
    NOT_STORED,
    TRIES,
    answered,
    create_consumer,
    create_stream,
)


class Answering:
    """A JetStream context whose next answers are given."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    async def add_stream(self, *args: Any, **settings: Any) -> str:
        self.asked.append((args, settings))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    add_consumer = add_stream


def no_peers() -> BadRequestError:
    return BadRequestError(code=400, err_code=NO_SUITABLE_PEERS, description="no suitable peers")


@pytest.mark.parametrize("make", [create_stream, create_consumer])
async def test_a_lost_answer_is_asked_for_again_with_the_same_configuration(make: Any) -> None:
    js = Answering(nats.errors.TimeoutError(), nats.errors.TimeoutError(), "made")
    assert await make(js, "S", subjects=["s"]) == "made"
    assert js.asked == [(("S",), {"subjects": ["s"]})] * 3


async def test_silence_is_an_error_in_the_end() -> None:
    js: Any = Answering(*[nats.errors.TimeoutError()] * TRIES, "too late")
    with pytest.raises(TimeoutError):
        await create_stream(js, name="S")
    assert js.answers == ["too late"]


async def test_a_refusal_is_not_asked_for_again() -> None:
    js: Any = Answering(BadRequestError(code=400, err_code=10058), "made")
    with pytest.raises(BadRequestError):
        await create_stream(js, name="S")
    assert js.answers == ["made"]


async def test_servers_that_do_not_know_each_other_yet_are_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(create, "PAUSE", 0)
    lost = nats.errors.TimeoutError()
    js: Any = Answering(no_peers(), lost, *[no_peers() for _ in range(TRIES)], "made")
    assert await answered(lambda: js.add_stream("S")) == "made"


async def test_a_server_that_cannot_store_a_stream_for_a_moment_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(create, "PAUSE", 0)
    said = "error creating store for stream"
    js: Any = Answering(ServerError(code=500, err_code=NOT_STORED, description=said), "made")
    assert await create_stream(js, name="S") == "made"


async def test_servers_that_never_know_enough_peers_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(create, "KNOWN", 0.05)
    monkeypatch.setattr(create, "PAUSE", 0.01)
    js: Any = Answering(*[no_peers() for _ in range(99)])
    with pytest.raises(BadRequestError, match="no suitable peers"):
        await create_stream(js, name="S")
    assert len(js.asked) > 1
