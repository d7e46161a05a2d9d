"""The cases of the rules again, with their input as the lean profile exports it: the same alerts at the same times.

Cases that lose nothing that their rules read are not judged twice.
"""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.rules.test_promtool import read
from tests.support import boards, promql
from tests.support.lean import lean_case
from tests.support.promtool import DEADLINE, judge, needed, words
from tests.support.rules import ALL, PROMTOOL_FILES, RULES, load

from jetstream_exporter.metrics import TABLES, tables
from jetstream_exporter.metrics.lean import CONDITIONS

pytestmark = pytest.mark.timeout(DEADLINE + 20)
Body = dict[str, Any]
FULL = {family.name for table in TABLES for family in table.families}
LEAN = {family.name for table in tables(profile="lean") for family in table.families}


class Prepared(NamedTuple):
    groups: list[Body]
    tests: Body  # with the cases that differ for their rules


@cache
def prepared(path: Path) -> Prepared:
    tests = read(path)
    groups = [g for name in tests["rule_files"] for g in read(path.parent / name)["groups"]]
    cases = [thin for case in tests["tests"] if (thin := _differing(case, groups)) is not None]
    return Prepared(groups, {**tests, "tests": cases})


def _differing(case: Body, groups: list[Body]) -> Body | None:
    """The lean case, if it lacks anything that the case's rules or its own expressions read."""
    series = [one["series"] for one in case.get("input_series", [])]
    if not series or any(one.startswith("jetstream_exporter_profile_info") for one in series):
        return None  # it is about the profiles
    thin = lean_case(case)
    left = {one["series"]: one["values"] for one in thin["input_series"]}
    lost = {
        one["series"].split("{")[0]
        for one in case["input_series"]
        if left.get(one["series"]) != one["values"]
    }
    return thin if lost & read_by(case, groups) else None


def read_by(case: Body, groups: list[Body]) -> set[str]:
    asked = {each["alertname"] for each in case.get("alert_rule_test", [])}
    asked |= {name for each in case.get("promql_expr_test", []) for name in words(each["expr"])}
    rules = [rule for group in needed(groups, frozenset(asked)) for rule in group["rules"]]
    return asked.union(*(words(rule["expr"]) for rule in rules))


# Cheap to tell, and each process that collects tests does: what their cases lack is worked out by the test.
FILES = [
    path
    for path in PROMTOOL_FILES
    if any(name in path.read_text() for name in FULL - LEAN | {*CONDITIONS})
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_prometheus_judges_the_lean_profile_as_the_full_one(path: Path, tmp_path: Path) -> None:
    found = prepared(path)
    if found.tests["tests"]:
        judge(*found, tmp_path)


def test_there_are_cases_for_every_kind_of_alert_about_consumers() -> None:
    """The pass would be empty if no case lost anything."""
    names = [case["name"] for path in FILES for case in prepared(path).tests["tests"]]
    assert len(names) > 90
    for alert in (
        "Stalled",
        "NoSubscribers",
        "MaxDeliverExhausted",
        "MessagesLost",
        "AckFloorStuck",
    ):
        assert any(name.startswith(f"JetStreamConsumer{alert} ") for name in names), alert


def read_by_rules() -> set[str]:
    """By name. Patterns count what is there, and need nothing in particular."""
    selectors = [one for rule in ALL for one in promql.selectors(rule.expr)]
    return {one.metric for one in selectors if one.metric}


def read_by_the_overview() -> set[str]:
    board = boards.by_uid()["jetstream-overview"]
    return {name for each in boards.of_board(board) for name in words(each.text)} & FULL


def test_what_the_rules_and_the_overview_read_is_in_the_lean_profile() -> None:
    found = (read_by_rules() | read_by_the_overview()) & FULL
    assert len(found) > 100
    assert found <= LEAN


def test_the_lean_profile_has_no_family_of_objects_that_nobody_reads() -> None:
    ours = {name for name in LEAN if name.startswith(("jetstream_consumer_", "jetstream_stream_"))}
    assert ours <= read_by_rules() | read_by_the_overview()


def test_where_a_sample_can_be_missing_a_consumer_is_still_counted() -> None:
    """Of the families with conditions, only those that are absent for a value that means nothing are added up."""
    counted = ("jetstream_consumer_has_leader", "jetstream_consumer_redelivered_messages")
    texts = [rule.expr for rule in load([RULES / "scale" / "aggregates.yaml"])]
    for name in set(CONDITIONS):
        found = [text for text in texts if name in text]
        assert (name in counted) == bool(found)
        assert all(f"{name} or 0 * jetstream_consumer_ack_pending_messages" in x for x in found)


def test_a_case_is_made_lean_as_an_exporter_would_do_it() -> None:
    consumer = '{consumer="c"}'
    given = {
        "pending_messages": "1x2 0x3",
        "ack_pending_messages": "0x5",
        "waiting_pulls": "0x5",
        "redelivered_messages": "0x1 2 0 _ 1",
        "ack_floor_lag_messages": "5x5",
        "max_ack_pending": "1000x5",
    }
    series = [
        {"series": f"jetstream_consumer_{name}{consumer}", "values": values}
        for name, values in given.items()
    ]
    thin = lean_case({"name": "n", "interval": "1m", "input_series": series})["input_series"]
    assert {one["series"].split("{")[0][19:]: one["values"] for one in thin} == {
        "pending_messages": "1x2 0x3",
        "ack_pending_messages": "0x5",
        "waiting_pulls": "0 0 0 stale _ _",
        "redelivered_messages": "_ _ 2 stale _ 1",
        "max_ack_pending": "_ _ _ _ _ _",
    }
