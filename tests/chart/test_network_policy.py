"""The NetworkPolicy: on by default, open for Prometheus and `helm test`, and for what the configuration asks."""

from typing import Any

import pytest
from tests.support import chart

DNS = {53, 5353}


def policy(**values: Any) -> dict[str, Any]:
    found: dict[str, Any] = chart.the("NetworkPolicy", values)["spec"]
    return found


def sources(**values: Any) -> list[Any] | None:
    (rule,) = policy(**values)["ingress"]
    assert rule["ports"] == [{"port": "metrics", "protocol": "TCP"}]
    found: list[Any] | None = rule.get("from")
    return found


def ports(**values: Any) -> set[int]:
    """Those beside DNS; empty for every port."""
    _, nats = policy(**values)["egress"]
    return {each["port"] for each in nats.get("ports", [])}


def namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


TEST = {
    "podSelector": {
        "matchLabels": {
            "app.kubernetes.io/instance": "jse",
            "app.kubernetes.io/component": "test",
        }
    }
}


def test_by_default_the_namespace_of_prometheus_and_helm_test_may_scrape() -> None:
    assert sources() == [namespace("monitoring"), TEST]
    assert sources(networkPolicy={"monitoringNamespace": "obs"}) == [namespace("obs"), TEST]


def test_who_else_is_added_and_helm_test_only_where_it_is() -> None:
    more = {"podSelector": {"matchLabels": {"app": "curl"}}}

    assert sources(networkPolicy={"from": [more]}) == [namespace("monitoring"), TEST, more]
    assert sources(networkPolicy={"from": [more]}, tests={"enabled": False}) == [
        namespace("monitoring"),
        more,
    ]


def test_with_nobody_named_everybody_in_the_cluster_may() -> None:
    assert sources(networkPolicy={"monitoringNamespace": ""}) is None


def test_it_lets_the_pod_of_helm_test_in() -> None:
    (pod,) = chart.of_kind("Pod")

    assert TEST["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_names_can_be_resolved_anywhere() -> None:
    dns, _ = policy()["egress"]

    assert {each["port"] for each in dns["ports"]} == DNS
    assert {each["protocol"] for each in dns["ports"]} == {"TCP", "UDP"}


def test_it_can_be_switched_off() -> None:
    assert chart.of_kind("NetworkPolicy", {"networkPolicy": {"enabled": False}}) == []


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"clusters": [{"targets": ["http://a:8223", "https://b"]}]}, {8222, 8223, 4222}),
        (
            {"clusters": [{"targets": ["http://[fd00::1]:9000/", "http://a:9001/x"]}]},
            {8222, 4222, 9000, 9001},
        ),
        (
            {"clusters": [{"system": {"urls": ["nats://a:4223", "tls://b:5222"]}}]},
            {8222, 4222, 4223, 5222},
        ),
        ({"clusters": [{"accounts": [{"urls": ["wss://a", "ws://b"]}]}]}, {8222, 4222, 80, 443}),
        ({"clusters": [{"targets": ["srv+http://_monitor._tcp.nats"]}]}, set()),
        ({}, {8222, 4222}),
    ],
)
def test_it_lets_out_to_every_port_that_the_configuration_names(
    config: dict[str, Any], expected: set[int]
) -> None:
    assert ports(config=config) == expected


def test_it_lets_out_to_the_targets_of_flags() -> None:
    assert ports(extraArgs=["--target=http://a:7777"]) == {8222, 4222, 7777}


def test_an_srv_name_of_one_place_stays_there() -> None:
    there = [namespace("nats")]
    _, nats = policy(
        config={"clusters": [{"targets": ["srv+http://x"]}]}, networkPolicy={"to": there}
    )["egress"]

    assert nats == {"to": there}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "- the namespace monitoring (networkPolicy.monitoringNamespace"),
        ({}, "It allows traffic to DNS, and to ports 4222, 8222 of any address."),
        ({"networkPolicy": {"monitoringNamespace": ""}}, "- every pod in the cluster (set"),
        ({"networkPolicy": {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}}, '"10.0.0.0/8"'),
        ({"config": {"clusters": [{"targets": ["srv+http://x"]}]}}, "and to every port of any"),
    ],
)
def test_the_notes_say_what_it_lets_in_and_out(values: dict[str, Any], said: str) -> None:
    assert said in chart.text(values)["NOTES.txt"]


def test_the_notes_are_silent_about_one_that_is_not_there() -> None:
    notes = chart.text({"networkPolicy": {"enabled": False}})["NOTES.txt"]

    assert "NetworkPolicy" not in notes
