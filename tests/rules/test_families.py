"""No family that an alert asks for can go unnoticed: noticed.csv says which alert tells, and promtool shows it.

A family can vanish by itself through a setting, a relabelling rule, another version of a server, or a fault of ours.
"""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from tests.rules.test_completeness import FOREIGN, LABELS, families
from tests.support import fast_yaml, promql
from tests.support.promtool import DEADLINE, judge
from tests.support.rules import ALL, RECORDS, RULES

TABLE = Path(__file__).with_name("noticed.csv")
# One object of each kind; two exporters would hide nothing.
VALUES = {
    "nats_cluster": "prod",
    "server": "nats-0",
    "account": "APP",
    "stream": "ORDERS",
    "consumer": "worker",
}
WHO = {"job": "jetstream-exporter", "namespace": "monitoring", "instance": "10.0.0.1:18222"}
STEP = "5m"  # between samples, as often as the families are looked at
THERE, GONE, NOTICED = "1x30", "1x14 stale", "100m"
OURS = ("nats_", "jetstream_")
# There while the metadata of some object says it, and gone when somebody takes it out.
OF_METADATA = re.compile("_(threshold|threshold_invalid_info|monitoring_enabled|labels)$")
# Only who divides the metrics into slices, expects objects, has links or TLS or receives advisories has these, and may
# stop doing so: no fault. That of a lowered quorum is new in 2.15.
CHOSEN = {
    "jetstream_advisories_total",
    "jetstream_meta_rescue",
    "nats_gateway_connections",
    "nats_leafnode_configured",
    "nats_leafnode_configured_connections",
    "nats_leafnode_connections",
    "nats_route_connections",
    "nats_server_tls_certificate_expiry_timestamp_seconds",
    "jetstream_exporter_shard_info",
    "jetstream_exporter_shards",
    "jetstream_expected_present",
}
# There while a message waits for some consumer.
OF_WAITING = re.compile("^jetstream_consumer_oldest_")


def rows() -> dict[str, str]:
    """The alert that notices, by family; empty where a rule is silent by design without it, which `why` says."""
    with TABLE.open(newline="") as file:
        return {row["family"]: row["noticed_by"] for row in csv.DictReader(file)}


def asked() -> set[str]:
    """The families that the rules name; a pattern asks for no family in particular."""
    recorded = {rule.record for rule in RECORDS}
    return {
        name
        for rule in ALL
        for selector in promql.selectors(rule.expr)
        if selector.metric
        for name in families(selector) - recorded
    }


def unnoticed(wanted: set[str], table: dict[str, str]) -> set[str]:
    named = {name for name, alert in table.items() if alert}
    passing = {name for name in wanted if OF_METADATA.search(name) or OF_WAITING.search(name)}
    allowed = {*FOREIGN, *CHOSEN} - {"up"} | passing
    return {name for name in wanted if name not in named and name not in allowed}


def test_every_family_that_an_alert_asks_for_has_an_alert_that_notices_when_it_is_gone() -> None:
    assert unnoticed(asked(), rows()) == set(), f"add them to {TABLE.name}"


def test_a_family_without_one_is_found() -> None:
    assert unnoticed({"up", "jetstream_stream_new"}, rows()) == {"jetstream_stream_new"}
    assert unnoticed({"up"}, {"up": ""}) == {"up"}
    assert unnoticed({"jetstream_stream_threshold"}, {}) == set()


def test_the_table_has_no_family_that_nobody_asks_for() -> None:
    assert set(rows()) == asked()


def series(name: str) -> str:
    labels = {label: VALUES.get(label, "x") for label in sorted(LABELS[name])} | WHO
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "}"


def history(gone: str) -> list[dict[str, str]]:
    ours = {name for name in LABELS if name.startswith(OURS) and ":" not in name}
    return [
        {"series": series(name), "values": GONE if name == gone else THERE}
        for name in sorted({*ours, "up"})
    ]


def check(alert: str, family: str, expected: int) -> dict[str, Any]:
    narrow = "" if alert == "JetStreamExporterDown" else f',family="{family}"'
    found = f'ALERTS{{alertname="{alert}",alertstate="firing"{narrow}}}'
    samples = [{"labels": "{}", "value": expected}] if expected else []
    return {"expr": f"count({found})", "eval_time": NOTICED, "exp_samples": samples}


def only(alerts: set[str]) -> dict[str, Any]:
    """The groups of these alerts as they are shipped, without their other rules."""
    groups = []
    for group in fast_yaml.load((RULES / "exporter.yaml").read_text())["groups"]:
        kept = [rule for rule in group["rules"] if rule["alert"] in alerts]
        groups += [{**group, "rules": kept}] if kept else []
    return {"groups": groups}


@pytest.mark.timeout(DEADLINE + 20)
def test_when_it_alone_is_gone_that_alert_fires_and_while_it_is_there_none_does(
    tmp_path: Path,
) -> None:
    noticed = {family: alert for family, alert in rows().items() if alert}
    cases = [
        {
            "name": f"{family} alone is gone",
            "interval": STEP,
            "input_series": history(family),
            "promql_expr_test": [check(alert, family, 1)],
        }
        for family, alert in noticed.items()
    ]
    cases.append(
        {
            "name": "all are there",
            "interval": STEP,
            "input_series": history(""),
            "promql_expr_test": [check(alert, family, 0) for family, alert in noticed.items()],
        }
    )
    groups = only(set(noticed.values()))["groups"]
    judge(groups, {"evaluation_interval": STEP, "tests": cases}, tmp_path)
