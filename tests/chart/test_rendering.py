"""What the chart makes of its values, by default and with everything switched on."""

import hashlib
import re
from typing import Any

import pytest
import yaml
from helm_python import chart as helm
from helm_python.errors import HelmError
from tests.support import chart

EVERYTHING: dict[str, Any] = {
    "monitor": {"kind": "ServiceMonitor"},
    "rules": {"enabled": True},
    "compat": {"series": ["surveyor"]},
    "dashboards": {"enabled": True},
    "alertmanagerConfig": {"enabled": True, "heartbeat": {"secretName": "heartbeat"}},
    "credsSecret": {"name": "nats-creds"},
    "tlsSecret": {"name": "nats-tls"},
    "webConfigSecret": {"name": "web"},
    "replicas": 2,
}
MONITORS = ("ServiceMonitor", "PodMonitor", "Probe")


@pytest.mark.parametrize("kind", MONITORS)
def test_kubernetes_and_the_operator_know_every_field_of_every_object(kind: str) -> None:
    found = chart.objects(chart.merged(EVERYTHING, {"monitor": {"kind": kind}}))

    for each in found:
        chart.validate(each)
    assert kind in {each["kind"] for each in found}


def test_a_field_that_the_operator_does_not_know_is_noticed() -> None:
    monitor = chart.the("ServiceMonitor", EVERYTHING)
    monitor["spec"]["endpoints"][0]["scrapetimeout"] = "3s"

    with pytest.raises(AssertionError, match="scrapetimeout"):
        chart.validate(monitor)


def test_by_default_nothing_needs_a_custom_resource_definition() -> None:
    assert [each for each in chart.objects() if chart.OPERATOR in each["apiVersion"]] == []


def test_helm_lint_is_silent() -> None:
    report = helm.lint(chart.CHART, EVERYTHING, strict=True)

    assert [m for m in report["messages"] if m["severity"] >= 2] == []
    assert report["errors"] == []


def test_no_two_objects_share_a_name() -> None:
    found = chart.objects(EVERYTHING, name="a-release-whose-name-is-long-enough-to-be-cut-off")
    names = [(each["kind"], each["metadata"]["name"]) for each in found]

    assert len(names) == len(set(names))
    assert max(len(name) for _, name in names) <= 63


