"""Whether a soak's figures are flat: the last third of it against the first, after a warm-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

MIB = 2**20
HELD = ("tasks", "blocks", "heap")  # what the process says of itself


@dataclass(frozen=True, slots=True)
class Sample:
    """One look; what is counted is counted since the start."""

    seconds: float
    memory: int
    threads: int
    descriptors: int
    tasks: int
    blocks: int  # of memory, that Python has in use
    heap: int  # bytes that the C library has in use; the rest of the process' memory is free
    log_bytes: int
    scrapes: int
    failed: int
    faults: int
    reloads: int
    churned: int
    events: int
    neighbours: int


@dataclass(frozen=True, slots=True)
class Verdict:
    name: str
    first: float
    last: float
    allowed: float

    @property
    def holds(self) -> bool:
        return self.last <= self.allowed

    def __str__(self) -> str:
        word = "flat" if self.holds else "GROWS"
        return (
            f"{self.name} {word} ({self.first:.4g} to {self.last:.4g}, at most {self.allowed:.4g})"
        )


def flat(samples: Sequence[Sample]) -> list[Verdict]:
    """Medians of the thirds after the first fifth, in which caches fill and the allocator settles."""
    warm = samples[len(samples) // 5 :]
    third = max(2, len(warm) // 3)
    first, last = warm[:third], warm[-third:]

    def verdict(name: str, value: Callable[[Sample], float], share: float, more: float) -> Verdict:
        before, after = median(map(value, first)), median(map(value, last))
        return Verdict(name, before, after, before * share + more)

    return [
        verdict("memory in MiB", lambda s: s.memory / MIB, 1.15, 10),
        verdict("blocks of Python's memory in use", lambda s: s.blocks, 1.1, 20_000),
        verdict("the C library's memory in use in MiB", lambda s: s.heap / MIB, 1.15, 5),
        verdict("threads", lambda s: s.threads, 1.0, 4),
        verdict("descriptors", lambda s: s.descriptors, 1.25, 15),
        verdict("tasks", lambda s: s.tasks, 1.25, 15),
        _log_rate(first, last),
    ]


def _log_rate(first: Sequence[Sample], last: Sequence[Sample]) -> Verdict:
    def rate(part: Sequence[Sample]) -> float:
        seconds = part[-1].seconds - part[0].seconds
        return (part[-1].log_bytes - part[0].log_bytes) / 1024 / seconds if seconds else 0.0

    return Verdict("log in KiB/s", rate(first), rate(last), rate(first) * 2 + 1)


def page(
    samples: Sequence[Sample], verdicts: Sequence[Verdict], today: str, facts: Mapping[str, str]
) -> str:
    end = samples[-1]
    lines = [
        f"# A soak on {today}",
        "",
        f"{end.seconds / 60:.1f} minutes of everything at once (bench/soak.py): {end.scrapes} scrapes ({end.failed} "
        f"without 200), {end.faults} faults of servers, {end.reloads} reloads, {end.churned:,} streams and consumers "
        f"that came and went, {end.events:,} hostile events, {end.neighbours:,} hostile connections.",
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
        "",
        "| figure | first third | last third | allowed | |",
        "| --- | ---: | ---: | ---: | --- |",
        *(
            f"| {v.name} | {v.first:.1f} | {v.last:.1f} | {v.allowed:.1f} | {'flat' if v.holds else '**grows**'} |"
            for v in verdicts
        ),
        "",
        "| after | memory | Python's blocks | C in use | threads | descriptors | tasks | log | scrapes | failed |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(row(sample) for sample in samples[:: max(1, len(samples) // 20)]),
    ]
    return "\n".join(lines) + "\n"


def row(s: Sample) -> str:
    held = f"{s.memory / MIB:.1f} MiB | {s.blocks:,} | {s.heap / MIB:.1f} MiB"
    counts = f"{s.threads} | {s.descriptors} | {s.tasks}"
    rest = f"{s.log_bytes / 1024:.0f} KiB | {s.scrapes} | {s.failed}"
    return f"| {s.seconds:.0f} s | {held} | {counts} | {rest} |"
