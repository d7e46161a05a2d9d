"""What a small cluster looks like at /metrics, as it is committed."""

import re
import subprocess
from collections import Counter
from itertools import combinations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from scripts.metrics_reference import REFERENCE
from tests.support.golden import FILES, FOLDER, METADATA_KEYS, everything_seen, exposition
from tests.support.tools import tool

from jetstream_exporter.metrics import TABLES, tables

UPDATE = "run `python -m tests.support.golden --update` and look at the difference"


@pytest.mark.parametrize("name", FILES)
def test_the_exposition_is_the_committed_one(name: str) -> None:
    expected = (FOLDER / name).read_text(encoding="utf-8")
    assert expected == exposition(openmetrics=FILES[name]), UPDATE


def families(text: str) -> dict[str, str]:
    """Each family's type, by its name."""
    lines = [line.split() for line in text.splitlines()]
    return {line[2]: line[3] for line in lines if line[:2] == ["#", "TYPE"]}


def test_it_shows_every_family_and_no_other() -> None:
    wanted = {family.name: family.type for table in TABLES for family in table.families}
    shown = families((FOLDER / "small-cluster.txt").read_text(encoding="utf-8"))
    missing = sorted(wanted.keys() - shown.keys())
    assert missing == [], "tests/support/everything.py needs an object that has them"
    assert shown == wanted


def test_it_shows_every_family_of_the_reference() -> None:
    """METRICS.md is what users are promised."""
    named = re.findall(r"^\| `([a-z_]+)` \|", REFERENCE.read_text(encoding="utf-8"), re.M)
    shown = families((FOLDER / "small-cluster.txt").read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(named)


def test_promtool_has_no_objection() -> None:
    checked = subprocess.run(
        [tool("promtool"), "check", "metrics"],
        input=(FOLDER / "small-cluster.txt").read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_openmetrics_ends_and_reads_back() -> None:
    text = (FOLDER / "small-cluster.openmetrics.txt").read_text(encoding="utf-8")
    assert text.endswith("\n# EOF\n")
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"jetstream_consumer_deliveries", "jetstream_consumer_pending_messages"} <= names


def test_every_sample_of_a_family_follows_its_header() -> None:
    """Both formats ask for one group of lines a family."""
    seen: list[str] = []
    for line in exposition(openmetrics=False).splitlines():
        name = line.split()[2] if line.startswith("#") else line.split("{")[0].split()[0]
        if not seen or seen[-1] != name:
            seen.append(name)
    assert len(set(seen)) == len(seen)


def test_tables_that_share_their_labels_have_the_same_rows() -> None:
    """The encoder keeps one text of labels for them: other rows would make it anew for each table, each time."""
    snapshot = everything_seen()
    for one, other in combinations(TABLES, 2):
        if one.labels is other.labels:
            assert list(one.rows(snapshot)) == list(other.rows(snapshot)), (one.name, other.name)


def test_the_samples_of_each_family_are_counted() -> None:
    lines = [line for line in exposition(openmetrics=False).splitlines() if line[0] != "#"]
    own = "jetstream_exporter_samples{family="
    said = dict(re.findall(rf'{own}"(\w+)"}} (\d+)', "\n".join(lines)))
    names = {family.name for table in tables(METADATA_KEYS) for family in table.families}
    counts = Counter(_family(line, names) for line in lines if not line.startswith(own))
    assert {name: int(count) for name, count in said.items()} == counts


def _family(line: str, names: set[str]) -> str:
    name = re.split("[{ ]", line, maxsplit=1)[0]
    return name if name in names else name.rpartition("_")[0]
