"""Each runbook says for how long what it speaks of has lasted when the alert fires, as the rule counts it."""

import re

import pytest
from tests.rules.test_runbooks import section
from tests.rules.test_style import LENGTH
from tests.support import promql
from tests.support.lasting import lasting
from tests.support.rules import ALERTS, Rule, duration

SPAN = re.compile(r"\b(\d+|one|an|one and a half) (minute|hour|day)s?\b")
WORDS = {"one": 1.0, "an": 1.0, "one and a half": 1.5}
waiting = [rule for rule in ALERTS if "for" in rule.body]
events = [rule for rule in ALERTS if "for" not in rule.body and rule.severity != "none"]


def spans(text: str) -> set[float]:
    return {LENGTH[unit] * (WORDS.get(said) or float(said)) for said, unit in SPAN.findall(text)}


@pytest.mark.parametrize("rule", waiting, ids=lambda rule: rule.id)
def test_the_meaning_says_after_how_long_the_alert_fires(rule: Rule) -> None:
    """A rule that looks back and then waits fires after both. One branch of several may take longer."""
    after = duration(rule.body["for"]) + min(lasting(promql.parse(rule.expr)))
    said = spans(section(rule.alert, "Meaning"))
    assert after in said, f"it fires after {after / 60:g} minutes; the Meaning says {said}"


@pytest.mark.parametrize("rule", events, ids=lambda rule: rule.id)
def test_the_meaning_of_an_event_says_within_what_time(rule: Rule) -> None:
    assert spans(section(rule.alert, "Meaning")) & promql.seconds(rule.expr)


@pytest.mark.parametrize(
    ("expr", "seconds"),
    [
        ("max(x) > 1", {0}),
        ("min_over_time(x[5m]) > 1 unless min_over_time(y[1h]) > 0", {300}),
        ("changes(x[10m]) == 0 and min_over_time(y[5m]) > 0", {600}),
        ("changes(x[10m]) > 0 or max_over_time(y[5m]) == 0", {0, 300}),
        (
            "nats_cluster_account_stream_consumer:jetstream_consumer_unattended_messages:min5m",
            {300},
        ),
    ],
)
def test_what_an_expression_had_to_wait_for(expr: str, seconds: set[float]) -> None:
    assert lasting(promql.parse(expr)) == seconds
