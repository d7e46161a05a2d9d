"""Why and do follow from what was seen: manifests as people published them, reduced, with what fits and what does not.

Each comes from a public repository or issue, told in a comment; nothing in them is ours but what is left out.
"""

import re
from typing import Any

import pytest
import yaml

from jetstream_exporter.audit import kubernetes
from jetstream_exporter.audit.finding import Finding, judge
from jetstream_exporter.audit.manifests import Manifest, workloads

# A Deployment with flags and nothing else: knative-extensions/eventing-natss, and dozens of tutorials.
DEPLOYMENT_WITHOUT_VOLUME = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: nats}
spec:
  replicas: 1
  template:
    metadata: {labels: {app: nats}}
    spec:
      containers:
        - {name: nats, image: "nats:latest", args: ["-js", "-m", "8222"]}
---
apiVersion: v1
kind: Service
metadata: {name: nats}
spec: {selector: {app: nats}, clusterIP: None, ports: [{port: 4222}]}
"""
# A Deployment whose store is on a claim of its own.
DEPLOYMENT_WITH_CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: nats-jsdata}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nats}
spec:
  template:
    metadata: {labels: {app: nats}}
    spec:
      containers:
        - name: nats
          image: nats:latest
          args: ["-js", "--store_dir", "/data/js"]
          volumeMounts: [{name: js-store, mountPath: /data/js}]
      volumes: [{name: js-store, persistentVolumeClaim: {claimName: nats-jsdata}}]
"""
# Core NATS behind an ingress: no JetStream, so no store and no members.
WITHOUT_JETSTREAM = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: nats}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: nats}}
    spec:
      containers:
        - name: nats
          image: nats:2.10-alpine
          args: [-c, /etc/nats/nats.conf]
          livenessProbe: {httpGet: {path: /healthz, port: 8222}}
      volumes: [{name: config, configMap: {name: nats}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: nats}
data: {nats.conf: "port: 4222\\nhttp: 8222\\nserver_name: $POD_NAME"}
"""


def stateful(conf: str, probes: str = "", replicas: int = 3, mounts: str = "", **more: str) -> str:
    """A StatefulSet as the official chart's older versions rendered it."""
    return f"""
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: nats}}
spec:
  replicas: {replicas}
  serviceName: nats
  template:
    metadata: {{labels: {{app: nats}}}}
    spec:
      terminationGracePeriodSeconds: 60
      containers:
        - name: nats
          image: nats:2.10.22-alpine
          args: [--config, /etc/nats-config/nats.conf]
          lifecycle: {{preStop: {{exec: {{command: [nats-server, -sl=ldm=/var/run/nats/nats.pid]}}}}}}
          volumeMounts: [{mounts or "{name: js, mountPath: /data}"}]
          {probes}
        {more.get("sidecar", "")}
      volumes: [{{name: config, configMap: {{name: nats-config}}}}]
  {more.get("claims", "volumeClaimTemplates: [{metadata: {name: js}, spec: {resources: {requests: {storage: 10Gi}}}}]")}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: nats-config}}
data:
  nats.conf: |
{conf}
---
apiVersion: v1
kind: Service
metadata: {{name: nats}}
spec: {{selector: {{app: nats}}, clusterIP: None, publishNotReadyAddresses: true, ports: [{{port: 4222}}]}}
"""


CONF = """
    pid_file: "/var/run/nats/nats.pid"
    server_name: $POD_NAME
    lame_duck_duration: 30s
    jetstream { store_dir: /data, max_file: 8Gi }
"""
# kyma-project/kyma#15046, nats-io/k8s before 0.14: `/` says OK although JetStream is off.
SLASH = """livenessProbe: {httpGet: {path: /, port: 8222}}
          readinessProbe: {httpGet: {path: /, port: 8222}}"""
# nats-io/nats-server#3563: restarted while it recovers, again and again.
HEALTHZ = "livenessProbe: {httpGet: {path: /healthz, port: 8222}}"
# bitnami/charts#28549: by a command in the container.
BY_COMMAND = """livenessProbe: {exec: {command: [sh, -c, "wget -qO- http://localhost:8222/healthz?js-enabled=true"]}}
          readinessProbe: {tcpSocket: {port: 4222}}"""
# nats-io/k8s#331: shut off by a full disk, and restarted for it.
JS_ENABLED = "livenessProbe: {httpGet: {path: '/healthz?js-enabled=true', port: 8222}}"
# threeport/threeport#511: the claim is mounted into the reloader alone.
WRONG_CONTAINER = stateful(
    CONF,
    mounts="{name: config, mountPath: /etc/nats-config}",
    sidecar="- {name: reloader, image: 'natsio/nats-server-config-reloader:0.14.1', "
    "volumeMounts: [{name: js, mountPath: /data}]}",
)
# nats-io/k8s#614: memory alone, fileStorage.enabled false.
MEMORY_ALONE = stateful(
    CONF.replace("max_file: 8Gi", "max_file: 0, max_mem: 1Gi"),
    claims="podManagementPolicy: Parallel",
)
SINGLE = stateful(CONF, replicas=1)


def findings(text: str) -> dict[str, list[Finding]]:
    objects = [Manifest("m.yaml", each) for each in yaml.safe_load_all(text) if each]
    found: dict[str, list[Finding]] = {}
    for finding in judge(kubernetes.CHECKS, workloads(objects)):
        found.setdefault(finding.check, []).append(finding)
    return found


def words(finding: Finding) -> str:
    return f"{finding.severity} {finding.seen} | {finding.why} | {finding.advice}"


# The manifest, the check, what all of its words have to say (by regular expressions) and what none may say.
Case = tuple[str, str, list[str], list[str]]
CASES: dict[str, Case] = {
    "a Deployment without a volume": (
        DEPLOYMENT_WITHOUT_VOLUME,
        "store-above-volume",
        [
            "error .*messages are lost with the pod",
            "starts with an empty store",
            "StatefulSet with volumeClaimTemplates",
        ],
        ["max_file_store", "80%", "disk is full"],
    ),
    "a Deployment of one": (
        DEPLOYMENT_WITHOUT_VOLUME,
        "not-a-statefulset",
        ["new pod has another name", "StatefulSet with one replica"],
        ["Raft", "member"],
    ),
    "one server": (
        DEPLOYMENT_WITHOUT_VOLUME,
        "too-few-servers",
        ["1 server", "only copy", "replicas to 3"],
        ["[Tt]wo", "four", "or 5"],
    ),
    "one server's clients": (
        DEPLOYMENT_WITHOUT_VOLUME,
        "lame-duck-missing",
        ["closes all client connections", "pid_file"],
        ["other servers"],
    ),
    "no probes at all": (
        DEPLOYMENT_WITHOUT_VOLUME,
        "liveness-probe-wrong",
        ["warning no livenessProbe", "hangs is not restarted", "Add a livenessProbe"],
        ["restarts make it worse", "majority"],
    ),
    "a headless Service of a Deployment": (
        DEPLOYMENT_WITHOUT_VOLUME.replace("clusterIP: None, ", ""),
        "headless-service-missing",
        ["warning no headless Service", "one server"],
        ["serviceName", "form a cluster"],
    ),
    "a claim beside a Deployment, configured by flags": (
        DEPLOYMENT_WITH_CLAIM,
        "store-above-volume",
        ["warning it is configured by flags", "nats.conf with store_dir and max_file_store"],
        ["lost with the pod", "volumeClaimTemplates", "disk is full"],
    ),
    "a probe of the root page": (
        stateful(CONF, SLASH),
        "liveness-probe-wrong",
        ["info no livenessProbe checks .*it requests /", "that a port is open"],
        ["hangs is not", "restarts make it worse", "majority"],
    ),
    "a readiness by the root page": (
        stateful(CONF, SLASH),
        "readiness-probe-wrong",
        ["it requests /", "has disabled JetStream"],
        ["as ready when it starts"],
    ),
    "a liveness of everything, in a cluster": (
        stateful(CONF, HEALTHZ),
        "liveness-probe-wrong",
        [
            "error livenessProbe checks /healthz: a server that waits for its peers",
            "lost its majority",
            "js-server-only",
        ],
        ["hangs"],
    ),
    "a liveness of everything, alone": (
        stateful(CONF, HEALTHZ, replicas=1),
        "liveness-probe-wrong",
        [
            "error livenessProbe checks /healthz: a server that still recovers",
            "recovers the store from the beginning",
        ],
        ["peers", "majority"],
    ),
    "a liveness by a command": (
        stateful(CONF, BY_COMMAND),
        "liveness-probe-wrong",
        [
            r"info livenessProbe checks /healthz\?js-enabled=true: a server that has disabled JetStream"
        ],
        ["hangs", "majority"],
    ),
    "a readiness by an open port": (
        stateful(CONF, BY_COMMAND),
        "readiness-probe-wrong",
        ["no readinessProbe checks /healthz: it opens a port"],
        ["when it starts"],
    ),
    "a liveness that restarts for a full disk": (
        stateful(CONF, JS_ENABLED),
        "liveness-probe-wrong",
        ["which a restart does not solve", "in the readinessProbe"],
        ["majority", "hangs"],
    ),
    "a claim in the wrong container": (
        WRONG_CONTAINER,
        "store-above-volume",
        [
            "error volume js is not mounted into the container that runs nats-server",
            "Mount js at /data",
        ],
        ["max_file_store", "no volumeClaimTemplates"],
    ),
    "a claim beside the store": (
        stateful(CONF, mounts="{name: js, mountPath: /var/lib/nats}"),
        "store-above-volume",
        ["volume js is mounted at /var/lib/nats, and store_dir is /data", "Mount js at /data"],
        ["max_file_store"],
    ),
    "no limit of the store": (
        stateful(CONF.replace(", max_file: 8Gi", "")),
        "store-above-volume",
        [
            "warning max_file_store is not set",
            "when the server starts|on the disk at that time",
            "8192MiB",
        ],
        ["disables JetStream", "lost with"],
    ),
    "a limit as large as the volume": (
        stateful(CONF.replace("8Gi", "10Gi")),
        "store-above-volume",
        [
            "error max_file_store is 10737418240 bytes, and the volume has",
            "disk is full before",
            "8192MiB",
        ],
        [],
    ),
    "a name that all share": (
        stateful(CONF.replace("$POD_NAME", "nats")),
        "server-name-fixed",
        ["server_name is nats", "All 3 servers have the name nats"],
        ["changes"],
    ),
    "no name": (
        stateful(CONF.replace("    server_name: $POD_NAME\n", "")),
        "server-name-fixed",
        ["server_name is not set", "random name at every start"],
        ["All 3"],
    ),
    "two servers": (
        stateful(CONF, replicas=2),
        "too-few-servers",
        ["2 servers", "majority of two servers is two", "Set replicas to 3"],
        ["four", "or 5"],
    ),
    "four servers": (
        stateful(CONF, replicas=4),
        "too-few-servers",
        ["4 servers", "4 servers tolerate the failure of 1, as 3 do", "3 or 5"],
        ["[Tt]wo"],
    ),
    "six servers": (
        stateful(CONF, replicas=6),
        "too-few-servers",
        ["6 servers tolerate the failure of 2, as 5 do", "5 or 7"],
        [],
    ),
    "three servers without a rule for nodes": (
        SINGLE.replace("replicas: 1", "replicas: 3"),
        "no-anti-affinity",
        ["If a node fails, two servers can fail with it, and the cluster loses its majority"],
        ["preferred"],
    ),
    "no requests and no limit": (
        SINGLE,
        "resources-missing",
        [],
        ["other pods can slow them down"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_words_fit_what_was_seen(name: str) -> None:
    text, check, said, unsaid = CASES[name]
    found = findings(text)[check]

    told = "\n".join(map(words, found))
    for pattern in said:
        assert re.search(pattern, told), told
    for pattern in unsaid:
        assert not re.search(pattern, told), (pattern, told)


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        (
            WITHOUT_JETSTREAM,
            [
                "not-a-statefulset",
                "too-few-servers",
                "liveness-probe-wrong",
                "startup-probe-missing",
            ],
        ),
        (SINGLE, ["no-anti-affinity", "disruption-budget-missing", "server-name-fixed"]),
        (SINGLE.replace("$POD_NAME", "nats"), ["server-name-fixed"]),
        (MEMORY_ALONE, ["store-above-volume"]),
        (stateful(CONF), ["store-above-volume", "not-a-statefulset", "too-few-servers"]),
    ],
    ids=[
        "without JetStream",
        "one server",
        "one server's fixed name",
        "memory alone",
        "as it should be",
    ],
)
def test_what_does_not_apply_is_not_told(text: str, silent: list[str]) -> None:
    assert [check for check in silent if check in findings(text)] == []


def test_without_jetstream_the_store_is_said_to_be_none() -> None:
    (found,) = findings(WITHOUT_JETSTREAM)["store-above-volume"]

    assert "A server without JetStream has no store" in found.why
    assert "max_file_store" not in found.why
    assert "no action is needed" in found.advice


EVERY = [case[0] for case in CASES.values()] + [WITHOUT_JETSTREAM, MEMORY_ALONE]
OF_ONE = [text for text in EVERY if not re.search(r"^  replicas: [2-9]", text, re.MULTILINE)]


@pytest.mark.parametrize("number", range(len(OF_ONE)))
def test_one_server_is_told_nothing_of_others(number: int) -> None:
    for finding in (each for found in findings(OF_ONE[number]).values() for each in found):
        assert not re.search(r"majority|peers|the others|two servers|[Ff]our", finding.why), words(
            finding
        )


@pytest.mark.parametrize("number", range(len(EVERY)))
def test_no_two_outcomes_of_a_check_share_a_reason_that_fits_one_of_them(number: int) -> None:
    """Where a check sees two things in one workload, each has words of its own."""
    for found in findings(EVERY[number]).values():
        reasons: dict[tuple[str, str], Any] = {(each.why, each.advice): each.seen for each in found}
        assert len(reasons) == len(found), found
