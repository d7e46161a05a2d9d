"""What the server refused to the user of a connection: for error messages, and logged once."""

import re
import time
from collections.abc import Sequence

import structlog

from jetstream_exporter.report import LATE

MOST = 100  # subjects that are remembered
ACK = "$js.ack."  # every message has its own subject below
_DENIED = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"')

log = structlog.get_logger()


class Permissions:
    """The refusals of one target. Subjects are in lower case, since the library's errors are."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._denied: dict[str, str] = {}  # subject: publish or subscription
        self._quiet: set[str] = set()
        self._logged: set[str] = set()  # logged, and not permitted since
        self._last: dict[str, float] = {}  # subject: when it was refused last

    def begin(self) -> None:
        """A new connection: nothing was refused to it yet."""
        self._denied = {}
        self._last = {}

    def note(self, error: Exception) -> tuple[str, str] | None:
        """The operation and the subject that this error of the server refuses; None if it is another error."""
        match = _DENIED.search(str(error).lower())
        if match is None:
            return None
        what, subject = match[1], match[2]
        subject = f"{ACK}>" if subject.startswith(ACK) else subject
        is_new = subject not in self._denied and subject not in self._quiet
        if is_new and len(self._denied) < MOST:
            self._denied[subject] = what
            self._warn(what, subject)
        if subject in self._denied:
            self._last[subject] = time.monotonic()
        return what, subject

    def lately(self, beginnings: Sequence[str], seconds: float) -> str:
        """A subject with one of these prefixes that was refused within so many seconds; empty if there is none."""
        since = time.monotonic() - seconds
        return next(
            (
                s
                for s, last in self._last.items()
                if last > since and s.startswith(tuple(beginnings))
            ),
            "",
        )

    def is_refused(self, subject: str, seconds: float) -> bool:
        """Whether publishing this was refused within so many seconds, on this connection."""
        subject = subject.lower()
        since = time.monotonic() - seconds
        return self._denied.get(subject) == "publish" and self._last[subject] > since

    def _warn(self, what: str, subject: str) -> None:
        if subject in self._logged or len(self._logged) >= MOST:
            return
        self._logged.add(subject)
        log.warning("not permitted", target=self._target, what=what, subject=subject)

    def refused(self) -> set[str]:
        """The subjects that the user may not subscribe to."""
        return {subject for subject, what in self._denied.items() if what == "subscription"}

    def needed(self) -> str:
        """Why a connection failed, if for want of a permission; empty if nothing was refused."""
        needed = sorted(self._denied.keys() - self._quiet)
        return f"the user may not use {', '.join(needed)}" if needed else ""

    def late(self) -> str:
        refused = sorted(self.refused())
        if not refused:
            return LATE
        return f"no answer: the user may not subscribe to {', '.join(refused)}"

    def expect_refusal(self, subject: str) -> None:
        """Do not report it if this is refused: it is asked only to find out."""
        self._quiet.add(subject.lower())

    def expect_no_refusal(self, subject: str) -> None:
        """From now on it is reported again."""
        self._quiet.discard(subject.lower())

    def forgive(self) -> None:
        """Forget which subscriptions were refused: they are tried again."""
        self._denied = {s: what for s, what in self._denied.items() if what != "subscription"}

    def permitted(self, subjects: set[str]) -> None:
        """Note that these were refused before and are permitted now."""
        self._logged -= subjects
        log.info("permitted again", target=self._target, subjects=", ".join(sorted(subjects)))
