"""A stream whose metadata say io.jetstream-exporter.monitor: "false" raises no alert, whatever happens to it."""

import copy
from pathlib import Path
from typing import Any

import pytest
from tests.support import fast_yaml
from tests.support.promtool import DEADLINE, judge
from tests.support.rules import ALERTS, RULES, Rule, cases, duration, with_records

OF_STREAMS = sorted({r.alert for r in ALERTS if r.scope == "stream" and r.file == "stream.yaml"})
OBJECT = ("nats_cluster", "account", "stream")


@pytest.mark.parametrize(
    "rule", [r for r in ALERTS if r.scope in ("stream", "consumer")], ids=lambda rule: rule.id
)
def test_every_alert_about_an_object_leaves_out_what_is_not_monitored(rule: Rule) -> None:
    """By itself or by what it is recorded from; a consumer also by its stream."""
    text = "".join(with_records(rule.expr))
    asked = {"stream", rule.scope}
    assert asked <= {scope for scope in asked if f"jetstream_{scope}_monitoring_enabled" in text}


def firing(alert: str) -> dict[str, Any]:
    """The first case in which the alert fires."""
    return next(case for case in cases() if case["name"].startswith(f"{alert} fires: "))


def switched(case: dict[str, Any], *, off: bool) -> dict[str, Any]:
    """The case with a sample of whether its stream is watched, which ends no sooner than anything else does."""
    changed = copy.deepcopy(case)
    checks = changed["alert_rule_test"]
    labels = next(e["exp_labels"] for check in checks for e in check["exp_alerts"])
    named = ",".join(f'{name}="{labels[name]}"' for name in OBJECT)
    samples = int(max(duration(c["eval_time"]) for c in checks) / duration(case["interval"])) + 1
    changed["input_series"].append(
        {
            "series": f"jetstream_stream_monitoring_enabled{{{named}}}",
            "values": f"{0 if off else 1}x{samples}",
        }
    )
    if off:
        for check in checks:
            check["exp_alerts"] = []
    return changed


@pytest.mark.timeout(DEADLINE + 20)
@pytest.mark.parametrize("off", [True, False], ids=["left out", "watched"])
def test_an_alert_on_a_stream_asks_whether_it_is_watched(tmp_path: Path, off: bool) -> None:
    tests = {
        "evaluation_interval": "30s",
        "tests": [switched(firing(alert), off=off) for alert in OF_STREAMS],
    }
    judge(fast_yaml.load((RULES / "stream.yaml").read_text())["groups"], tests, tmp_path)
