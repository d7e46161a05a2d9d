"""A program that the demo starts, and that never outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from jetstream_exporter.runtime.cancel import cancellations, end_if_cancelled

# The kernel kills the program as soon as we are gone, however we went. A program of its own sets
# this before it becomes the real one (same pid): code between fork and exec deadlocks with threads.
_TIED = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class DemoError(Exception):
    """Something the user can fix; the message says what is wrong and what to do."""


async def until(
    what: str, condition: Callable[[], Awaitable[bool]], deadline: float, pause: float = 0.05
) -> None:
    """Poll until the condition holds; TimeoutError with the sentence after `deadline` seconds."""
    end = time.monotonic() + deadline
    before = cancellations()
    while not await condition():
        end_if_cancelled(before)
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {deadline:g} s")
        await asyncio.sleep(pause)
    end_if_cancelled(before)


class Child:
    """One program with its log file; started, stopped, killed, paused and started again."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = log
        self.env = env
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None or not self.alive:
            raise DemoError(f"{self.name} is not running")
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def spawn(self) -> None:
        """Start the program and return at once."""
        if self.alive:
            raise DemoError(f"{self.name} is already running as process {self.pid}")
        argv = [str(part) for part in self.argv]
        if sys.platform == "linux":
            argv = [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *argv]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=None if self.env is None else {**os.environ, **self.env},
                # A Ctrl-C is ours: we end our programs in order.
                start_new_session=True,
            )

    def send(self, signum: signal.Signals) -> None:
        os.kill(self.pid, signum)

    def pause(self) -> None:
        """Freeze it: its sockets stay open and nothing answers."""
        self.send(signal.SIGSTOP)
        if hasattr(os, "waitid"):  # threads that run on other processors stop a moment later
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    async def stop(self, deadline: float = 30) -> None:
        """Ask it to end, and wait until it has."""
        if self.alive:
            self.send(signal.SIGTERM)
        await self.ended(deadline)

    async def kill(self) -> None:
        """End it without warning, frozen or not."""
        if self.alive:
            self.send(signal.SIGKILL)
        await self.ended(10)

    async def ended(self, deadline: float) -> None:
        async def is_over() -> bool:
            return not self.alive

        await until(f"the end of {self.name}", is_over, deadline)

    def kill_now(self) -> None:
        """Kill it in a clean-up that cannot await."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
