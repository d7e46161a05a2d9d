"""A shell on a terminal of its own, as a person would paste into: prompts are answered."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass

QUESTION = b"(y/N)"
WHERE_IS_THE_CURSOR = b"\x1b[6n"
AT_THE_START = b"\x1b[1;1R"


@dataclass(frozen=True, slots=True)
class Session:
    code: int | None  # None: it still ran when the time was over, and was ended
    said: str


def paste(
    script: str, environment: Mapping[str, str], seconds: float = 60, answer: bytes = b"y\r"
) -> Session:
    """Run the script in bash on a new terminal; say `answer` to each question.

    The shell ends with the first command that fails, so the code is 0 where all went well.
    """
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=dict(environment),
        start_new_session=True,
    )
    os.close(theirs)
    try:
        said = _converse(ours, child, time.monotonic() + seconds, answer)
        ended = child.poll() is not None
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # its own session: nobody else's processes
        code = child.wait()
        os.close(ours)
    return Session(code if ended else None, said.decode(errors="replace"))


def _converse(terminal: int, child: subprocess.Popen[bytes], end: float, answer: bytes) -> bytes:
    """Read until the shell is gone or the time is over.

    A prompt asks where the cursor is before it reads, twice, and takes what comes in between for
    that answer. So each of its requests is answered, and the question only once it asks no more.
    """
    said, told, answered = b"", 0, 0
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # all who had the terminal are gone
                break
            said += chunk
        elif said.count(QUESTION) > answered:
            answered = said.count(QUESTION)
            os.write(terminal, answer)
        elif child.poll() is not None:
            break
        while said.count(WHERE_IS_THE_CURSOR) > told:
            told += 1
            os.write(terminal, AT_THE_START)
    child.poll()
    if child.returncode is None and time.monotonic() < end:
        child.wait(5)
    return said
