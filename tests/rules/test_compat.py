"""The rules that give other exporters' series: made of the table, loaded by Prometheus, with the right labels."""

import re
from pathlib import Path

import pytest
from rules.src import compat, shadow
from rules.src.config import Config
from rules.src.model import Alert, RuleFile
from rules.src.render import expression
from rules.src.yaml_text import rule_file
from tests.support import fast_yaml, promql
from tests.support.each import each
from tests.support.promtool import promtool
from tests.support.rules import RULES

from jetstream_exporter.metrics import TABLES
from jetstream_exporter.migrate import pne, surveyor
from jetstream_exporter.migrate.names import names

OURS = {family.name: set(table.labels) for table in TABLES for family in table.families}
CASES = sorted((Path(__file__).parent / "compat").glob("*.yaml"))
EVERY = (*compat.FILES, *shadow.FILES)
by_any_file = pytest.mark.parametrize("file", EVERY, ids=lambda file: file.subject)
by_file = pytest.mark.parametrize("file", compat.FILES, ids=lambda file: file.subject)
LABELS = {label for labels in OURS.values() for label in labels}
ROWS = (*pne.ROWS, *surveyor.ROWS)


@by_any_file
def test_a_committed_file_is_what_the_table_says(file: RuleFile) -> None:
    committed = (RULES / f"{file.subject}.yaml").read_text()
    assert rule_file(file, Config()) == committed, "run `python -m rules.src`"


@by_any_file
def test_prometheus_loads_it(file: RuleFile) -> None:
    path = RULES / f"{file.subject}.yaml"
    promtool("check", "rules", "--lint=all", "--lint-fatal", path)


def test_there_is_no_file_that_the_table_does_not_say() -> None:
    found = {f"compat/{path.stem}" for path in (RULES / "compat").glob("*.yaml")}
    assert found == {file.subject for file in EVERY}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_series_come_out_with_the_labels_of_theirs(path: Path) -> None:
    promtool("test", "rules", path)


def test_each_file_has_its_cases() -> None:
    used = {
        Path(file).name for path in CASES for file in fast_yaml.load(path.read_text())["rule_files"]
    }
    assert {path.name for path in (RULES / "compat").glob("*.yaml")} <= used


@each("row", ROWS, ids=lambda row: f"{row.kind.exporter}-{row.old}")
def test_what_a_row_reads_is_a_series_of_ours(row: compat.Row) -> None:
    assert row.new in OURS
    assert set(row.where) <= OURS[row.new]
    assert not row.rate or row.rate in OURS
    assert row.absent is None or set(
        re.findall(r"\b(?:nats|jetstream)_\w+", row.absent[0])
    ) - LABELS <= set(OURS)
    assert row.form.count("$x") == 1


def test_no_name_of_theirs_is_one_of_ours() -> None:
    assert set(names().known) & set(OURS) == set()


def test_a_name_stands_once_in_a_file() -> None:
    for flavour in compat.FLAVOURS:
        found = [each.name for each in flavour.names]
        assert sorted(set(found)) == sorted(found), flavour.subject


@by_file
def test_every_label_that_is_read_is_there(file: RuleFile) -> None:
    """Of ours as the tables say; of a series of labels as its own rule says."""
    recorded = {rule.name for group in file.groups for rule in group.rules}
    for group in file.groups:
        for rule in group.rules:
            for selector in promql.selectors(expression(rule, Config())):
                known = selector.metric in recorded or selector.metric in OURS
                assert known, f"{rule.name}: {selector.metric}"
                if selector.metric in OURS:
                    assert set(selector.matchers) <= OURS[selector.metric], rule.name


@by_file
def test_no_series_names_what_changes_with_every_election_of_the_meta_leader(
    file: RuleFile,
) -> None:
    for group in file.groups:
        for rule in group.rules:
            text = expression(rule, Config())
            lists = re.findall(r"(?:by|group_left) \(([^()]*)\)", text)
            made = re.findall(r'^ *"(\w+)", "', text, re.MULTILINE)
            labels = {*made, *(label for found in lists for label in found.split(", "))}
            assert not labels & {"meta_leader", "is_meta_leader", "stream_raft_group", "raft_group"}


def test_consumers_are_a_group_of_their_own_at_the_end() -> None:
    for file in compat.FILES:
        first, last = file.groups
        assert not any("consumer_num" in rule.name for rule in first.rules)
        assert last.name.endswith("-consumers")
        assert not any(isinstance(rule, Alert) for rule in (*first.rules, *last.rules))
