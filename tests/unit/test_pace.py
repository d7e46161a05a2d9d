"""A slow source does not hold up a fast one, and is waited for where there is no other."""

import asyncio

import pytest

from jetstream_exporter.sources import pace
from jetstream_exporter.sources.errors import SourceTimeoutError
from jetstream_exporter.sources.pace import Pace


async def hanging() -> None:
    await asyncio.Event().wait()


async def failing() -> None:
    raise SourceTimeoutError("its own")


async def test_what_takes_longer_than_usual_is_left_once_the_lists_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "GRACE", 0.1)
    both = Pace()
    slow = asyncio.create_task(both.limit(hanging(), 1.0, 0.01))
    await asyncio.sleep(0)
    both.bring(1.0)
    with pytest.raises(SourceTimeoutError, match="slower than usual"):
        await asyncio.wait_for(slow, 60)


async def test_lists_of_another_scrape_hurry_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "GRACE", 0.05)
    both = Pace()
    both.bring(1.0)
    slow = asyncio.create_task(both.limit(hanging(), 2.0, 0.01))
    done, _ = await asyncio.wait({slow}, timeout=0.5)
    assert not done
    slow.cancel()


async def test_two_scrapes_at_once_are_both_hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "GRACE", 0.1)
    both = Pace()
    slow = [asyncio.create_task(both.limit(hanging(), each, 0.01)) for each in (1.0, 2.0)]
    await asyncio.sleep(0)
    for deadline in (1.0, 2.0):
        both.bring(deadline)
    for each in slow:
        with pytest.raises(SourceTimeoutError, match="slower than usual"):
            await asyncio.wait_for(each, 60)


async def test_the_first_time_and_what_is_done_are_left_alone() -> None:
    both = Pace()
    both.bring(1.0)
    await both.limit(asyncio.sleep(0.01), 1.0, None)
    await both.limit(asyncio.sleep(0.01), 1.0, 0.01)
    with pytest.raises(SourceTimeoutError, match="its own"):
        await both.limit(failing(), 1.0, 0.01)
