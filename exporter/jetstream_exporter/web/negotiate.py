"""What a request asks for: the format by Accept, the encoding by Accept-Encoding, the time by Prometheus' header."""

import math
from collections.abc import Iterator, Mapping

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
MARGIN = 0.5  # seconds of Prometheus' timeout that the way there and back may take
LONGEST = 120.0  # seconds; others share the scrape, and one frozen server would hold them all


class BadTimeoutError(ValueError):
    """The scrape timeout header is nonsense."""


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics 1.0 is preferred to the classic text by q-value; on a tie the text wins."""
    openmetrics = text = wildcard = 0.0
    for media, parameters in _entries(accept):
        quality = _quality(parameters)
        if media == "application/openmetrics-text":
            if parameters.get("version", "1.0.0") == "1.0.0":
                openmetrics = max(openmetrics, quality)
        elif media == "text/plain":
            if parameters.get("version", "0.0.4") == "0.0.4":
                text = max(text, quality)
        elif media in ("*/*", "text/*"):
            wildcard = max(wildcard, quality)
    return openmetrics > max(text, wildcard)


def wants_gzip(accept_encoding: str) -> bool:
    """Whether gzip may be sent."""
    named = {coding: _quality(parameters) for coding, parameters in _entries(accept_encoding)}
    return named.get("gzip", named.get("x-gzip", named.get("*", 0.0))) > 0


def scrape_timeout(header: str | None, default: float) -> float:
    """Seconds that a scrape may take. BadTimeoutError for what is not a positive number."""
    if header is None:
        return default
    try:
        seconds = float(header)
    except ValueError:
        raise BadTimeoutError(header) from None
    if not math.isfinite(seconds) or seconds <= 0 or not header.isascii():
        raise BadTimeoutError(header)
    seconds = min(seconds, LONGEST)
    return seconds - MARGIN if seconds > 2 * MARGIN else seconds / 2


def _entries(header: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for entry in header.lower().split(","):
        value, *pairs = (part.strip() for part in entry.split(";"))
        parameters = {}
        for pair in pairs:
            name, _, text = pair.partition("=")
            parameters[name.strip()] = text.strip().strip('"')
        if value:
            yield value, parameters


def _quality(parameters: Mapping[str, str]) -> float:
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
