"""How a soak is judged: what is flat passes, what grows does not, whatever it is."""

import dataclasses
from collections.abc import Callable

import pytest
from bench.soak_judge import Sample, flat, page

MIB = 2**20


def sample(number: int, **changes: float) -> Sample:
    plain = Sample(
        seconds=5.0 * number,
        memory=60 * MIB,
        threads=5,
        descriptors=40,
        tasks=50,
        blocks=500_000,
        heap=30 * MIB,
        log_bytes=1000 * number,
        scrapes=2 * number,
        failed=0,
        faults=0,
        reloads=0,
        churned=0,
        events=0,
        neighbours=0,
    )
    return dataclasses.replace(plain, **changes)


def growing(**growth: Callable[[int], float]) -> list[str]:
    """What is said to grow of 60 samples."""
    samples = [sample(n, **{name: grow(n) for name, grow in growth.items()}) for n in range(60)]
    return [each.name for each in flat(samples) if not each.holds]


def test_what_stays_is_flat() -> None:
    assert growing() == []


def test_a_warm_up_and_single_peaks_are_no_growth() -> None:
    assert growing(memory=lambda n: (60 if n > 5 else 40) * MIB) == []
    assert growing(descriptors=lambda n: 400 if n % 7 == 0 else 40) == []


@pytest.mark.parametrize(
    ("name", "grow", "said"),
    [
        ("memory", lambda n: (60 + n) * MIB, "memory in MiB"),
        ("blocks", lambda n: 500_000 + 3_000 * n, "blocks of Python's memory in use"),
        ("heap", lambda n: (30 + n) * MIB, "the C library's memory in use in MiB"),
        ("threads", lambda n: 5 + n // 4, "threads"),
        ("descriptors", lambda n: 40 + 2 * n, "descriptors"),
        ("tasks", lambda n: 50 + 2 * n, "tasks"),
        ("log_bytes", lambda n: 1000 * n * n, "log in KiB/s"),
    ],
)
def test_what_grows_is_named(name: str, grow: Callable[[int], float], said: str) -> None:
    assert growing(**{name: grow}) == [said]


def test_the_page_names_what_was_done_and_what_came_of_it() -> None:
    samples = [sample(n, faults=n, failed=0) for n in range(60)]
    text = page(samples, flat(samples), "2026-01-01", {"Python": "CPython"})

    assert "4.9 minutes of everything at once" in text
    assert "59 faults of servers" in text
    assert "- Python: CPython" in text
    assert "| memory in MiB | 60.0 | 60.0 | 79.0 | flat |" in text
    assert text.count("| 60.0 MiB | 500,000 | 30.0 MiB | 5 | 40 | 50 |") >= 20
