"""Memory that nobody needs any more is given back, and soon."""

import asyncio
import gc
import itertools
import weakref

import pytest
from tests.support.waiting import until

from jetstream_exporter.runtime import memory
from jetstream_exporter.runtime.cancel import cancel_and_wait


class Knot:
    """An object that refers to itself, as an error and its traceback do."""

    def __init__(self) -> None:
        self.me = self


async def test_garbage_in_cycles_is_collected_however_old_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    knot = Knot()
    gc.collect()  # it is old now, and the collector seldom looks there
    gone = weakref.ref(knot)
    del knot
    monkeypatch.setattr(memory, "COLLECT_EVERY", 0.01)
    gc.disable()
    try:
        collecting = asyncio.create_task(memory.collect_garbage())
        await until(lambda: gone() is None, 20)
    finally:
        gc.enable()
    await cancel_and_wait(collecting)


async def test_where_the_collector_works_by_itself_nothing_is_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With many consumers it looks at everything within minutes, and that takes long."""
    monkeypatch.setattr(memory, "COLLECT_EVERY", 0.0)
    numbers = itertools.count()
    monkeypatch.setattr(memory, "_collections", lambda: next(numbers))
    monkeypatch.setattr(gc, "collect", lambda: pytest.fail("it was collected twice"))
    collecting = asyncio.create_task(memory.collect_garbage())
    await until(lambda: next(numbers) > 20, 20)
    assert not collecting.done()
    await cancel_and_wait(collecting)
