"""Reads a request's headers: the format (Accept), the encoding (Accept-Encoding) and Prometheus' scrape timeout."""

import math
from collections.abc import Iterator, Mapping
from typing import Protocol

from jetstream_exporter.scrape.budget import own_time

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"

# Type, subtype and version, as exposition writes them.
OPENMETRICS = ("application", "openmetrics-text", "1.0.0")
TEXT = ("text", "plain", "0.0.4")

Entry = tuple[str, Mapping[str, str]]  # what is accepted, and its parameters


class Headers(Protocol):
    """Those of aiohttp."""

    def getall(self, key: str, default: list[str]) -> list[str]: ...


class BadTimeoutError(ValueError):
    """The scrape timeout header is not a positive number."""


def whole(headers: Headers, name: str) -> str:
    """A header that may be sent in several lines, as one; empty if there is none."""
    return ", ".join(headers.getall(name, []))


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics 1.0 has a higher q-value than the classic text format, which wins a tie."""
    entries = list(_entries(accept))
    return _acceptance(entries, *OPENMETRICS) > _acceptance(entries, *TEXT)


def _acceptance(entries: list[Entry], kind: str, subtype: str, version: str) -> float:
    """The q-value of a format; of several ranges that hold it the narrowest counts (RFC 9110, 12.5.1)."""
    for media in (f"{kind}/{subtype}", f"{kind}/*", "*/*"):
        qualities = [
            _quality(parameters)
            for name, parameters in entries
            if name == media and parameters.get("version", version) == version
        ]
        if qualities:
            return max(qualities)
    return 0.0


def wants_gzip(accept_encoding: str) -> bool:
    """Whether gzip is accepted, with a q-value not below that of no compression."""
    named = {coding: _quality(parameters) for coding, parameters in _entries(accept_encoding)}
    gzip = named.get("gzip", named.get("x-gzip", named.get("*", 0.0)))
    return gzip > 0 and gzip >= named.get("identity", 0.0)


def scrape_timeout(header: str | None, default: float) -> float:
    """Seconds that a scrape may take. BadTimeoutError for what is not a positive number."""
    if header is None:
        return default
    try:
        seconds = float(header)
    except ValueError:
        raise BadTimeoutError(header) from None
    is_number = header.isascii() and "_" not in header  # Python reads more than others write
    if not math.isfinite(seconds) or seconds <= 0 or not is_number:
        raise BadTimeoutError(header)
    return own_time(seconds)


def _entries(header: str) -> Iterator[Entry]:
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
