"""The figures as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.measure import median

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.health import Latency
    from bench.load import Size
    from bench.measure import Series

NOTHING = "–"
COLUMNS = (
    "",
    "version",
    "wall",
    "wall, gzip",
    "CPU",
    "CPU, gzip",
    "nats-server's CPU",
    "peak resident",
    "samples",
    "size",
    "size, gzip",
    "first scrape",
    "its peak",
)


def seconds(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.0f} ms"


def megabytes(value: float | None) -> str:
    return NOTHING if value is None else f"{value / 1e6:.1f} MB"


def mebibytes(value: float | None) -> str:
    return NOTHING if value is None else f"{value / 2**20:.0f} MiB"


def count(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def series_row(series: Series) -> list[str]:
    return [
        series.compared.name,
        series.compared.version,
        seconds(median(series.plain, lambda one: one.wall)),
        seconds(median(series.gzip, lambda one: one.wall)),
        seconds(median(series.plain, lambda one: one.cpu)),
        seconds(median(series.gzip, lambda one: one.cpu)),
        seconds(median(series.plain, lambda one: one.server_cpu)),
        mebibytes(series.peak),
        count(series.samples),
        megabytes(median(series.plain, lambda one: one.size)),
        megabytes(median(series.gzip, lambda one: one.size)),
        seconds(series.first),
        mebibytes(series.first_peak),
    ]


def contest(all_series: Sequence[Series]) -> str:
    return markdown(COLUMNS, map(series_row, all_series))


def ratios(ours: Series, others: Iterable[Series]) -> str:
    """How many times more the others take, where they can be compared."""
    header = ("compared with us", "wall", "wall, gzip", "CPU", "nats-server's CPU", "peak resident")
    rows = []
    for other in others:
        figures = zip(_figures(other), _figures(ours), strict=True)
        rows.append([other.compared.name, *(times(theirs, own) for theirs, own in figures)])
    return markdown(header, rows)


def _figures(series: Series) -> list[float | None]:
    return [
        median(series.plain, lambda one: one.wall),
        median(series.gzip, lambda one: one.wall),
        median(series.plain, lambda one: one.cpu),
        median(series.plain, lambda one: one.server_cpu),
        series.peak,
    ]


def times(value: float | None, by: float | None) -> str:
    return f"× {value / by:.1f}" if value is not None and by else NOTHING


def growth(by_size: Mapping[Size, Series]) -> str:
    """Each size against the one before it."""
    header = (
        "load",
        "consumers",
        "wall",
        "CPU",
        "peak resident",
        "consumers",
        "wall",
        "CPU",
        "peak",
    )
    rows = []
    before: tuple[Size, Series] | None = None
    for size, series in by_size.items():
        own = [float(size.consumers), *_wall_cpu_peak(series)]
        than = [None] * 4 if before is None else [before[0].consumers, *_wall_cpu_peak(before[1])]
        wall, cpu, peak = own[1:]
        grown = (times(new, old) for new, old in zip(own, than, strict=True))
        rows.append(
            [str(size), count(size.consumers), seconds(wall), seconds(cpu), mebibytes(peak), *grown]
        )
        before = size, series
    return markdown(header, rows)


def _wall_cpu_peak(series: Series) -> list[float | None]:
    wall = median(series.plain, lambda one: one.wall)
    return [wall, median(series.plain, lambda one: one.cpu), series.peak]


def health(by_size: Mapping[Size, Latency]) -> str:
    header = ("load", "consumers", "median", "worst", "asked")
    rows = (
        [
            str(size),
            count(size.consumers),
            f"{latency.median * 1000:.1f} ms",
            f"{latency.worst * 1000:.1f} ms",
            count(latency.asked),
        ]
        for size, latency in by_size.items()
    )
    return markdown(header, rows)
