"""Where an alert goes: Alertmanager's own tool reads the shipped configuration and routes by it."""

import re
import subprocess
from typing import Any

import pytest
from tests.support import fast_yaml
from tests.support.rules import ALERTS, ROOT, Rule
from tests.support.tools import tool

PLAIN = ROOT / "alertmanager" / "alertmanager.yaml"
OPERATOR = ROOT / "alertmanager" / "alertmanagerconfig.yaml"
RECEIVERS = {"critical": "pagerduty", "warning": "pagerduty", "info": "nobody", "none": "heartbeat"}


def amtool(*argv: str) -> str:
    done = subprocess.run(
        [tool("amtool"), *argv], text=True, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def plain() -> dict[str, Any]:
    return dict(fast_yaml.load(PLAIN.read_text()))


def operator() -> dict[str, Any]:
    return dict(fast_yaml.load(OPERATOR.read_text())["spec"])


def test_alertmanager_takes_the_configuration() -> None:
    assert "SUCCESS" in amtool("check-config", str(PLAIN))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.id)
def test_an_alert_reaches_the_receiver_of_its_severity_and_no_other(rule: Rule) -> None:
    labels = [f"{name}={value}" for name, value in rule.body["labels"].items()]
    found = amtool(
        "config", "routes", "test", f"--config.file={PLAIN}", f"alertname={rule.alert}", *labels
    )
    assert found.strip() == RECEIVERS[rule.severity]


@pytest.mark.parametrize(
    ("team", "severity", "receiver"),
    [
        ("payments", "critical", "pagerduty-payments"),
        ("payments", "warning", "pagerduty-payments"),
        ("payments", "info", "nobody"),
        ("other", "critical", "pagerduty"),
    ],
)
def test_an_alert_reaches_the_receiver_of_its_team_where_it_has_one(
    team: str, severity: str, receiver: str
) -> None:
    labels = ("alertname=Any", "service=jetstream", f"severity={severity}", f"team={team}")
    found = amtool("config", "routes", "test", f"--config.file={PLAIN}", *labels)
    assert found.strip() == receiver


def test_a_team_is_told_all_that_everybody_is() -> None:
    receivers = {receiver["name"]: receiver for receiver in plain()["receivers"]}
    (theirs,) = receivers["pagerduty-payments"]["pagerduty_configs"]
    (ours,) = receivers["pagerduty"]["pagerduty_configs"]
    assert theirs.pop("routing_key_file") != ours.pop("routing_key_file")
    assert theirs == ours


def test_an_alert_of_something_else_reaches_nobody() -> None:
    found = amtool(
        "config", "routes", "test", f"--config.file={PLAIN}", "alertname=Other", "severity=critical"
    )
    assert found.strip() == "nobody"


def test_severity_is_no_part_of_what_makes_an_incident() -> None:
    routes = [plain()["route"], *plain()["route"]["routes"]]
    assert routes[0]["group_by"] == [
        "alertname", "nats_cluster", "server", "account", "stream", "consumer",
        "exporter_namespace", "job", "source", "target", "family", "kind", "name", "remote_cluster",
        "remote", "store", "tier", "limit", "check",
    ]  # fmt: skip
    assert all("group_by" not in route for route in routes[1:])
    assert sum(route["receiver"] == "pagerduty" for route in routes) == 1


def test_what_tells_two_alerts_of_one_name_apart_makes_them_two_incidents() -> None:
    """A second source that fails, or a second limit that is near, would join the first one and wake nobody."""
    grouped = set(plain()["route"]["group_by"])
    of_one = {
        "configured",
        "part",
        "namespace",
        "shard",
    }  # of one server, of one target, told by another label, of one job
    for rule in ALERTS:
        named = set(re.findall(r"\$labels\.(\w+)", rule.annotations["description"]))
        assert named - of_one <= grouped, rule.alert


def test_no_alert_but_the_lesser_severity_of_the_same_is_inhibited() -> None:
    (rule,) = plain()["inhibit_rules"]
    assert rule["equal"] == plain()["route"]["group_by"]


def test_the_heartbeat_is_never_told_of_an_end() -> None:
    (heartbeat,) = plain()["receivers"][1]["webhook_configs"]
    assert heartbeat["send_resolved"] is False


def matcher(match: dict[str, str]) -> str:
    return f'{match["name"]}{match["matchType"]}"{match["value"]}"'


def snake(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unfold(route: dict[str, Any]) -> dict[str, Any]:
    """A route of the operator as the plain file writes it."""
    found = {snake(key): value for key, value in route.items()}
    if "matchers" in found:
        found["matchers"] = [matcher(match) for match in found["matchers"]]
    if "routes" in found:
        found["routes"] = [unfold(inner) for inner in found["routes"]]
    return found


def test_the_operators_object_routes_alike() -> None:
    assert unfold(operator()["route"]) == plain()["route"]


def test_the_operators_object_inhibits_alike() -> None:
    (found,) = operator()["inhibitRules"]
    (expected,) = plain()["inhibit_rules"]
    assert [matcher(m) for m in found["sourceMatch"]] == expected["source_matchers"]
    assert [matcher(m) for m in found["targetMatch"]] == expected["target_matchers"]
    assert found["equal"] == expected["equal"]


def test_the_operators_object_tells_pagerduty_the_same() -> None:
    (found,) = operator()["receivers"][2]["pagerdutyConfigs"]
    (expected,) = plain()["receivers"][2]["pagerduty_configs"]
    (theirs,) = operator()["receivers"][3]["pagerdutyConfigs"]
    assert {**theirs, "routingKey": ""} == {**found, "routingKey": ""}
    for name in ("client", "description", "severity", "class", "group", "component"):
        assert found[name] == expected[name]
    assert found["clientURL"] == expected["client_url"]
    assert found["sendResolved"] == expected["send_resolved"]
    assert {d["key"]: d["value"] for d in found["details"]} == expected["details"]
    assert [(link["href"], link["alt"]) for link in found["pagerDutyLinkConfigs"]] == [
        (link["href"], link["text"]) for link in expected["links"]
    ]
