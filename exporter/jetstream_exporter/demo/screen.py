"""Where the demo speaks: redrawn in place on a terminal, plain lines in a pipe or a file."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import shutil
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from jetstream_exporter.runtime.cancel import end_if_cancelled
from jetstream_exporter.runtime.terminal import one_line, painted, takes_colour, takes_sequences

UP_AND_CLEAR = "\x1b[{}F\x1b[J"
EVENTS = 8
COLOURS = {"DOWN": "31", "critical ": "31", "warning ": "33", "no open incident": "32"}
# These say something for every single message: too much to read along, all of it is in the log.
BUSY = ("publisher", "settle")


class Screen:
    """Once nobody reads any more (`demo | head`, a terminal that was closed) it is silent and calls `on_gone`, once."""

    def __init__(self, out: TextIO) -> None:
        self.is_terminal = takes_sequences(out)
        self._colour = takes_colour(out)
        self.on_gone: Callable[[], object] | None = None
        self._is_gone = False
        self._out = out
        self._drawn = 0
        self._events: deque[str] = deque(maxlen=EVENTS)

    def say(self, *lines: str) -> None:
        """Lines that stay."""
        self._erase()
        self._write(lines)

    def show(self, lines: Sequence[str]) -> None:
        """The present figures; on a terminal they replace those before, with the last events."""
        if not self.is_terminal:
            self._write([*lines, ""])
            return
        width, height = shutil.get_terminal_size()
        block = [line[: width - 1] for line in (*lines, "", *self._events)]
        del block[height - 1 :]  # what scrolled away could not be redrawn
        self._erase()
        self._write(block)
        self._drawn = len(block)

    async def keep_showing(
        self,
        look: Callable[[], Awaitable[Sequence[str]]],
        interval: float | None,
        duration: float | None,
    ) -> None:
        """Show what `look` gives again and again, until so many seconds are over; None is without end."""
        pause = interval or (1.0 if self.is_terminal else 5.0)
        end = time.monotonic() + (duration or math.inf)
        while (left := end - time.monotonic()) > 0:
            self.show(await look())
            end_if_cancelled()
            await asyncio.sleep(min(pause, left))

    def happened(self, event: str) -> None:
        """Something to know; on a terminal it is drawn with the next figures."""
        self._events.append(event)
        if not self.is_terminal:
            self._write([event])

    def _erase(self) -> None:
        if self._drawn:
            self._put(UP_AND_CLEAR.format(self._drawn))
            self._drawn = 0

    def _write(self, lines: Sequence[str]) -> None:
        self._put("".join(f"{self._painted(one_line(line))}\n" for line in lines))

    def _painted(self, line: str) -> str:
        """What is wrong in red, what may be in yellow; the words say it too."""
        if not self._colour:
            return line
        colour = next((code for word, code in COLOURS.items() if word in line), None)
        return painted(line, colour) if colour else line

    def _put(self, text: str) -> None:
        if self._is_gone:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:  # a broken pipe, or the input/output error of a closed terminal
            self._is_gone = True
            silence(self._out)
            if self.on_gone is not None:
                self.on_gone()


def silence(out: TextIO) -> None:
    """Let what is buffered for a reader who is gone go nowhere: the interpreter flushes it once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)


class Events(logging.Handler):
    """Hands the workload's rarer log lines to the screen."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(logging.INFO)
        self._screen = screen
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))

    def filter(self, record: logging.LogRecord) -> bool:
        is_busy = record.name.rpartition(".")[2] in BUSY
        return record.levelno >= logging.WARNING or not is_busy

    def emit(self, record: logging.LogRecord) -> None:
        # Without the traceback, which is in the log file.
        self._screen.happened(self.format(record).partition("\n")[0])


@contextmanager
def logging_to(file: Path, screen: Screen) -> Iterator[None]:
    """The workload's log: everything to the file, what is rarer also to the screen."""
    log = logging.getLogger("jetstream_exporter.demo.orders")
    everything = logging.FileHandler(file)
    everything.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handlers = (everything, Events(screen))
    log.setLevel(logging.INFO)
    log.propagate = False
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()
