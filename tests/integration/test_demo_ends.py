"""Whenever and however the demo is ended, from its first moment on: no traceback, nothing left behind, exit code 0."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.test_demo import children, running

from jetstream_exporter.demo.child import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WAYS = (
    ("-m", "jetstream_exporter", "demo", "--servers", "1"),
    ("-m", "jetstream_exporter.demo", "--servers", "1"),
    ("-m", "jetstream_exporter", "demo", "--stack", "--servers", "1"),
)


def caught(pid: int) -> int:
    """The signals that a process has handlers for, as a mask."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("SigCgt:")[2].split()[0], 16)


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@dataclass
class Started:
    process: asyncio.subprocess.Process
    folder: Path
    out: int
    said: bytearray

    async def catches(self) -> None:
        """Until it has handlers of its own: before, it is Python's start that a signal ends."""

        async def has_handler() -> bool:
            return bool(caught(self.process.pid) >> (signal.SIGTERM - 1) & 1)

        await until("a handler of SIGTERM", has_handler, 30, 0.001)

    async def says(self, text: bytes) -> None:
        async def has_said() -> bool:
            assert self.process.returncode is None, self.said
            return text in self.said

        await until(f"{text!r}", has_said, 40, 0.01)

    async def ended(self) -> str:
        """All that it said; it ended with 0 and left no file behind."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), 30)
        assert self.process.returncode == 0, self.said
        assert files(self.folder) == []
        return self.said.decode()


def _collect(started: Started) -> None:
    try:
        started.said += os.read(started.out, 65536)
    except OSError:
        asyncio.get_running_loop().remove_reader(started.out)


@asynccontextmanager
async def demo(folder: Path, *argv: str, tty: bool = False) -> AsyncIterator[Started]:
    ours, theirs = pty.openpty() if tty else os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TMPDIR": str(folder), "TERM": "xterm"},
    )
    os.close(theirs)
    started = Started(process, folder, ours, bytearray())
    asyncio.get_running_loop().add_reader(ours, _collect, started)
    try:
        yield started
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("tty", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize("argv", WAYS, ids=lambda argv: argv[1] + "".join(argv[3:4]))
async def test_a_signal_in_its_first_half_second_ends_it_without_a_word(
    argv: tuple[str, ...], tty: bool, number: signal.Signals, tmp_path: Path
) -> None:
    async with demo(tmp_path, *argv, tty=tty) as started:
        await started.catches()
        started.process.send_signal(number)

        assert await started.ended() == ""


@pytest.mark.parametrize("after", [0.05, 0.2, 0.4, 0.8])
@pytest.mark.parametrize("tty", [True, False], ids=["terminal", "pipe"])
async def test_ctrl_c_while_it_starts_ends_it_in_order(
    tty: bool, after: float, tmp_path: Path
) -> None:
    async with demo(tmp_path, *WAYS[0], tty=tty) as started:
        await started.says(b"starting 1 nats-server")
        await asyncio.sleep(after)  # somewhere in the start, a different place each time
        begun = children(started.process.pid)
        started.process.send_signal(signal.SIGINT)

        said = await started.ended()
        assert "Traceback" not in said
        assert said.split()[-2:] == ["stopped", "everything"]
        assert running(begun) == []


async def test_a_second_signal_ends_it_all_the_same(tmp_path: Path) -> None:
    async with demo(tmp_path, *WAYS[0]) as started:
        await started.says(b"pending=")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            started.process.send_signal(number)

        assert "Traceback" not in await started.ended()


LIBRARY_FAILS = """
import logging
from jetstream_exporter.demo.command import main
try:
    main(["--help"])
except SystemExit:
    logging.getLogger("nats.aio.client").error("encountered error", exc_info=ValueError())
"""


def test_an_error_inside_the_nats_library_is_no_traceback() -> None:
    """It is given up in the middle of a request at the end, and logs that where nobody handles its log."""
    command = [sys.executable, "-c", LIBRARY_FAILS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


async def test_head_ends_it_without_a_traceback(tmp_path: Path) -> None:
    """As `demo | head -n 1`: who read is gone, and the next line meets a broken pipe."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *WAYS[0], "--interval", "0.2"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert (await process.stdout.readline()).startswith(b"starting 1 nats-server")
        process.stdout._transport.close()  # type: ignore[attr-defined]

        assert await asyncio.wait_for(process.stderr.read(), 60) == b""
        assert await process.wait() == 0
        assert files(tmp_path) == []
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("options", [("--help",), ("--fast",), ("--nats-server", "/no/server")])
async def test_what_nobody_reads_makes_no_traceback(options: tuple[str, ...]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jetstream_exporter", "demo", *options),
        stdout=theirs,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    _, errors = await process.communicate()

    assert b"Traceback" not in errors
    assert b"Exception ignored" not in errors


async def test_a_terminal_that_is_closed_ends_it(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *WAYS[0], "--interval", "0.2"),
        stdin=theirs,
        stdout=theirs,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path), "TERM": "xterm"},
    )
    os.close(theirs)
    try:
        assert b"starting" in await asyncio.to_thread(os.read, ours, 4096)
        os.close(ours)
        _, errors = await asyncio.wait_for(process.communicate(), 60)

        assert (process.returncode, errors) == (0, b"")
        assert files(tmp_path) == []
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
