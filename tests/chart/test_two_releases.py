"""Two releases with rules for one Prometheus: Helm asks the cluster and refuses, unless each says what it watches."""

from typing import Any

import pytest
from helm_python.config import Config
from helm_python.errors import HelmError, HelmReleaseError
from tests.support import chart
from tests.support.kubernetes_api import api_server

ON = {"enabled": True}
# Rendering is over; the API server of the tests knows no more.
RENDERED = "failed to download openapi"
ELSEWHERE = {"name": "first", "namespace": "nats-a"}


def install(*others: chart.Object, name: str = "jse", **values: Any) -> None:
    """Begin `helm install` in a cluster that holds the others; HelmError where a template refuses."""
    with (
        api_server(others) as kubeconfig,
        Config(
            kubeconfig_content=kubeconfig, namespace="monitoring", storage_driver="memory"
        ) as config,
    ):
        try:
            config.install(
                chart.chart(),
                name,
                {"rules": ON, **values},
                dry_run="server",
                namespace="monitoring",
            )
        except HelmReleaseError as error:
            if RENDERED not in str(error):
                raise


def first(rules: dict[str, Any] | None = None, **values: Any) -> list[chart.Object]:
    """The rules that another release has brought, as the API server has them."""
    return chart.of_kind(
        "PrometheusRule", {"rules": {**ON, **(rules or {})}, **values}, **ELSEWHERE
    )


def test_the_only_release_with_rules_is_installed() -> None:
    install()


def test_a_second_one_is_refused_and_told_what_to_do() -> None:
    with pytest.raises(HelmError) as refused:
        install(*first())

    text = str(refused.value)
    assert "rules.enabled: release first in namespace nats-a already installs these alerts" in text
    assert '{"release":"kube-prometheus-stack"}' in text
    assert "Set rules.enabled=false in this release, or list the clusters" in text


def test_a_release_is_not_in_its_own_way() -> None:
    own = chart.of_kind("PrometheusRule", {"rules": ON})

    install(*own)


def test_one_of_the_same_name_in_another_namespace_is() -> None:
    with pytest.raises(HelmError, match="release jse in namespace nats-a"):
        install(
            *chart.of_kind("PrometheusRule", {"rules": ON}, name="jse", namespace="nats-a"),
            name="jse",
        )


def test_a_second_one_without_rules_is_installed() -> None:
    install(*first(), rules={"enabled": False})


def test_one_with_only_the_series_of_another_exporter_is_not_in_the_way() -> None:
    other = chart.of_kind("PrometheusRule", {"compat": {"series": ["pne"]}}, **ELSEWHERE)

    assert other
    install(*other)


def test_rules_of_others_and_for_another_prometheus_are_not_in_the_way() -> None:
    theirs = {"metadata": {"name": "x", "namespace": "y", "labels": {"release": "z"}}, "spec": {}}
    bare = {"metadata": {"name": "x", "namespace": "y"}, "spec": {}}
    other = first(operatorLabels={"release": "another"})

    install(theirs, bare, *other)


def test_two_that_name_their_clusters_stand_side_by_side() -> None:
    install(*first({"clusters": ["nats-a/first"]}), rules={**ON, "clusters": ["monitoring/jse"]})


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        (["a"], [], "cover all of its clusters"),
        ([], ["b"], "cover all of its clusters"),
        (["a", "b"], ["b", "c"], r"rules.clusters \(both list b\)"),
    ],
)
def test_two_that_could_speak_of_one_cluster_are_refused(
    theirs: list[str], ours: list[str], said: str
) -> None:
    with pytest.raises(HelmError, match=said):
        install(*first({"clusters": theirs}), rules={**ON, "clusters": ours})


def test_who_may_not_list_the_rules_of_all_can_say_so() -> None:
    install(*first(), rules={**ON, "lookup": False})


def test_the_notes_say_that_rules_belong_to_one_release() -> None:
    without, everything, some = (
        chart.text({"rules": rules})["NOTES.txt"]
        for rules in ({}, ON, {**ON, "clusters": ["orders"]})
    )

    assert "set rules.enabled, in one release for each Prometheus server" in without
    assert "Otherwise each alert fires twice" in " ".join(everything.split())
    assert "The alerts cover orders, and their label namespace is monitoring." in some