# As Kubernetes wants the name of a Service, which is the strictest of all.
SERVICE = re.compile("[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@pytest.mark.parametrize("release", ["my.release", "1st", "9", "a" * 53, "a.b-" * 13 + "a"])
@pytest.mark.parametrize("name", ["", "exporter", "a" * 52])
def test_every_release_that_helm_takes_gives_names_that_kubernetes_takes(
    release: str, name: str
) -> None:
    for found in chart.objects(chart.merged(EVERYTHING, {"nameOverride": name}), name=release):
        assert SERVICE.fullmatch(found["metadata"]["name"]), found["metadata"]["name"]
        labels = found["metadata"]["labels"]
        assert all(len(value) <= 63 for value in labels.values())
        assert labels["app.kubernetes.io/instance"] == release


def test_every_object_says_its_namespace_so_that_what_is_rendered_can_be_applied() -> None:
    for found in chart.objects(chart.merged(EVERYTHING, {"dashboards": {"namespace": "grafana"}})):
        dashboard = "grafana_dashboard" in found["metadata"]["labels"]
        assert found["metadata"]["namespace"] == ("grafana" if dashboard else "monitoring")


def test_every_object_carries_the_labels_of_the_release_and_yours() -> None:
    for found in chart.objects(chart.merged(EVERYTHING, {"commonLabels": {"team": "platform"}})):
        labels = found["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "jse", found["kind"]
        assert labels["team"] == "platform", found["kind"]


def test_the_pod_cannot_do_more_than_it_needs() -> None:
    for pod in pods(EVERYTHING):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for each in pod["containers"]:
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "privileged": False,
                "readOnlyRootFilesystem": True,
            }
            assert set(each["resources"]) == {"requests", "limits"}
    assert chart.the("ServiceAccount")["automountServiceAccountToken"] is False


def pods(values: dict[str, Any]) -> list[dict[str, Any]]:
    deployment = chart.the("Deployment", values)["spec"]["template"]["spec"]
    return [deployment, *(pod["spec"] for pod in chart.of_kind("Pod", values))]


def test_no_probe_asks_nats() -> None:
    exporter = chart.container()

    assert exporter["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert exporter["startupProbe"]["httpGet"]["path"] == "/-/healthy"
    assert exporter["readinessProbe"]["httpGet"]["path"] == "/-/ready"


def test_the_new_pod_is_ready_before_the_old_one_ends() -> None:
    assert chart.the("Deployment")["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 1,
        "maxUnavailable": 0,
    }


def test_a_pair_prefers_two_nodes_and_loses_one_at_a_time() -> None:
    deployment = chart.the("Deployment", {"replicas": 2})
    rules = deployment["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    (preferred,) = rules["preferredDuringSchedulingIgnoredDuringExecution"]

    assert deployment["spec"]["replicas"] == 2
    assert preferred["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert chart.the("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_every_selector_finds_the_pod() -> None:
    labels = chart.the("Deployment")["spec"]["template"]["metadata"]["labels"]
    everything = {
        each["kind"]: each["spec"] for each in chart.objects(EVERYTHING) if "spec" in each
    }
    selectors = [
        everything["Deployment"]["selector"]["matchLabels"],
        everything["Service"]["selector"],
        everything["PodDisruptionBudget"]["selector"]["matchLabels"],
        everything["NetworkPolicy"]["podSelector"]["matchLabels"],
        chart.the("PodMonitor", {"monitor": {"kind": "PodMonitor"}})["spec"]["selector"][
            "matchLabels"
        ],
    ]

    for selector in selectors:
        assert selector.items() <= labels.items()


def test_the_test_pod_is_not_taken_for_the_exporter() -> None:
    (pod,) = chart.of_kind("Pod")
    selector = chart.the("Service")["spec"]["selector"]

    assert not selector.items() <= pod["metadata"]["labels"].items()


def test_the_service_monitor_finds_the_service_and_prometheus_finds_the_monitor() -> None:
    monitor = chart.the("ServiceMonitor", EVERYTHING)

    service = chart.the("Service", EVERYTHING)["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service.items()
    assert monitor["metadata"]["labels"]["release"] == "kube-prometheus-stack"


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PodMonitor"])
def test_the_labels_of_the_exporter_go_before_those_of_the_target(kind: str) -> None:
    """tests/examples/test_honor_labels.py shows what happens otherwise."""
    spec = chart.the(kind, {"monitor": {"kind": kind}})["spec"]
    (endpoint,) = spec.get("endpoints") or spec["podMetricsEndpoints"]

    assert endpoint["honorLabels"] is True


@pytest.mark.parametrize("label", ["nats_cluster", "account", "server", "stream", "consumer"])
def test_a_probe_which_cannot_honour_them_takes_no_target_label_of_the_same_name(
    label: str,
) -> None:
    relabelings = [{"targetLabel": label, "replacement": "x"}]

    with pytest.raises(HelmError, match=f"a target label {label} would replace"):
        chart.text({"monitor": {"kind": "Probe", "relabelings": relabelings}})


@pytest.mark.parametrize("kind", MONITORS)
def test_the_job_is_what_the_alert_on_the_exporter_looks_for(kind: str) -> None:
    spec = chart.the(kind, {"monitor": {"kind": kind}, "fullnameOverride": "other"})["spec"]
    (endpoint,) = spec.get("endpoints") or spec.get("podMetricsEndpoints") or [{}]
    job = spec.get("jobName") or endpoint["relabelings"][0]["replacement"]

    assert job == "jetstream-exporter"


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PodMonitor"])
def test_configurations_on_a_path_of_their_own_are_scraped_there(kind: str) -> None:
    values = {"monitor": {"kind": kind}, "config": {"families": {"config_path": True}}}
    spec = chart.the(kind, values)["spec"]
    first, second = spec.get("endpoints") or spec["podMetricsEndpoints"]

    assert (first["path"], first["interval"]) == ("/metrics", "30s")
    assert (second["path"], second["interval"]) == ("/metrics/config", "2m")
    labels = [each["targetLabel"] for each in second["relabelings"]]
    assert labels == ["job", "metrics_path"]
    assert second["metricRelabelings"] == [{"action": "labeldrop", "regex": "metrics_path"}]
    assert {**second, "path": "", "interval": ""} == {**first, "path": "", "interval": ""}


def test_the_configuration_is_passed_verbatim_and_a_change_rolls_the_pods() -> None:
    config = {
        "clusters": [{"name": "a", "targets": ["http://a:8222"]}],
        "filters": {"streams": {"exclude": ["KV_.*", "$\\{x\\}"]}},
    }
    values = {"config": config}

    written = chart.the("ConfigMap", values)["data"]["config.yaml"]
    assert yaml.safe_load(written) == {**chart.chart().values["config"], **config}
    assert checksum(values) == hashlib.sha256(written.rstrip("\n").encode()).hexdigest()
    assert checksum(values) != checksum({})


def checksum(values: dict[str, Any]) -> str:
    template = chart.the("Deployment", values)["spec"]["template"]
    found: str = template["metadata"]["annotations"]["checksum/config"]
    return found


def test_an_annotation_of_yours_does_not_stand_in_for_the_checksum() -> None:
    annotations = {"checksum/config": "mine", "other": "mine"}
    template = chart.the("Deployment", {"pod": {"annotations": annotations}})["spec"]["template"]

    assert template["metadata"]["annotations"] == {"checksum/config": checksum({}), "other": "mine"}


def test_secrets_are_named_and_mounted_never_held() -> None:
    found = chart.objects(EVERYTHING)
    pod = chart.the("Deployment", EVERYTHING)["spec"]["template"]["spec"]
    secrets = {v["name"]: v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v}
    args = chart.container(EVERYTHING)["args"]

    assert "Secret" not in {each["kind"] for each in found}
    assert secrets == {"creds": "nats-creds", "tls": "nats-tls", "web": "web"}
    assert "--web.config.file=/etc/jetstream-exporter/web/web-config.yaml" in args


def test_every_volume_is_mounted_once() -> None:
    pod = chart.the("Deployment", EVERYTHING)["spec"]["template"]["spec"]
    mounts = {m["name"]: m["mountPath"] for m in chart.container(EVERYTHING)["volumeMounts"]}

    assert mounts == {
        **{name: f"/etc/jetstream-exporter/{name}" for name in ("config", "creds", "tls", "web")},
        "tmp": "/tmp",
    }
    assert sorted(volume["name"] for volume in pod["volumes"]) == sorted(mounts)


def test_a_probe_asks_the_exporter_for_each_target() -> None:
    spec = chart.the("Probe", {"monitor": {"kind": "Probe", "targets": ["http://nats-0:8222"]}})

    assert spec["spec"]["prober"] == {
        "url": "jse-jetstream-exporter.monitoring.svc:18222",
        "path": "/probe",
        "scheme": "http",
    }
    assert spec["spec"]["targets"]["staticConfig"]["static"] == ["http://nats-0:8222"]


def test_everything_mounted_is_read_only_but_tmp() -> None:
    mounts = chart.container(EVERYTHING)["volumeMounts"]

    assert [m["mountPath"] for m in mounts if not m.get("readOnly")] == ["/tmp"]


def test_the_default_target_is_the_headless_service_that_names_every_server() -> None:
    config = yaml.safe_load(chart.the("ConfigMap")["data"]["config.yaml"])

    assert config["clusters"][0]["targets"] == ["http://nats-headless:8222"]


def test_the_notes_say_what_to_do_next() -> None:
    bare, full = chart.text()["NOTES.txt"], chart.text(EVERYTHING)["NOTES.txt"]

    for word in ("monitor.kind", "rules.enabled", "dashboards.enabled", "alertmanagerConfig"):
        assert word in bare
    assert "rules.enabled" not in full
    assert "create secret generic jetstream-exporter-pagerduty" in full


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 2}, "additional properties 'replica' not allowed"),
        ({"image": {"tags": "1"}}, "at '/image'"),
        ({"replicas": "two"}, "got string, want integer"),
        ({"monitor": {"kind": "servicemonitor"}}, "at '/monitor/kind'"),
        ({"monitor": {"interval": "30"}}, "at '/monitor/interval'"),
        ({"monitor": {"interval": "1m1h"}}, "at '/monitor/interval'"),
        (
            {"monitor": {"kind": "Probe", "interval": "1m", "scrapeTimeout": "1m500ms"}},
            "monitor.scrapeTimeout: 1m500ms is longer than monitor.interval, 1m",
        ),
        ({"env": [{"name": "A", "value": "1"}] * 2}, "env: duplicate name A"),
        ({"credsSecret": {"name": "a..b"}}, "at '/credsSecret/name'"),
        ({"credsSecret": {"name": "a", "key": ".."}}, "at '/credsSecret/key'"),
        ({"commonLabels": {"-a/b": "c"}}, "at '/commonLabels'"),
        ({"pod": {"nodeSelector": {"a b": "c"}}}, "at '/pod/nodeSelector'"),
        ({"dashboards": {"namespace": "a.b"}}, "at '/dashboards/namespace'"),
        ({"rules": {"alertLabels": {"__name__": "a"}}}, "at '/rules/alertLabels'"),
        ({"image": {"digest": "sha256:short"}}, "at '/image/digest'"),
        ({"rules": {"alerts": {"Any": {"fro": "5m"}}}}, "'fro' not allowed"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmError, match=said):
        chart.text(values)
