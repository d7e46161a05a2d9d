"""The AlertmanagerConfig, turned into Alertmanager's own words as the operator does, and judged by amtool."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support import chart, fast_yaml
from tests.support.tools import tool

NAMESPACE = chart.RELEASE["namespace"]
TEAMS = {"payments": "payments-key"}
PAGERDUTY = {"secretName": "mine", "secretKey": "key", "teams": TEAMS}
HEARTBEAT = {"heartbeat": {"secretName": "heartbeat", "secretKey": "url"}}


def spec(**changes: Any) -> dict[str, Any]:
    values = {"alertmanagerConfig": {"enabled": True, **changes}}
    found: dict[str, Any] = chart.the("AlertmanagerConfig", values)["spec"]
    return found


def receivers(**changes: Any) -> dict[str, dict[str, Any]]:
    return {receiver["name"]: receiver for receiver in spec(**changes)["receivers"]}


def test_it_is_of_the_version_that_kube_prometheus_stack_serves() -> None:
    """Its custom resource definition has v1alpha1 alone; v1beta1 needs a webhook that it does not ship."""
    found = chart.the("AlertmanagerConfig", {"alertmanagerConfig": {"enabled": True}})

    assert found["apiVersion"] == "monitoring.coreos.com/v1alpha1"
    chart.validate(found)


def test_the_key_comes_from_the_secret_of_the_values() -> None:
    (pagerduty,) = receivers(pagerduty={"secretName": "mine", "secretKey": "key"})["pagerduty"][
        "pagerdutyConfigs"
    ]

    assert pagerduty["routingKey"] == {"name": "mine", "key": "key"}
    assert "url" not in pagerduty


def test_pagerduty_can_be_elsewhere() -> None:
    url = "https://events.eu.pagerduty.com/v2/enqueue"
    changed = receivers(pagerduty={"url": url})["pagerduty"]["pagerdutyConfigs"][0]
    plain = receivers()["pagerduty"]["pagerdutyConfigs"][0]

    assert changed == {**plain, "url": url}


def test_each_team_of_the_values_has_its_receiver_and_its_route() -> None:
    teams = {"payments": "payments-key", "ledger": "ledger-key"}
    found = spec(pagerduty={"secretName": "mine", "secretKey": "key", "teams": teams})
    keys = {
        receiver["name"]: config["routingKey"]["key"]
        for receiver in found["receivers"]
        for config in receiver.get("pagerdutyConfigs", [])
    }

    assert keys == {
        "pagerduty": "key",
        "pagerduty-payments": "payments-key",
        "pagerduty-ledger": "ledger-key",
    }
    (own,) = [route["routes"] for route in found["route"]["routes"] if "routes" in route]
    assert {(r["receiver"], r["matchers"][0]["value"]) for r in own} == {
        ("pagerduty-payments", "payments"),
        ("pagerduty-ledger", "ledger"),
    }


def test_without_teams_there_is_no_route_for_one() -> None:
    found = spec()

    assert [route for route in found["route"]["routes"] if "routes" in route] == []
    assert [r["name"] for r in found["receivers"]] == ["nobody", "heartbeat", "pagerduty"]


def test_the_heartbeat_is_called_only_where_there_is_one() -> None:
    with_one, without = receivers(**HEARTBEAT)["heartbeat"], receivers()["heartbeat"]

    assert with_one["webhookConfigs"] == [
        {"urlSecret": {"name": "heartbeat", "key": "url"}, "sendResolved": False}
    ]
    assert without == {"name": "heartbeat"}


def test_nothing_else_differs_from_what_the_repository_ships() -> None:
    shipped = fast_yaml.load((chart.ROOT / "alertmanager/alertmanagerconfig.yaml").read_text())
    rendered = spec(**HEARTBEAT, pagerduty=PAGERDUTY)

    for each in (shipped["spec"], rendered):
        for receiver in each["receivers"]:
            for key in ("webhookConfigs", "pagerdutyConfigs"):
                for configured in receiver.get(key, []):
                    configured.pop("routingKey", configured.pop("urlSecret", None))
    assert rendered == shipped["spec"]


# What the operator makes of it. Its strategy OnNamespace (the default) adds a matcher on the namespace.


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def matchers(found: list[dict[str, str]]) -> list[str]:
    own = [f'{m["name"]}{m.get("matchType", "=")}"{m["value"]}"' for m in found]
    return [*own, f'namespace="{NAMESPACE}"']


def translated(value: Any) -> Any:
    if isinstance(value, list):
        return [translated(each) for each in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for key, below in value.items():
        match key:
            case "matchers":
                result["matchers"] = matchers(below)
            case "sourceMatch" | "targetMatch":
                result[f"{key.removesuffix('Match')}_matchers"] = matchers(below)
            case "details":
                result["details"] = {each["key"]: each["value"] for each in below}
            case "routingKey":
                result["routing_key"] = "0" * 32
            case "urlSecret":
                result["url"] = "https://heartbeat.example.com"
            case "clientURL":
                result["client_url"] = below
            case "pagerDutyLinkConfigs":
                result["links"] = [{"href": each["href"], "text": each["alt"]} for each in below]
            case _:
                result[snake(key)] = translated(below)
    return result


@pytest.fixture
def alertmanager(tmp_path: Path) -> Path:
    file = tmp_path / "alertmanager.yaml"
    config = translated(spec(**HEARTBEAT, pagerduty=PAGERDUTY))
    config["route"] = {
        "receiver": "null",
        "routes": [{**config["route"], "matchers": matchers([]), "continue": True}],
    }
    config["receivers"].append({"name": "null"})
    file.write_text(fast_yaml.dump(config))
    return file


def test_amtool_accepts_the_receivers(alertmanager: Path) -> None:
    done = amtool("check-config", alertmanager)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 receivers" in done.stdout


def amtool(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("amtool"), *argv], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"severity": "critical", "service": "jetstream"}, "pagerduty"),
        ({"severity": "warning", "service": "jetstream"}, "pagerduty"),
        ({"severity": "info", "service": "jetstream"}, "nobody"),
        (
            {"severity": "warning", "service": "jetstream", "team": "payments"},
            "pagerduty-payments",
        ),
        ({"severity": "warning", "service": "jetstream", "team": "other"}, "pagerduty"),
        ({"severity": "info", "service": "jetstream", "team": "payments"}, "nobody"),
        ({"severity": "critical", "service": "other"}, "nobody"),
        (
            {"severity": "none", "service": "jetstream", "alertname": "JetStreamWatchdog"},
            "heartbeat",
        ),
    ],
)
def test_an_alert_goes_where_it_should(
    alertmanager: Path, labels: dict[str, str], receiver: str
) -> None:
    argv = [f"{name}={value}" for name, value in {**labels, "namespace": NAMESPACE}.items()]

    done = amtool("config", "routes", "test", f"--config.file={alertmanager}", *argv)

    assert done.stdout.split() == [receiver], done.stderr


def test_an_alert_of_another_namespace_is_not_ours(alertmanager: Path) -> None:
    done = amtool(
        *("config", "routes", "test", f"--config.file={alertmanager}"),
        *("severity=critical", "service=jetstream", "namespace=other"),
    )

    assert done.stdout.split() == ["null"]


def test_every_rendered_alert_has_the_namespace_that_the_operator_asks_for() -> None:
    rules = chart.of_kind("PrometheusRule", {"rules": {"enabled": True}})
    alerts = [r for o in rules for g in o["spec"]["groups"] for r in g["rules"] if "alert" in r]

    assert alerts
    assert all(alert["labels"]["namespace"] == NAMESPACE for alert in alerts)
