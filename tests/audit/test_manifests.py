"""Each check of manifests: silent on the example, and alone in speaking once the example is spoilt for it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from tests.support import manifests as example

from jetstream_exporter.audit import kubernetes
from jetstream_exporter.audit.command import main
from jetstream_exporter.audit.finding import Finding, Severity, judge
from jetstream_exporter.audit.manifests import Manifest, runs_nats, workloads

Objects = list[dict[str, Any]]


def findings(objects: Objects) -> list[Finding]:
    found = workloads([Manifest("here.yaml", each) for each in objects])
    assert found
    return judge(kubernetes.CHECKS, found)


def the(objects: Objects, kind: str, name: str = "") -> dict[str, Any]:
    return next(o for o in objects if o["kind"] == kind and o["metadata"]["name"].endswith(name))


def container(objects: Objects) -> dict[str, Any]:
    found: dict[str, Any] = pod(objects)["containers"][0]
    return found


def pod(objects: Objects) -> dict[str, Any]:
    found: dict[str, Any] = the(objects, "StatefulSet")["spec"]["template"]["spec"]
    return found


def claim(objects: Objects) -> dict[str, Any]:
    (template,) = the(objects, "StatefulSet")["spec"]["volumeClaimTemplates"]
    found: dict[str, Any] = template["spec"]["resources"]["requests"]
    return found


def conf(objects: Objects, old: str, new: str) -> None:
    data = the(objects, "ConfigMap", "nats-config")["data"]
    assert old in data["nats.conf"]
    data["nats.conf"] = data["nats.conf"].replace(old, new)


def probe(name: str, path: str) -> Callable[[Objects], None]:
    return lambda o: container(o)[f"{name}Probe"]["httpGet"].update(path=path)


def without(kind: str, name: str = "") -> Callable[[Objects], None]:
    return lambda o: o.remove(the(o, kind, name))


def image(name: str) -> Callable[[Objects], None]:
    return lambda o: container(o).update(image=name)


def spec(kind: str, name: str = "", **changes: Any) -> Callable[[Objects], None]:
    return lambda o: the(o, kind, name)["spec"].update(changes)


SPOILT: list[tuple[str, str, Callable[[Objects], Any], str]] = [
    ("image-unpinned", "warning", image("nats"), "image nats does not name a minor version"),
    ("image-unpinned", "warning", image("reg:5000/nats:latest"), "image reg:5000/nats:latest"),
    ("image-unpinned", "warning", image("nats:2"), "image nats:2 does not name"),
    ("image-unpinned", "warning", image("nats:alpine"), "image nats:alpine"),
    ("too-few-servers", "warning", spec("StatefulSet", replicas=4), "4 servers"),
    (
        "too-few-servers",
        "warning",
        lambda o: the(o, "StatefulSet")["spec"].pop("replicas"),
        "1 server",
    ),
    (
        "headless-service-missing",
        "error",
        lambda o: the(o, "Service", "headless")["spec"].pop("selector"),
        "no headless Service selects its pods",
    ),
    (
        "monitoring-open",
        "error",
        lambda o: the(o, "Service", "nats")["spec"].update(
            type="LoadBalancer", ports=[{"port": 80, "targetPort": "monitor"}]
        ),
        "Service nats (LoadBalancer) exposes the monitoring port",
    ),
    (
        "monitoring-open",
        "error",
        lambda o: the(o, "Service", "nats")["spec"].update(
            type="LoadBalancer", ports=[{"port": 80, "targetPort": 8222}]
        ),
        "Service nats (LoadBalancer) exposes the monitoring port",
    ),
    (
        "headless-service-missing",
        "error",
        without("Service", "headless"),
        "no headless Service selects its pods",
    ),
    (
        "headless-service-missing",
        "error",
        spec("StatefulSet", serviceName="nats"),
        "serviceName is 'nats', but the headless Service is nats-headless",
    ),
    (
        "headless-service-missing",
        "warning",
        spec("Service", "headless", publishNotReadyAddresses=False),
        "Service nats-headless does not resolve to servers that are not ready",
    ),
    (
        "grace-period-short",
        "warning",
        lambda o: pod(o).pop("terminationGracePeriodSeconds"),
        "terminationGracePeriodSeconds is 30, but a stop may take 60 s",
    ),
    (
        "grace-period-short",
        "warning",
        lambda o: conf(o, "lame_duck_duration: 30s", ""),
        "terminationGracePeriodSeconds is 60, but a stop may take 130 s",
    ),
    (
        "lame-duck-missing",
        "warning",
        lambda o: container(o).pop("lifecycle"),
        "no preStop hook",
    ),
    (
        "resources-missing",
        "warning",
        lambda o: container(o)["resources"]["limits"].pop("memory"),
        "its container has no memory limit",
    ),
    (
        "resources-missing",
        "warning",
        lambda o: container(o)["resources"].pop("requests"),
        "its container has no resource requests for cpu and memory",
    ),
    (
        "startup-probe-missing",
        "warning",
        lambda o: container(o).pop("startupProbe"),
        "no startupProbe",
    ),
    (
        "liveness-probe-wrong",
        "error",
        probe("liveness", "/healthz"),
        "livenessProbe checks /healthz: a server that waits for its peers is restarted",
    ),
    (
        "liveness-probe-wrong",
        "info",
        probe("liveness", "/healthz?js-enabled-only=true"),
        "restarted again and again",
    ),
    (
        "liveness-probe-wrong",
        "warning",
        lambda o: container(o).pop("livenessProbe"),
        "no livenessProbe",
    ),
    (
        "readiness-probe-wrong",
        "warning",
        lambda o: container(o).pop("readinessProbe"),
        "no readinessProbe",
    ),
    (
        "readiness-probe-wrong",
        "info",
        probe("readiness", "/healthz?js-enabled=true"),
        "a deprecated option",
    ),
    (
        "readiness-probe-wrong",
        "info",
        probe("readiness", "/healthz?js-server-only=true"),
        "stays ready",
    ),
    (
        "store-above-volume",
        "error",
        lambda o: conf(o, "max_file_store: 8Gi", "max_file_store: 10Gi"),
        "max_file_store is 10737418240 bytes, and the volume has 10737418240 bytes",
    ),
    (
        "store-above-volume",
        "warning",
        lambda o: conf(o, "max_file_store: 8Gi", ""),
        "max_file_store is not set",
    ),
    (
        "store-above-volume",
        "error",
        lambda o: the(o, "StatefulSet")["spec"].pop("volumeClaimTemplates"),
        "messages are lost with the pod",
    ),
    (
        "store-above-volume",
        "info",
        without("ConfigMap", "nats-config"),
        "no ConfigMap with its nats.conf was found, so max_file_store is not checked",
    ),
    (
        "store-above-volume",
        "info",
        lambda o: conf(o, "max_file_store: 8Gi", "max_file_store: $SIZE"),
        "max_file_store is $SIZE, which is not a size",
    ),
    (
        "store-above-volume",
        "info",
        lambda o: (
            conf(o, "jetstream {", "elsewhere {"),
            conf(o, "jetstream: enabled", ""),
            the(o, "StatefulSet")["spec"].pop("volumeClaimTemplates"),
        ),
        "its nats.conf has no jetstream block, so the store is not checked",
    ),
    (
        "store-above-volume",
        "error",
        lambda o: claim(o).update(storage=2**33),
        "max_file_store is 8589934592 bytes, and the volume has 8589934592 bytes",
    ),
    (
        "startup-probe-missing",
        "warning",
        probe("startup", "/varz"),
        "no startupProbe checks /healthz",
    ),
    (
        "readiness-probe-wrong",
        "warning",
        probe("readiness", "/"),
        "no readinessProbe checks /healthz",
    ),
    (
        "server-name-fixed",
        "error",
        lambda o: conf(o, "server_name: $POD_NAME", "server_name: nats"),
        "server_name is nats",
    ),
    (
        "no-anti-affinity",
        "warning",
        lambda o: pod(o).pop("affinity"),
        "two of its pods can run on one node",
    ),
    (
        "disruption-budget-missing",
        "warning",
        without("PodDisruptionBudget"),
        "no PodDisruptionBudget",
    ),
    (
        "disruption-budget-missing",
        "warning",
        spec("PodDisruptionBudget", maxUnavailable=2),
        "allows 2 of 3 pods to be evicted",
    ),
    (
        "disruption-budget-missing",
        "warning",
        lambda o: the(o, "PodDisruptionBudget").update(
            spec={
                "minAvailable": 1,
                "selector": {"matchLabels": {"app.kubernetes.io/name": "nats"}},
            }
        ),
        "allows 2 of 3 pods to be evicted",
    ),
    ("monitoring-open", "warning", without("NetworkPolicy"), "no NetworkPolicy"),
    (
        "monitoring-open",
        "error",
        spec("Service", "headless", type="NodePort"),
        "Service nats-headless (NodePort) exposes the monitoring port",
    ),
]


def test_the_example_passes_every_check() -> None:
    assert findings(example.objects()) == []


@pytest.mark.parametrize(("check", "severity", "spoil", "said"), SPOILT)
def test_what_is_wrong_is_found_and_nothing_else(
    check: str, severity: str, spoil: Callable[[Objects], Any], said: str
) -> None:
    objects = deepcopy(example.objects())
    spoil(objects)

    (found,) = findings(objects)

    assert (found.check, str(found.severity), found.file) == (check, severity, "here.yaml")
    assert found.object == "StatefulSet nats"
    assert said in found.seen


@pytest.mark.parametrize(
    ("name", "command", "expected"),
    [
        ("nats:2.15", None, True),
        ("registry.example.com/nats-server:2.15", None, True),
        ("registry.example.com/own:1.0", ["nats-server"], True),
        ("registry.example.com/own:1.0", ["/usr/bin/nats-server"], True),
        ("registry.example.com/own:1.0", ["nats"], False),
        ("natsio/nats-box:0.19.7", None, False),
        ("natsio/prometheus-nats-exporter:0.20.1", None, False),
    ],
)
def test_what_runs_nats_server_is_known_by_image_or_command(
    name: str, command: list[str] | None, expected: bool
) -> None:
    assert runs_nats({"image": name, "command": command}) is expected


def test_only_the_configuration_that_is_mounted_is_read() -> None:
    objects = deepcopy(example.objects())
    other = deepcopy(the(objects, "ConfigMap", "nats-config"))
    other["metadata"]["name"] = "other"
    other["data"]["nats.conf"] = "jetstream { max_file_store: 99Gi }"

    assert findings([other, *objects]) == []


def test_a_deployment_is_no_statefulset() -> None:
    objects = deepcopy(example.objects())
    the(objects, "StatefulSet")["kind"] = "Deployment"

    checks = {found.check for found in findings(objects)}

    assert "not-a-statefulset" in checks


def test_every_check_has_a_failing_case() -> None:
    shown = {check for check, *_ in SPOILT} | {"not-a-statefulset"}

    assert shown == {check.name for check in kubernetes.CHECKS}


@pytest.mark.parametrize(
    "change",
    [
        image("registry.example.com:5000/library/nats:v2.15.1-alpine"),
        image("nats@sha256:" + "0" * 64),
        spec("StatefulSet", replicas=5),
        lambda o: pod(o).update(
            affinity={},
            topologySpreadConstraints=[
                {"topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
            ],
        ),
        lambda o: container(o)["resources"]["limits"].pop("cpu"),
        spec("Service", "nats", type="LoadBalancer"),  # it offers clients' port alone
    ],
)
def test_other_ways_to_do_it_right_are_right(change: Callable[[Objects], Any]) -> None:
    objects = deepcopy(example.objects())
    change(objects)

    assert findings(objects) == []


def test_objects_of_another_namespace_do_not_help() -> None:
    objects = deepcopy(example.objects())
    the(objects, "PodDisruptionBudget")["metadata"]["namespace"] = "elsewhere"

    assert [found.check for found in findings(objects)] == ["disruption-budget-missing"]


def test_the_command_passes_the_example_and_names_its_checks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--manifests", str(example.FOLDER)]) == 0
    assert capsys.readouterr().out == "15 checks: 0 errors, 0 warnings, 0 info\n"


def test_severities_are_ordered() -> None:
    assert Severity.INFO < Severity.WARNING < Severity.ERROR
