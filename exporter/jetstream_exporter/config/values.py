"""Durations, sizes and patterns as a file writes them."""

import re
from typing import Any

SHOWN = 80  # characters of a wrong value that a sentence repeats
_DURATION = re.compile(
    r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?", re.ASCII
)
_SIZE = re.compile(r"(\d+)\s*(B|KB|MB|GB|KiB|MiB|GiB)?", re.ASCII)
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Duration(float):
    """Seconds, written as Prometheus writes durations: 30s, 5m, 1h30m."""


class Size(int):
    """Bytes, written plainly or with a unit: 1048576, 64KiB, 256MiB."""


class Pattern(str):
    """A regular expression, anchored at both ends as Prometheus anchors its own."""

    __slots__ = ("regex",)
    regex: re.Pattern[str]


def read_value(kind: type, value: Any) -> Any:
    """Read the types that YAML does not have; msgspec adds the path to what is raised here."""
    if kind is Duration:
        return read_duration(value)
    if kind is Size:
        return read_size(value)
    if kind is Pattern:
        return read_pattern(value)
    raise NotImplementedError(kind)


def read_duration(value: Any) -> Duration:
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return Duration(0)
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None or not any(match.groups()):
        raise ValueError(f"{_shown(value)} is not a duration; write it like 30s, 5m or 1h30m")
    days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return Duration(days * 86400 + hours * 3600 + minutes * 60 + seconds + milliseconds / 1000)


def read_size(value: Any) -> Size:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{_shown(value)} is not a size; write it like 1048576, 64KiB or 256MiB")
    return Size(int(match[1]) * _UNITS[match[2] or "B"])


def read_pattern(value: Any) -> Pattern:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not a regular expression; write it as a string")
    try:
        regex = re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{_shown(value)} is not a regular expression: {error}") from None
    pattern = Pattern(value)
    pattern.regex = regex
    return pattern


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
