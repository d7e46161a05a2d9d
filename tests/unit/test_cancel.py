"""Tasks that loop until they are cancelled are over at the end, even those that miss a cancellation."""

import asyncio
import io

import pytest

from jetstream_exporter.demo.child import until
from jetstream_exporter.demo.screen import Screen
from jetstream_exporter.runtime.cancel import cancel_and_wait


async def deaf(times: int) -> None:
    """Go on after so many cancellations, as a loop around `wait_for` can."""
    for _ in range(times):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue
    await asyncio.sleep(60)


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_a_task_that_swallows_a_cancellation_is_cancelled_again(times: int) -> None:
    task = asyncio.create_task(deaf(times))
    await asyncio.sleep(0)

    await asyncio.wait_for(cancel_and_wait(task, again=0.01), 10)

    assert task.cancelled()


async def test_what_a_task_does_on_its_way_out_is_not_cut_short() -> None:
    left: list[str] = []

    async def orderly() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            left.append("in order")

    task = asyncio.create_task(orderly())
    await asyncio.sleep(0)
    await cancel_and_wait(task)

    assert left == ["in order"]


async def test_a_task_that_failed_or_ended_before_is_no_trouble() -> None:
    async def fails() -> None:
        raise ValueError("its own affair")

    ended, failed = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(fails())
    await asyncio.wait([ended, failed])

    await cancel_and_wait(ended, failed)
    await cancel_and_wait()


async def swallowing(started: asyncio.Event) -> None:
    """As an answer of nats-py that meets the cancellation."""
    started.set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        return


@pytest.mark.parametrize("holds", [False, True])
async def test_waiting_for_a_condition_that_swallows_a_cancellation_ends(holds: bool) -> None:
    started = asyncio.Event()

    async def condition() -> bool:
        await swallowing(started)
        return holds

    task = asyncio.create_task(until("it", condition, deadline=60))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)


async def test_figures_that_swallow_a_cancellation_are_shown_no_longer() -> None:
    started = asyncio.Event()

    async def look() -> list[str]:
        await swallowing(started)
        return ["a figure"]

    task = asyncio.create_task(Screen(io.StringIO()).keep_showing(look, 0.01, None))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)


async def test_what_waits_for_a_condition_on_its_way_out_is_not_cut_short() -> None:
    left: list[str] = []
    looks = iter([False, False, True])

    async def is_over() -> bool:
        return next(looks)

    async def orderly() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await until("the end", is_over, deadline=10, pause=0)
            left.append("in order")

    task = asyncio.create_task(orderly())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left == ["in order"]
