"""Where the demo speaks: redrawn in place on a terminal, plain lines in a pipe or a file."""

from __future__ import annotations

import logging
import shutil
from collections import deque
from collections.abc import Sequence
from typing import TextIO

from jetstream_exporter.terminal import takes_sequences

UP_AND_CLEAR = "\x1b[{}F\x1b[J"
EVENTS = 8
# These say something for every single message: too much to read along, all of it is in the log.
BUSY = ("publisher", "settle")


def plain(line: str) -> str:
    """A stream's name may hold an escape sequence, which must not reach the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


class Screen:
    def __init__(self, out: TextIO) -> None:
        self.is_terminal = takes_sequences(out)
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

    def happened(self, event: str) -> None:
        """Something to know; on a terminal it is drawn with the next figures."""
        self._events.append(event)
        if not self.is_terminal:
            self._write([event])

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(UP_AND_CLEAR.format(self._drawn))
            self._drawn = 0

    def _write(self, lines: Sequence[str]) -> None:
        self._out.write("".join(f"{plain(line)}\n" for line in lines))
        self._out.flush()


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
