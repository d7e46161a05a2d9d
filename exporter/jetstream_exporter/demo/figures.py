"""The figures of each consumer, read where its operator reads them: the exporter's own /metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

COLUMNS = {
    "pending": "jetstream_consumer_pending_messages",
    "ack pending": "jetstream_consumer_ack_pending_messages",
    "redelivered": "jetstream_consumer_redelivered_messages",
    "ack-floor lag": "jetstream_consumer_ack_floor_lag_messages",
}
LAG = "lag s"
OLDEST = "jetstream_consumer_oldest_pending_timestamp_seconds"
TITLES = (*COLUMNS, LAG)
STORED = "jetstream_stream_messages"
SERVER_UP = "nats_server_up"


@dataclass(frozen=True, slots=True)
class ConsumerFigures:
    stream: str
    consumer: str
    values: tuple[float | None, ...]  # in the order of TITLES; None: the exporter gives none


@dataclass(frozen=True, slots=True)
class Figures:
    servers: dict[str, bool]
    streams: dict[str, int]
    consumers: tuple[ConsumerFigures, ...]


def read(exposition: str, now: float) -> Figures:
    """What the exposition says; a value without a leader is absent there and None here.

    `now` is seconds since the epoch: the lag is that of the oldest message not delivered yet, at least.
    """
    families = {family.name: family for family in text_string_to_metric_families(exposition)}
    found: dict[tuple[str, str], dict[str, float]] = {}
    for title, name in COLUMNS.items():
        for labels, value in _samples(families.get(name)):
            found.setdefault((labels["stream"], labels["consumer"]), {})[title] = value
    for values in found.values():
        if values.get("pending") == 0:
            values[LAG] = 0
    for labels, value in _samples(families.get(OLDEST)):
        found.setdefault((labels["stream"], labels["consumer"]), {})[LAG] = max(0, now - value)
    return Figures(
        servers={ls["server"]: value > 0 for ls, value in _samples(families.get(SERVER_UP))},
        streams={ls["stream"]: int(value) for ls, value in _samples(families.get(STORED))},
        consumers=tuple(
            ConsumerFigures(stream, consumer, tuple(map(values.get, TITLES)))
            for (stream, consumer), values in sorted(found.items())
        ),
    )


def _samples(family: Metric | None) -> Iterator[tuple[dict[str, str], float]]:
    for sample in family.samples if family else ():
        yield sample.labels, sample.value


def panel(exposition: str | None, is_terminal: bool) -> list[str]:
    if exposition is None:
        return ["the exporter returned no metrics"]
    found = read(exposition, time.time())
    return table(found) if is_terminal else lines(found)


def table(figures: Figures) -> list[str]:
    """For a terminal: servers, streams, and a row for each consumer."""
    rows = [("consumer", *TITLES)]
    rows += [(row.consumer, *map(_text, row.values)) for row in figures.consumers]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_servers(figures), _streams(figures), "", *(_aligned(row, widths) for row in rows)]


def lines(figures: Figures) -> list[str]:
    """For a pipe: a line for each consumer, every figure with its name."""
    return [f"{_servers(figures)}; {_streams(figures)}", *map(_line, figures.consumers)]


def _line(row: ConsumerFigures) -> str:
    pairs = zip(TITLES, row.values, strict=True)
    named = (f"{title.replace(' ', '_').replace('-', '_')}={_text(v)}" for title, v in pairs)
    return f"{row.stream} {row.consumer} {' '.join(named)}"


def _servers(figures: Figures) -> str:
    up = (f"{name} {'up' if is_up else 'DOWN'}" for name, is_up in sorted(figures.servers.items()))
    return f"servers: {', '.join(up) or 'none known'}"


def _streams(figures: Figures) -> str:
    held = (f"{name} {count} messages" for name, count in sorted(figures.streams.items()))
    return f"streams: {', '.join(held) or 'none with a leader'}"


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _aligned(row: Iterable[str], widths: list[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])
