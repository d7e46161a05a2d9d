"""What the rules keep to: the checks of a linter for rules, and sentences without stray numbers."""

import re

import promql_parser
from tests.rules.test_completeness import LABELS, SCOPES, TYPES, level
from tests.support import promql
from tests.support.each import each
from tests.support.lasting import lasting
from tests.support.rules import ALERTS, ALL, RECORDS, RULE_FILES, Rule, duration, with_records

RATES = {"rate", "irate", "increase"}
OF_GAUGES = {"delta", "idelta", "deriv", "predict_linear"}
SEVERITIES = {"critical", "warning", "info", "none"}
# No gap to bridge: it speaks of the gap itself, or of a configuration that nobody is woken for.
WITHOUT_KEEP = {"JetStreamWatchdog", "JetStreamExporterDown"}
RAFT = re.compile(
    r"has_leader|has_quorum|fault_tolerance|peer_current|meta_leader_info|_lag_entries"
)
# Wherever a group's leader or a pod is a label, an election or a deployment restarts `for`.
CHURNING = {"leader", "instance", "pod", "server_id"}
SPELT = re.compile(r"(\d+(?:\.\d+)?)(%| seconds?\b| minutes?\b| hours?\b| days?\b|)")
LENGTH = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

by_rule = each("rule", ALERTS, ids=lambda rule: rule.id)
by_any = each("rule", ALL, ids=lambda rule: rule.id)


@by_rule
def test_labels_are_those_that_routing_knows(rule: Rule) -> None:
    assert set(rule.body["labels"]) == {"severity", "service", "scope"}
    assert not [text for text in rule.body["labels"].values() if "{{" in text]
    assert rule.severity in SEVERITIES
    assert rule.scope in SCOPES
    assert rule.body["labels"]["service"] == "jetstream"


@by_rule
def test_annotations_are_two_sentences_and_two_links(rule: Rule) -> None:
    assert list(rule.annotations) == ["summary", "description", "runbook_url", "dashboard_url"]
    assert "{{" not in rule.annotations["summary"]
    assert not rule.annotations["summary"].endswith(".")
    assert rule.annotations["description"].endswith(".")
    for label in SCOPES[rule.scope]:
        assert f"{{{{ $labels.{label} }}}}" in rule.annotations["description"], label


@by_rule
def test_a_value_is_printed_in_a_form_that_is_the_same_in_every_prometheus(rule: Rule) -> None:
    for template in re.findall(r"\{\{(.*?)\}\}", rule.annotations["description"]):
        if "$value" in template:
            assert re.search(r"\| (humanize\w*|printf \"%\.0f\") $", template), template


@by_rule
def test_an_alert_compares(rule: Rule) -> None:
    lines = next(path for path in RULE_FILES if path.name == rule.file).read_text().splitlines()
    above = lines[lines.index(f"      - alert: {rule.alert}") - 1]
    assert promql.compares(rule.expr) or "pint disable alerts/comparison" in above


@by_any
def test_rates_are_of_counters_and_slopes_of_gauges(rule: Rule) -> None:
    for selector in promql.selectors(rule.expr):
        kind = TYPES.get(
            selector.metric, "counter" if selector.metric.endswith("_total") else "gauge"
        )
        if RATES & set(selector.functions):
            assert kind == "counter", selector.metric
        if OF_GAUGES & set(selector.functions):
            assert kind == "gauge", selector.metric


@by_any
def test_a_division_is_guarded_against_zero(rule: Rule) -> None:
    for node in promql.binaries(rule.expr, "/"):
        divisor = promql.bare(node.rhs)
        assert str(getattr(divisor, "op", "")) == ">", divisor
        assert (promql.value(divisor.rhs) or 0) >= 0


@by_any
def test_a_pair_of_exporters_or_a_new_pod_changes_nothing(rule: Rule) -> None:
    recorded = {record.record for record in RECORDS}
    for selector in promql.selectors(rule.expr):
        if selector.metric not in recorded:
            assert selector.aggregations or "absent" in selector.functions, selector.metric


@by_any
def test_what_an_election_or_a_deployment_changes_is_no_label_of_the_result(rule: Rule) -> None:
    outermost = [
        node
        for node, above in promql.walk(promql.parse(rule.expr))
        if isinstance(node, promql_parser.AggregateExpr)
        and not any(isinstance(a, promql_parser.AggregateExpr) for a in above)
    ]
    for node in outermost:
        if node.modifier:
            assert not set(node.modifier.labels) & CHURNING - (
                {"pod"} if "namespace" in node.modifier.labels else set()
            )


