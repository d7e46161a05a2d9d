"""The demo as its user starts it: a program that shows figures, and that leaves nothing behind."""

import asyncio
import os
import pty
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import nats
import pytest

from jetstream_exporter.demo.child import Child, until
from jetstream_exporter.demo.orders.producer import POISON
from jetstream_exporter.demo.ports import Port

COMMAND = [sys.executable, "-m", "jetstream_exporter.demo"]
FIGURES = r"^ORDERS {} pending=\d+ ack_pending=\d+ redelivered=\d+ ack_floor_lag=\d+ lag_s=\S+$"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds children in /proc")


def fields(pid: str) -> list[str]:
    """State, parent and so on; none of a program that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def children(parent: int) -> list[str]:
    pids = (path.name for path in Path("/proc").iterdir() if path.name.isdigit())
    return [pid for pid in pids if fields(pid)[1:2] == [str(parent)]]


def running(pids: list[str]) -> list[str]:
    return [pid for pid in pids if fields(pid)[:1] not in ([], ["Z"])]


@dataclass
class Demo:
    child: Child
    folder: Path

    @property
    def said(self) -> str:
        return self.child.log.read_text()

    async def says(self, pattern: str, deadline: float = 40) -> str:
        """The first match, as soon as there is one."""

        async def has_said() -> bool:
            assert self.child.alive, self.said
            return re.search(pattern, self.said, re.MULTILINE) is not None

        await until(f"{pattern!r}", has_said, deadline)
        found = re.search(pattern, self.said, re.MULTILINE)
        assert found is not None
        return found.group(found.lastindex or 0)

    async def shows_figures(self) -> None:
        for consumer in ("orders-processor-v1", "orders-batch-processor"):
            await self.says(FIGURES.format(consumer))

    async def exposition(self) -> str:
        url = await self.says(r"^exporter +(http://\S+/metrics)$")
        async with aiohttp.ClientSession(raise_for_status=True) as http, http.get(url) as answer:
            return await answer.text()


Start = Callable[..., Demo]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    demos: list[Demo] = []

    def start(*options: str) -> Demo:
        folder = tmp_path / str(len(demos))
        folder.mkdir()
        argv = [*COMMAND, "--interval", "0.5", *options]
        child = Child("the demo", argv, tmp_path / f"{len(demos)}.log", {"TMPDIR": str(folder)})
        child.spawn()
        demos.append(Demo(child, folder))
        return demos[-1]

    yield start
    for demo in demos:
        demo.child.kill_now()


async def test_two_demos_run_side_by_side_and_each_ends_all_it_started(start: Start) -> None:
    first, second = start(), start("--servers", "1")
    for demo in (first, second):
        await demo.shows_figures()
        assert 'jetstream_consumer_pending_messages{nats_cluster="' in await demo.exposition()
    theirs = {demo.child.pid: children(demo.child.pid) for demo in (first, second)}
    assert [len(pids) for pids in theirs.values()] == [4, 2]  # the servers and an exporter
    of_first, of_second = theirs.values()

    await first.child.stop(20)
    assert first.child.returncode == 0
    assert running(of_first) == []
    assert list(first.folder.iterdir()) == []
    assert "\ndraining the clients\n" in first.said
    assert first.said.endswith("\nstopped everything\n")
    assert running(of_second) == of_second

    await second.child.kill()

    async def all_are_gone() -> bool:
        return not running(of_second)

    await until("the end of a killed demo's children", all_are_gone, 30)


async def test_the_poison_message_of_the_demo_is_in_the_dead_letters_as_it_came(
    start: Start,
) -> None:
    demo = start("--servers", "1", "--rate", "100")
    url = await demo.says(r"^nats-0 +(nats://\S+)")
    await demo.says(r"orders-processor-v1 gave up sequence 50 after 5 deliveries: forwarded")
    async with await nats.connect(url) as nc:
        letter = await nc.jetstream().get_last_msg("ORDERS_deadletter", "ORDERS.deadletter")
        assert letter.data == POISON
        assert letter.headers["Dead-Letter-Stream"] == "ORDERS"
        assert letter.headers["Dead-Letter-Sequence"] == "50"
    await demo.says(r"is a duplicate: stream ORDERS has it as sequence 101")
    await demo.says(r"replay as \S+ is complete: \d+ orders were processed again")


async def test_the_exporter_listens_where_it_is_told_and_the_demo_ends_after_its_time(
    start: Start,
) -> None:
    port = Port()
    demo = start("--servers", "1", "--duration", "2", "--web.listen-address", f":{port.number}")
    assert "nats_server_up" in await demo.exposition()
    assert f"http://127.0.0.1:{port.number}/metrics" in demo.said
    await demo.child.ended(20)
    assert demo.child.returncode == 0
    port.release()


async def nobody(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An exporter that was there before, and is ready."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("taker", [nobody, another])
async def test_an_exporter_that_cannot_listen_ends_the_demo_with_its_reason(
    taker: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], start: Start
) -> None:
    async with await asyncio.start_server(taker, "127.0.0.1", 0) as server:
        taken = server.sockets[0].getsockname()[1]
        demo = start("--servers", "1", "--web.listen-address", f"127.0.0.1:{taken}")
        await demo.child.ended(20)
    assert demo.child.returncode == 1
    assert "demo: the exporter exited with code 1; its log ends with:\n" in demo.said
    assert f"cannot listen on 127.0.0.1:{taken}" in demo.said
    assert "Traceback" not in demo.said
    assert list(demo.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (["--rate", "0"], 2, "argument --rate: invalid positive number value: '0'"),
        (["--web.listen-address", "x"], 2, r"--web\.listen-address: invalid address \(like "),
        (["--nats-server", "/no/server"], 1, "demo: /no/server is not an executable"),
    ],
)
async def test_what_cannot_work_is_said_in_a_sentence(
    start: Start, options: list[str], status: int, sentence: str
) -> None:
    demo = start(*options)
    await demo.child.ended(20)
    assert demo.child.returncode == status
    assert re.search(sentence, demo.said)


async def test_on_a_terminal_the_figures_are_redrawn_and_ctrl_c_ends_with_0() -> None:
    ours, theirs = pty.openpty()
    demo = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("--servers", "1", "--interval", "0.3"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(theirs)
    seen = bytearray()
    read = asyncio.create_task(asyncio.to_thread(_read_all, ours, seen))

    async def is_redrawn() -> bool:
        assert demo.returncode is None, seen.decode()
        return b"F\x1b[J" in seen and b"orders-processor-v1 " in seen

    try:
        await until("a redrawn table", is_redrawn, 30)
        demo.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(demo.wait(), 20) == 0
    finally:
        if demo.returncode is None:
            demo.kill()
        await read
    last = seen.decode().splitlines()[-3:]
    assert last[0].endswith("draining the clients")
    assert last[1].startswith("next: ")
    assert last[2] == "stopped everything"


def _read_all(terminal: int, into: bytearray) -> None:
    """Until the program at the other side is gone, which Linux reports as an error."""
    try:
        while chunk := os.read(terminal, 4096):
            into += chunk
    except OSError:
        pass
    finally:
        os.close(terminal)


async def test_a_frozen_server_shows_as_down_long_before_a_scrape_would_end(start: Start) -> None:
    demo = start()
    await demo.shows_figures()
    frozen = int(await demo.says(r"^nats-1 .* pid (\d+)$"))
    os.kill(frozen, signal.SIGSTOP)
    try:
        await demo.says(r"^servers: nats-0 up, nats-1 DOWN, nats-2 up", deadline=30)
    finally:
        os.kill(frozen, signal.SIGCONT)
    await demo.says(r"^status +(http://\S+/)$")
    await demo.child.stop(20)
    assert "\nnext: `jetstream-exporter demo --stack`" in demo.said
