"""Tasks that loop until they are cancelled are over at the end, even those that miss a cancellation."""

import asyncio

import pytest

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
