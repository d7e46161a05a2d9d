"""What scrapes of one contestant by a real Prometheus cost them both, as rows of two tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench import table
from bench.prometheus import Plan
from bench.scrape_count import Count

DAY = 86400
SCRAPES = (
    "",
    "targets",
    "scrapes",
    "missed",
    "longest",
    "samples of all targets",
    "size",
    "size, gzip",
    "its CPU",
    "its peak resident",
    "largest process",
)
COSTS = (
    "Prometheus beside",
    "series",
    "samples written",
    "CPU",
    "of a core",
    "peak resident",
    "of a series",
    "WAL and head on disk",
    "of a sample in a block",
    "samples of a day in blocks",
)


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds and peak bytes, from the start of Prometheus to the end of the time."""

    seconds: float
    cpu: float
    peak: int
    own_cpu: float
    own_peaks: Sequence[int]
    replay_cpu: float


@dataclass(frozen=True, slots=True)
class Stored:
    """What Prometheus has of it; bytes."""

    series: int
    samples: int
    refused: int  # samples that it did not take
    wal: int
    a_sample: float | None  # in a block, without its index; None: no block was made


@dataclass(frozen=True, slots=True)
class Paid:
    """One contestant's turn. Samples and bytes are those of one scrape of all targets."""

    name: str
    clusters: int
    plan: Plan
    targets: int
    scrapes: Count
    longest: float
    samples: int
    fewest: int
    body: int
    gzip: int
    used: Used
    stored: Stored

    def scrape_rows(self, clusters: int) -> list[list[str]]:
        return [self._scrapes(*each) for each in self._factors(clusters)]

    def cost_rows(self, clusters: int) -> list[list[str]]:
        return [self._costs(*each) for each in self._factors(clusters)]

    def _factors(self, clusters: int) -> list[tuple[str, float]]:
        """The measured row, and that of all clusters if not all of them were run."""
        if clusters == self.clusters:
            return [(self.name, 1.0)]
        factor = clusters / self.clusters
        return [(self.name, 1.0), (f"… {clusters} clusters: × {factor:g}", factor)]

    def _scrapes(self, name: str, factor: float) -> list[str]:
        measured = factor == 1
        return [
            name,
            f"{self.targets * factor:,.0f}",
            f"{self.scrapes.made:,} of {self.scrapes.due:,}" if measured else table.NOTHING,
            f"{self.scrapes.missed:,}" if measured else table.NOTHING,
            table.seconds(self.longest),
            f"{self.samples * factor:,.0f}",
            table.megabytes(self.body * factor),
            table.megabytes(self.gzip * factor),
            table.seconds(self.used.own_cpu * factor),
            table.mebibytes(sum(self.used.own_peaks) * factor),
            table.mebibytes(max(self.used.own_peaks)),
        ]

    def _costs(self, name: str, factor: float) -> list[str]:
        a_sample, used = self.stored.a_sample, self.used
        a_day = self.samples * factor / self.plan.interval * DAY * (a_sample or 0)
        return [
            name,
            f"{self.stored.series * factor:,.0f}",
            f"{self.stored.samples * factor:,.0f}",
            table.seconds(used.cpu * factor),
            f"{used.cpu / used.seconds * factor:.0%}",
            table.mebibytes(used.peak * factor),
            f"{used.peak / max(self.stored.series, 1) / 1024:.1f} KiB",
            table.megabytes(self.stored.wal * factor),
            table.NOTHING if a_sample is None else f"{a_sample:.2f} B",
            table.NOTHING if a_sample is None else f"{a_day / 1e9:.1f} GB",
        ]

    def notes(self) -> list[str]:
        """What a reader has to know of this turn, a sentence each."""
        found = []
        if self.fewest < 0.9 * self.samples:
            found.append(
                f"**{self.name} was incomplete at times**: its poorest scrapes had {self.fewest:,} samples."
            )
        if self.stored.refused:
            found.append(f"**Prometheus refused {self.stored.refused:,} samples of {self.name}.**")
        return found
