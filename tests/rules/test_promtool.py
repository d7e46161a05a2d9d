"""Prometheus' own tool loads the rules and judges with them."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.support import fast_yaml
from tests.support.promtool import DEADLINE, judge, name_of, needed, promtool
from tests.support.rules import PROMTOOL_FILES, RULE_FILES

pytestmark = pytest.mark.timeout(DEADLINE + 20)


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_prometheus_loads_the_file(path: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("path", PROMTOOL_FILES, ids=lambda path: path.name)
def test_prometheus_judges_as_the_named_cases_say(path: Path, tmp_path: Path) -> None:
    tests = read(path)
    groups = [g for name in tests["rule_files"] for g in read(path.parent / name)["groups"]]
    judge(groups, tests, tmp_path)


def read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = fast_yaml.load(path.read_text())
    return loaded


def test_with_a_rule_come_those_that_it_reads_and_no_others() -> None:
    def rule(name: str, expr: str, **labels: str) -> dict[str, Any]:
        return {"record" if ":" in name else "alert": name, "expr": expr, "labels": labels}

    groups = [
        {"name": "one", "rules": [rule("a:b", "x"), rule("a:c", "a:b > 1"), rule("a:d", "y")]},
        {"name": "two", "rules": [rule("Other", "a:d"), rule("Read", "z")]},
        {
            "name": "three",
            "rules": [rule("Asked", 'ALERTS{alertname="Read"}', team='{{ query "a:c" }}')],
        },
    ]
    found = [[name_of(each) for each in g["rules"]] for g in needed(groups, frozenset({"Asked"}))]
    assert found == [["a:b", "a:c"], ["Read"], ["Asked"]]


def test_one_file_is_judged_whole_as_a_reader_would_do_it() -> None:
    (quickest,) = (path for path in PROMTOOL_FILES if path.name == "meta.yaml")
    assert "SUCCESS" in promtool("test", "rules", quickest)


@pytest.mark.parametrize("path", PROMTOOL_FILES, ids=lambda path: path.name)
def test_what_several_cases_expect_is_written_once(path: Path) -> None:
    """The others refer to it with a YAML alias."""
    lines = (line.strip().removeprefix("- ") for line in path.read_text().splitlines())
    said = Counter(line for line in lines if line.startswith("description: "))
    assert [line for line, times in said.items() if times > 1] == []
