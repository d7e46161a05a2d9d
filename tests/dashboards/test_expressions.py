"""Every expression parses, asks only for what the exporter has, and for nothing but what was chosen."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from tests.support.boards import (
    RANGES,
    Expression,
    Json,
    boards,
    expressions,
    filled,
    of_board,
    selectors,
    variables,
    walk,
)
from tests.support.promtool import promtool
from tests.support.rules import RECORDS

from jetstream_exporter.metrics import TABLES

BOARDS = boards()
EXPRESSIONS = expressions()
of_each_board = pytest.mark.parametrize(
    "asked", [list(of_board(board)) for board in BOARDS.values()], ids=BOARDS.keys()
)
Asked = list[Expression]

# Prometheus' own, and prometheus_client's.
FOREIGN = {
    "up": set[str](),
    "scrape_samples_scraped": set[str](),
    "process_resident_memory_bytes": set[str](),
    "process_cpu_seconds_total": set[str](),
    "process_start_time_seconds": set[str](),
    "ALERTS": {
        *("alertname", "alertstate", "service", "severity"),
        *("nats_cluster", "server", "account", "stream", "consumer"),
    },
}
EXPORTED = {family.name: set(table.labels) for table in TABLES for family in table.families}
# What the rules make of the figures of all exporters.
RECORDED = {rule.record: {"nats_cluster", "account", "stream", "consumer"} for rule in RECORDS}
TARGET = {"job", "instance"}
KNOWN = {name: labels | TARGET for name, labels in (FOREIGN | EXPORTED).items()} | RECORDED
COUNTERS = {
    family.name for table in TABLES for family in table.families if family.type == "counter"
} | {name for name in FOREIGN if name.endswith("_total")}
OF_COUNTERS = {"rate", "irate", "increase"}


def test_promtool_takes_every_expression_as_a_rule(tmp_path: Path) -> None:
    rules = [
        {"record": f"board:expression:{number}", "expr": filled(expression.text)}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "boards", "rules": rules}]}))
    said = promtool("check", "rules", "--lint=none", file)
    assert f"{len(EXPRESSIONS)} rules found" in said


@of_each_board
def test_every_metric_is_one_that_the_exporter_has(asked: Asked) -> None:
    for expression in asked:
        named = {selector.name for selector in selectors(expression.tree())}
        assert named <= set(KNOWN), expression.where


@of_each_board
def test_every_label_is_one_that_its_metric_has(asked: Asked) -> None:
    for expression in asked:
        for selector in selectors(expression.tree()):
            matched = {matcher.name for matcher in selector.matchers.matchers}
            assert matched <= KNOWN[selector.name], expression.where


@of_each_board
def test_every_grouping_is_by_labels_that_are_there(asked: Asked) -> None:
    for expression in asked:
        for node, _ in walk(expression.tree()):
            below = set[str]().union(*(KNOWN[s.name] for s in selectors(node)))
            assert grouping(node) <= below | set(joined(node)), expression.where


def joined(node: Any) -> Iterator[str]:
    """The labels that label_join makes."""
    for call, _ in walk(node):
        if isinstance(call, promql_parser.Call) and call.func.name in (
            "label_join",
            "label_replace",
        ):
            yield call.args[1].val


def grouping(node: Any) -> set[str]:
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
        return set(node.modifier.labels)
    if isinstance(node, promql_parser.BinaryExpr) and node.modifier is not None:
        return set(node.modifier.matching.labels) if node.modifier.matching else set()
    return set()


@of_each_board
def test_what_was_chosen_narrows_every_selector(asked: Asked) -> None:
    """Boards that ignore their own variables mix the figures of clusters."""
    for expression in asked:
        for selector in selectors(promql_parser.parse(unfilled(expression))):
            narrowed = {(m.name, m.value) for m in selector.matchers.matchers}
            assert needed(selector.name, expression.where) <= narrowed, expression.where


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())
def test_a_name_is_never_read_as_a_pattern(board: Json) -> None:
    """Grafana escapes values for regular expressions only where there may be several: `$G` would match nothing."""
    several = {name for name, variable in variables(board).items() if variable["multi"]}
    for expression in of_board(board):
        for label, sign, name in re.findall(r'(\w+)(=~?|!=|!~)"\$(\w+)\|?"', expression.text):
            if name != "nats_cluster" or "ALERTS" not in expression.text:  # those of no cluster too
                assert (label, sign) == (name, "=~" if name in several else "="), expression.where


@of_each_board
def test_no_figure_mixes_clusters(asked: Asked) -> None:
    """What is aggregated first keeps the cluster, as long as the metric has it."""
    for expression in asked:
        for node, _ in walk(expression.tree()):
            inner = operator(node) and not any(operator(n) for n, _ in walk(node.expr))
            for selector in selectors(node) if inner else ():
                if "nats_cluster" in KNOWN[selector.name] and selector.name != "ALERTS":
                    assert "nats_cluster" in grouping(node), expression.where


def needed(metric: str, where: str) -> set[tuple[str, str]]:
    if metric == "ALERTS":
        return {("nats_cluster", "$nats_cluster|")}
    choices = [("job", "$job"), ("nats_cluster", "$nats_cluster")]
    return {
        (label, variable)
        for label, variable in choices
        if label in KNOWN[metric] and not where.endswith(("$job", variable))
    }


def unfilled(expression: Expression) -> str:
    """With ranges filled and the other variables left as they are."""
    names = ("job", "nats_cluster", "account", "stream", "consumer", "server")
    return filled(expression.text, {name: f"${name}" for name in names})


@of_each_board
def test_a_rate_is_taken_of_counters_only_and_a_counter_is_never_shown_raw(asked: Asked) -> None:
    for expression in asked:
        for node, parents in walk(expression.tree()):
            if isinstance(node, promql_parser.VectorSelector):
                function = parents[-2].func.name if ranged(parents) else "shown raw"
                if node.name in COUNTERS:
                    assert function in OF_COUNTERS | {"changes", "resets"}, expression.where
                else:
                    assert function not in OF_COUNTERS, expression.where


def ranged(parents: tuple[Any, ...]) -> bool:
    return bool(parents) and isinstance(parents[-1], promql_parser.MatrixSelector)


@of_each_board
def test_a_rate_follows_the_width_of_the_screen_and_the_scrape_interval(asked: Asked) -> None:
    for expression in asked:
        for node, _ in walk(expression.tree()):
            if isinstance(node, promql_parser.Call) and node.func.name in OF_COUNTERS:
                ranged_by = f"[{RANGES['__rate_interval']}]"
                assert expression.fixed_ranges or ranged_by in node.prettify(), expression.where


@of_each_board
def test_replicas_and_exporters_are_never_added_up(asked: Asked) -> None:
    """What is summed or counted is `max by (…)` of each object, or a sum of one exporter under a `max by (…)`."""
    for expression in asked:
        for node, parents in walk(expression.tree()):
            if operator(node) in ("sum", "count", "topk"):
                of_one = "instance" in grouping(node) and any(operator(p) == "max" for p in parents)
                assert of_one or single(node.expr), expression.where


def operator(node: Any) -> str:
    return str(node.op) if isinstance(node, promql_parser.AggregateExpr) else ""


def single(node: Any) -> bool:
    return all(
        any(operator(parent) == "max" for parent in parents)
        for selector, parents in walk(node)
        if isinstance(selector, promql_parser.VectorSelector) and selector.name != "ALERTS"
    )
