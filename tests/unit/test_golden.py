"""What a small cluster looks like at /metrics, as it is committed."""

import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from tests.support.golden import FILES, FOLDER, exposition
from tests.support.tools import tool

UPDATE = "run `python -m tests.support.golden --update` and look at the difference"


@pytest.mark.parametrize("name", FILES)
def test_the_exposition_is_the_committed_one(name: str) -> None:
    expected = (FOLDER / name).read_text(encoding="utf-8")
    assert expected == exposition(openmetrics=FILES[name]), UPDATE


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
