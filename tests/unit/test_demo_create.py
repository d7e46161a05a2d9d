"""Creations whose answer is lost are asked for again, and nothing else is."""

from typing import Any

import nats.errors
import pytest
from nats.js.errors import BadRequestError

from jetstream_exporter.demo.create import TRIES, create_consumer, create_stream


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


@pytest.mark.parametrize("create", [create_stream, create_consumer])
async def test_a_lost_answer_is_asked_for_again_with_the_same_configuration(create: Any) -> None:
    js = Answering(nats.errors.TimeoutError(), nats.errors.TimeoutError(), "made")
    assert await create(js, "S", subjects=["s"]) == "made"
    assert js.asked == [(("S",), {"subjects": ["s"]})] * 3


async def test_silence_is_an_error_in_the_end() -> None:
    js: Any = Answering(*[nats.errors.TimeoutError()] * TRIES, "too late")
    with pytest.raises(TimeoutError):
        await create_stream(js, name="S")
    assert js.answers == ["too late"]


async def test_a_refusal_is_not_asked_for_again() -> None:
    js: Any = Answering(BadRequestError(), "made")
    with pytest.raises(BadRequestError):
        await create_stream(js, name="S")
    assert js.answers == ["made"]
