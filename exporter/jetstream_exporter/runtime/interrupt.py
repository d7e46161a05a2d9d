"""The end by a signal before anything has begun: imports alone take half a second.

This module is imported before all that takes time, and takes none: `_signal` is built in, `signal` is not.
"""

import _signal  # type: ignore[import-not-found,unused-ignore]
import os

INTERRUPTED = 130  # the exit code after Ctrl-C, as a shell calls it
SIGNALS: tuple[int, ...] = tuple(
    getattr(_signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(_signal, name)
)


def end_quietly() -> None:
    """From now on a signal ends the process at once with 0, and without a traceback: nothing was started yet."""
    for number in SIGNALS:
        _signal.signal(number, _end)


def end_by_signal() -> None:
    """From now on Ctrl-C ends the process as an unhandled signal does: without a traceback, and never with 0,

    which would say of an audit or of a check that it found nothing.
    """
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def raise_again() -> None:
    """Undo `end_by_signal`: Ctrl-C raises KeyboardInterrupt from now on."""
    if _signal.getsignal(_signal.SIGINT) == _signal.SIG_DFL:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)


def _end(_number: int, _frame: object) -> None:
    os._exit(0)
