"""No task in the background is unwatched: one that dies says so in one line, and is started again."""

import ast
import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from jetstream_exporter.runtime import tasks
from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.runtime.tasks import keep_running, start

PACKAGE = Path(__file__).resolve().parents[2] / "exporter" / "jetstream_exporter"
BEGINNERS = (
    "create_task",
    "ensure_future",
    "run_coroutine_threadsafe",
    "TaskGroup",
    "Thread",
    "Timer",
)
# By file and function: tasks and threads that are begun without runtime/tasks.py, and who sees how they end.
SEEN = {
    ("runtime/tasks.py", "keep_running"): "logs and starts again",
    ("runtime/tasks.py", "start"): "logs",
    ("scrape/renderer.py", "render"): "every scrape that waits for it; `_rendered` logs",
    ("scrape/scraper.py", "_so_far"): "every scrape that leaves",
    ("scrape/single_flight.py", "start"): "every scrape that waits for it; `_landed` logs",
    ("sources/nats/api.py", "_repeated"): "awaited there",
    ("sources/nats/connection.py", "within"): "awaited there",
    ("sources/nats/dialling.py", "first_of"): "awaited there",
    ("sources/http/discovery.py", "_begin"): "the scrape that takes its answer",
    ("sources/lookup.py", "_in_thread"): "the future that its callers wait for",
    ("runtime/threads.py", "run_to_end_in_thread"): "awaited there",
    ("sources/pace.py", "limit"): "awaited there",
    ("sources/http/config_fetch.py", "__init__"): "the scrape that takes its result",
    ("sources/http/endpoint_links.py", "begin"): "the scrape that takes its answers",
    ("web/auth.py", "_check"): "awaited there",
}


def begun() -> Iterator[tuple[str, str]]:
    """Every place of the program that begins a task or a thread; the demo's processes end with its command."""
    for path in sorted(PACKAGE.rglob("*.py")):
        place = str(path.relative_to(PACKAGE))
        if place.startswith("demo/"):
            continue
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call):
                        name = ast.unparse(node.func).rpartition(".")[2]
                        if name in BEGINNERS:
                            yield place, function.name


def test_every_background_task_of_the_program_is_watched() -> None:
    assert set(begun()) == SEEN.keys()


class Work:
    """Work that ends as it is told each time, and then goes on for ever."""

    def __init__(self, *ends: BaseException | None) -> None:
        self.ends = list(ends)
        self.runs = 0
        self.settled = asyncio.Event()

    async def __call__(self) -> None:
        self.runs += 1
        await asyncio.sleep(0)
        if not self.ends:
            self.settled.set()
            await asyncio.Event().wait()
        end = self.ends.pop(0)
        if end is not None:
            raise end


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (RecursionError("too deep"), "RecursionError: too deep"),
        (KeyError("x"), "KeyError: 'x'"),
        (asyncio.CancelledError(), "CancelledError"),  # of what it waited for, not of itself
        (None, "it ended"),
    ],
)
async def test_a_task_that_dies_says_so_once_and_is_started_again(
    end: BaseException | None, reason: str
) -> None:
    work = Work(end)
    with capture_logs() as logs:
        task = keep_running("read stream EVENTS", work, pause=0.001)
        await asyncio.wait_for(work.settled.wait(), 10)
    assert work.runs == 2
    assert [(line["task"], line["error"], line["log_level"]) for line in logs] == [
        ("read stream EVENTS", reason, "error")
    ]
    await cancel_and_wait(task)
    assert task.cancelled()
    assert work.runs == 2


async def test_one_that_dies_again_and_again_is_started_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(tasks.asyncio, "sleep", noted)
    ends = [OSError() for _ in range(8)]

    async def work() -> None:
        if ends:
            raise ends.pop()
        await asyncio.Event().wait()

    with capture_logs():
        task = keep_running("x", work)
        while ends:
            await sleep(0)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30][: len(pauses)]
    assert len(pauses) >= 7
    await cancel_and_wait(task)


async def test_a_task_that_is_told_to_end_ends() -> None:
    work = Work()
    with capture_logs() as logs:
        task = keep_running("x", work)
        await work.settled.wait()
        await cancel_and_wait(task)
    assert task.cancelled()
    assert logs == []


async def test_work_that_swallows_the_cancellation_is_not_started_again() -> None:
    """As asyncio.wait_for of Python 3.11 does, on which the NATS library waits."""
    begun = asyncio.Event()
    starts = 0

    async def work() -> None:
        nonlocal starts
        starts += 1
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    with capture_logs() as lines:
        task = keep_running("swallow", work)
        await begun.wait()
        task.cancel()
        await asyncio.wait([task], timeout=20)
    assert task.done()
    assert starts == 1
    assert lines == []


async def test_work_that_ends_by_itself_says_only_that_it_failed() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with capture_logs() as logs:
        good = start("good", asyncio.sleep(0))
        bad = start("bad", fail())
        ended = start("ended", asyncio.sleep(10))
        ended.cancel()
        await asyncio.wait([good, bad, ended])
    assert [(line["task"], line["error"]) for line in logs] == [("bad", "ValueError: no")]
