"""Numbers as Prometheus' templates write them: `humanize` and its kin, to four significant digits."""

import math
from collections.abc import Callable, Mapping

LARGE = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
SMALL = ("", "m", "u", "n", "p", "f", "a", "z", "y")
SPANS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
BINARY = ("", "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")


def four_digits(value: float) -> str:
    """Go's `%.4g`."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else f"{value:.4g}"


def humanize(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return four_digits(value)
    return _with_prefix(value, LARGE, 1000) if abs(value) >= 1 else _small(value)


def _with_prefix(value: float, prefixes: tuple[str, ...], step: int) -> str:
    value, prefix = _scaled(value, prefixes, step)
    return four_digits(value) + prefix


def _scaled(value: float, prefixes: tuple[str, ...], step: int) -> tuple[float, str]:
    """The value in the largest unit of which it has one, or the largest there is, and the unit's prefix."""
    place = 0
    while abs(value) >= step and place < len(prefixes) - 1:
        value /= step
        place += 1
    return value, prefixes[place]


def _small(value: float) -> str:
    place = 0
    while abs(value) < 1 and place < len(SMALL) - 1:
        value *= 1000
        place += 1
    return four_digits(value) + SMALL[place]


def humanize1024(value: float) -> str:
    if abs(value) <= 1 or not math.isfinite(value):
        return four_digits(value)
    return _with_prefix(value, BINARY, 1024)


def percentage(value: float) -> str:
    return f"{four_digits(value * 100)}%"


def duration(value: float) -> str:
    """`1h 2m 3s`, and seconds with an SI prefix below one."""
    if not math.isfinite(value):
        return four_digits(value)
    if abs(value) < 1:
        return "0s" if value == 0 else f"{_small(value)}s"
    sign, value = ("-", -value) if value < 0 else ("", value)
    if value < 60:
        return f"{sign}{four_digits(value)}s"
    minutes, seconds = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    return f"{sign}{minutes}m {seconds}s"


def integer(value: float) -> str:
    return f"{value:.0f}"


FORMATS: Mapping[str, Callable[[float], str]] = {
    "humanize": humanize,
    "humanize1024": humanize1024,
    "humanizePercentage": percentage,
    "humanizeDuration": duration,
    "integer": integer,
}


def span(seconds: float) -> str:
    """A length of time in words, in its largest unit: `3 minutes`."""
    for length, word in SPANS:
        if seconds >= length:
            count = int(seconds // length)
            return f"{count:,} {word}" + ("" if count == 1 else "s")
    return "less than a second"


def short_span(seconds: float) -> str:
    """The same in at most four characters where it is below a thousand days: `3m`."""
    for length, word in SPANS:
        if seconds >= length:
            return f"{int(seconds // length)}{word[0]}"
    return "0s"


def size(value: float) -> str:
    """Bytes with a binary prefix: `1.5 GiB`."""
    if abs(value) < 1024:
        return f"{value:.0f} B"
    value, prefix = _scaled(value, BINARY, 1024)
    return f"{value:.3g} {prefix.replace('k', 'K')}B"
