"""What a check is and what it finds. A check reads facts, which somebody else gathered."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Facts = TypeVar("Facts")


class Severity(enum.IntEnum):
    """info: know it. warning: redundancy or protection is missing. error: it fails, or will."""

    INFO = 0
    WARNING = 1
    ERROR = 2

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Seen:
    """One object that does not pass, with what was seen there.

    A check that can find several things says of each why it matters and what to do; empty means the check's own text.
    """

    object: str
    what: str
    severity: Severity | None = None  # None: the check's own
    file: str = ""
    why: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Check(Generic[Facts]):
    name: str
    severity: Severity
    title: str
    why: str
    advice: str
    find: Callable[[Facts], Iterable[Seen]]


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    severity: Severity
    object: str
    seen: str
    why: str
    advice: str
    file: str = ""


def judge(checks: Iterable[Check[Facts]], facts: Facts) -> list[Finding]:
    return [
        Finding(
            check.name,
            check.severity if seen.severity is None else seen.severity,
            seen.object,
            seen.what,
            seen.why or check.why,
            seen.advice or check.advice,
            seen.file,
        )
        for check in checks
        for seen in check.find(facts)
    ]


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, those with one reason together; the order of equal ones is always the same."""
    return sorted(
        findings,
        key=lambda f: (-f.severity, f.check, f.why, f.advice, f.file, f.object, f.seen),
    )