@by_rule
def test_a_scrape_gap_of_four_minutes_neither_resolves_nor_pages_again(rule: Rule) -> None:
    if rule.severity in {"critical", "warning"} and rule.alert not in WITHOUT_KEEP:
        assert duration(rule.body["keep_firing_for"]) > 4 * 60


@by_rule
def test_nothing_about_raft_fires_within_a_minute(rule: Rule) -> None:
    counted = "increase(" in rule.expr or "_total offset" in rule.expr
    if RAFT.search(rule.expr) and not counted:
        assert duration(rule.body["for"]) >= 60


@by_rule
def test_an_event_has_no_for_and_is_kept_long_enough_to_be_read(rule: Rule) -> None:
    if "for" not in rule.body and rule.alert != "JetStreamWatchdog":
        assert any(
            re.search(r"increase\(|changes\(|_total(\{[^}]*\})? offset", t)
            for t in with_records(rule.expr)
        )
        assert duration(rule.body["keep_firing_for"]) >= 15 * 60


def test_a_cause_fires_before_what_it_explains() -> None:
    wait = {rule.id: duration(rule.body.get("for", "0s")) for rule in ALERTS}
    for cause in (
        "JetStreamMetaNoLeader-critical",
        "NatsServerDown-critical",
        "JetStreamStreamNoLeader-critical",
    ):
        assert wait[cause] == 60
    assert wait["JetStreamStreamUnavailable-critical"] >= 180
    assert wait["JetStreamStreamNoFaultTolerance-warning"] >= 300


@each("rule", RECORDS, ids=lambda rule: rule.record)
def test_a_recording_rule_is_named_level_metric_operations(rule: Rule) -> None:
    _, metric, operations = rule.record.split(":")
    assert level(rule.record)[1:] in (
        ["server"],
        ["account", "stream"],
        ["account", "stream", "server"],
        ["account", "stream", "consumer"],
        ["account", "stream", "team"],
        ["account", "stream", "consumer", "team"],
        ["account", "stream", "check", "severity"],
        ["account", "stream", "consumer", "check", "severity"],
    )
    assert re.match(r"jetstream_(stream|consumer)_|nats_server_", metric)
    assert re.fullmatch(r"[a-z]+(\d+m)?", operations)


def constants(rule: Rule) -> tuple[set[float], set[float], set[float]]:
    """The numbers, percentages and seconds that a sentence about this rule may name."""
    texts = with_records(rule.expr)
    numbers = {n for text in texts for n in promql.numbers(text)}
    spans = {s for text in texts for s in promql.seconds(text)}
    if "for" in rule.body:
        wait = duration(rule.body["for"])
        spans |= {wait, *(wait + each for each in lasting(promql.parse(rule.expr)))}
    percent = {round(100 * n, 6) for n in numbers} | {round(100 * (n - 1), 6) for n in numbers}
    return numbers, percent, spans | numbers


def strays(rule: Rule, text: str) -> list[str]:
    """The numbers in a text that the rule does not hold."""
    numbers, percent, spans = constants(rule)
    found = []
    for number, unit in SPELT.findall(text):
        if unit == "%":
            known = float(number) in percent
        elif unit:
            known = float(number) * LENGTH[unit.strip().rstrip("s")] in spans
        else:
            known = float(number) in numbers
        if not known:
            found.append(number + unit)
    return found


@by_rule
def test_a_sentence_names_no_number_that_its_rule_does_not_hold(rule: Rule) -> None:
    for name in ("summary", "description"):
        assert strays(rule, re.sub(r"\{\{.*?\}\}", "", rule.annotations[name])) == []


def test_a_stray_number_is_found() -> None:
    rule = next(rule for rule in ALERTS if rule.alert == "JetStreamConsumerStalled")
    assert strays(rule, "for 10 minutes, or 5 minutes") == []
    assert strays(rule, "for 11 minutes, 12%, 4") == ["11 minutes", "12%", "4"]


def test_every_label_that_a_rule_may_use_is_known() -> None:
    assert {"nats_cluster", "account", "stream", "consumer"} <= LABELS[
        "jetstream_consumer_pending_messages"
    ]
