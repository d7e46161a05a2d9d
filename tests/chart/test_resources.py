"""The memory that the chart asks for, held against what was measured (bench/results)."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from tests.support import chart

FOLDER = chart.ROOT / "bench/results"
# The newest of each kind: of one server, and of three that report everything.
RESULTS = (max(FOLDER.glob("2*.md")), max(FOLDER.glob("scale-*.md")))
UNITS = {"Mi": 1, "Gi": 1024}


def measured(file: Path) -> Iterator[tuple[int, int]]:
    """Consumers and peak in MiB, of every table of scrapes."""
    for part in file.read_text().split("\n## ")[1:]:
        load = re.match(r"([\d,]+) consumers", part)
        rows = re.findall(r"^\| jetstream-exporter(?:, \d+ slices)? \|.*$", part, re.MULTILINE)
        peaks = [int(each) for row in rows for each in re.findall(r"(\d+) MiB", row)]
        if load and peaks:
            yield int(load[1].replace(",", "")), max(peaks)


# The larger peak of the two files, for each number of consumers.
MEASURED = sorted(dict(sorted(chain.from_iterable(map(measured, RESULTS)))).items())


def memory(config: dict[str, Any] | None = None, **resources: Any) -> dict[str, int | None]:
    values = {"config": config or {}, "resources": resources}
    found = chart.container(values)["resources"]
    return {kind: mebibytes(found[kind].get("memory")) for kind in ("requests", "limits")}


def mebibytes(text: str | None) -> int | None:
    return None if text is None else int(text[:-2]) * UNITS[text[-2:]]


def test_there_are_measurements_of_more_than_one_size() -> None:
    assert {consumers for consumers, _ in MEASURED} >= {20_000, 100_000}


@pytest.mark.parametrize(("consumers", "peak"), MEASURED)
def test_the_request_covers_the_measured_peak_and_the_limit_leaves_room(
    consumers: int, peak: int
) -> None:
    asked = memory({"limits": {"consumers": consumers}})
    requests, limits = asked["requests"], asked["limits"]
    assert requests is not None
    assert limits is not None

    assert peak <= requests <= 1.5 * peak + 64
    assert 1.3 * peak <= limits <= 2.5 * peak + 64


def test_without_a_budget_it_is_that_of_the_exporters_default() -> None:
    assert memory() == memory({"limits": {"consumers": 50_000}}) == {"requests": 637, "limits": 955}


@pytest.mark.parametrize("limits", [{}, {"streams": 5}])
def test_a_budget_that_is_none_counts_as_the_default(limits: Any) -> None:
    assert memory({"limits": limits}) == memory()


def test_what_you_set_stays_and_null_means_none() -> None:
    assert memory(limits={"memory": "2Gi"}) == {"requests": 637, "limits": 2048}
    assert memory(limits={"memory": None}) == {"requests": 637, "limits": None}
    assert memory(requests={"memory": "1Gi"}, limits={"memory": None}) == {
        "requests": 1024,
        "limits": None,
    }


def test_values_yaml_names_the_figures_that_the_formula_gives() -> None:
    comment = (chart.CHART / "values.yaml").read_text().replace("\n# ", " ")

    for consumers, words in (
        (20_000, "314 and 471 MiB"),
        (50_000, "637 and 955 MiB"),
        (100_000, "1174 and 1761 MiB"),
    ):
        asked = memory({"limits": {"consumers": consumers}})
        assert words == f"{asked['requests']} and {asked['limits']} MiB"
        assert words in comment
