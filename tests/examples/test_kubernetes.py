"""The plain NATS manifests hold what the production checklist asks, and real servers run their nats.conf."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import kubernetes_validate
import nats
import pytest
import yaml
from scripts.versions import BETWEEN, NEWEST, OLDEST
from tests.support import chart, manifests
from tests.support.api import api
from tests.support.ports import free_ports
from tests.support.tools import nats_server
from tests.support.waiting import until

EXAMPLES = chart.ROOT / "examples/kubernetes"


def pod() -> dict[str, Any]:
    found: dict[str, Any] = manifests.the("StatefulSet", "nats")["spec"]["template"]["spec"]
    return found


def server() -> dict[str, Any]:
    (found,) = pod()["containers"]
    return dict(found)


def test_kubernetes_knows_every_field() -> None:
    for found in manifests.objects():
        kubernetes_validate.validate(found, chart.KUBERNETES, strict=True)


def test_every_manifest_is_applied() -> None:
    applied = yaml.safe_load((manifests.FOLDER / "kustomization.yaml").read_text())["resources"]

    assert sorted(applied) == sorted(
        f.name for f in manifests.FOLDER.glob("*.yaml") if f.name != "kustomization.yaml"
    )


def test_the_store_is_smaller_than_the_volume() -> None:
    (claim,) = manifests.the("StatefulSet", "nats")["spec"]["volumeClaimTemplates"]

    assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi"
    assert "max_file_store: 8Gi" in manifests.nats_conf()


def test_a_lame_duck_fits_into_the_grace_period() -> None:
    assert "lame_duck_grace_period: 10s" in manifests.nats_conf()
    assert "lame_duck_duration: 30s" in manifests.nats_conf()
    assert pod()["terminationGracePeriodSeconds"] == 60 > 10 + 30
    assert server()["lifecycle"]["preStop"]["exec"]["command"][1].startswith("-sl=ldm=")


def test_no_node_holds_two_servers_and_no_drain_takes_two() -> None:
    (rule,) = pod()["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    budget = manifests.the("PodDisruptionBudget", "nats")["spec"]

    assert rule["topologyKey"] == "kubernetes.io/hostname"
    assert rule["labelSelector"]["matchLabels"].items() <= labels().items()
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= labels().items()


def labels() -> dict[str, str]:
    template = manifests.the("StatefulSet", "nats")["spec"]["template"]
    found: dict[str, str] = template["metadata"]["labels"]
    return found


def test_servers_know_each_other_by_names_that_outlive_pods() -> None:
    headless = manifests.the("Service", "nats-headless")["spec"]

    assert manifests.the("StatefulSet", "nats")["spec"]["serviceName"] == "nats-headless"
    assert headless["clusterIP"] == "None"
    assert headless["publishNotReadyAddresses"] is True
    for i in range(3):
        assert f"nats://nats-{i}.nats-headless:6222" in manifests.nats_conf()


def test_the_service_of_clients_offers_no_monitoring() -> None:
    ports = manifests.the("Service", "nats")["spec"]["ports"]

    assert [port["port"] for port in ports] == [4222]


def test_the_exporter_of_the_chart_is_let_in() -> None:
    rules = manifests.the("NetworkPolicy", "nats")["spec"]["ingress"]
    (monitor,) = [rule for rule in rules if rule["ports"][0]["port"] == "monitor"]
    exporter = chart.the("Deployment")["spec"]["template"]["metadata"]["labels"]

    assert monitor["from"][0]["podSelector"]["matchLabels"].items() <= exporter.items()


def test_the_values_of_the_exporter_are_values_of_its_chart() -> None:
    values = yaml.safe_load((EXAMPLES / "exporter-values.yaml").read_text())

    for found in chart.objects(values, namespace="nats"):
        chart.validate(found)


async def test_the_exporter_with_its_values_hears_and_sees_the_cluster(tmp_path: Path) -> None:
    """The configuration that the chart renders from them, with loopback for the Service's name."""
    values = yaml.safe_load((EXAMPLES / "exporter-values.yaml").read_text())
    (rendered, *_) = chart.of_kind("ConfigMap", {**values, "dashboards": {"enabled": False}})
    text = rendered["data"]["config.yaml"]
    (tmp_path / "nats").mkdir()
    async with manifests.cluster(tmp_path / "nats") as servers:
        here = text.replace("http://nats-headless:8222", servers[0].url)
        here = here.replace("nats-headless:4222", f"127.0.0.1:{servers[0].client}")
        assert here.count("127.0.0.1") == 2
        config = tmp_path / "config.yaml"
        config.write_text(here)
        (port,) = free_ports(1)
        address = f"127.0.0.1:{port}"
        flags = ("--config.file", config, "--web.listen-address", address)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jetstream_exporter", *map(str, flags)),
            env={"APP_PASSWORD": manifests.PASSWORDS["APP_PASSWORD"]},
        )
        try:
            wanted = {'nats_server_up{nats_cluster="monitoring/jse",server="nats-0"} 1'}
            metrics = await scraped_until(address, wanted, "jetstream_exporter_advisory_connected")
        finally:
            process.terminate()
            await process.wait()

    heard = [each for each in metrics if each.startswith("jetstream_exporter_advisory_connected")]
    assert [each.rpartition(" ")[2] for each in heard] == ["1"]


async def scraped_until(address: str, wanted: set[str], connected: str) -> list[str]:
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://{address}/metrics") as answer:
                    lines = (await answer.text()).splitlines()
            except aiohttp.ClientError:
                lines = []
            ours = [line for line in lines if line.startswith(connected)]
            if wanted <= set(lines) and ours and all(line.endswith(" 1") for line in ours):
                return lines
            await asyncio.sleep(0.1)


def test_both_ways_to_the_cluster_hold_the_same_limits() -> None:
    """The values for the official chart against the plain manifests, where both say it."""
    values = yaml.safe_load((EXAMPLES / "nats-values.yaml").read_text())
    js, template = values["config"]["jetstream"], values["podTemplate"]["merge"]["spec"]
    merged, plain = values["container"]["merge"], server()

    assert f"max_file_store: {js['fileStore']['maxSize']}" in manifests.nats_conf()
    assert f"max_memory_store: {js['memoryStore']['maxSize']}" in manifests.nats_conf()
    assert plain["image"].endswith(f"nats:{values['container']['image']['tag']}")
    assert merged["resources"] == plain["resources"]
    for probe in ("livenessProbe", "readinessProbe"):
        assert merged[probe]["httpGet"] == plain[probe]["httpGet"]
    assert template["terminationGracePeriodSeconds"] == pod()["terminationGracePeriodSeconds"]


async def test_three_real_servers_form_the_cluster_and_orders_has_three_replicas(
    tmp_path: Path,
) -> None:
    async with (
        manifests.cluster(tmp_path) as servers,
        await nats.connect(
            f"nats://127.0.0.1:{servers[0].client}",
            user="app",
            password=manifests.PASSWORDS["APP_PASSWORD"],
            allow_reconnect=False,
            error_cb=unheard,
        ) as client,
    ):
        # As the Job does, which asks again too.
        made = await api(client, "STREAM.CREATE.ORDERS", manifests.orders())
        again = await api(client, "STREAM.CREATE.ORDERS", manifests.orders())

        members = {made["cluster"]["leader"], *(r["name"] for r in made["cluster"]["replicas"])}
        assert members == {"nats-0", "nats-1", "nats-2"}
        assert manifests.orders().items() <= made["config"].items()
        assert again["config"] == made["config"]
        await the_probes_come_to_pass(servers)
        await a_lame_duck_leaves_by_itself(servers[0])
        await manifests.healthy(servers[1:])


async def the_probes_come_to_pass(servers: list[manifests.Server]) -> None:
    """A probe is asked again and again: 503 is right while replicas of a new stream are not current."""
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = server()[probe]["httpGet"]["path"]
        await manifests.healthy(servers, path=path)


async def a_lame_duck_leaves_by_itself(duck: manifests.Server) -> None:
    """As Kubernetes does it: preStop's signal, and SIGTERM as soon as that command came back."""
    pid = duck.log.parent / "nats.pid"
    assert int(pid.read_text()) == duck.process.pid
    command = server()["lifecycle"]["preStop"]["exec"]["command"]
    assert command == ["nats-server", "-sl=ldm=/var/run/nats/nats.pid"]
    await asyncio.to_thread(subprocess.run, [nats_server(NEWEST), f"-sl=ldm={pid}"], check=True)
    await until(lambda: "Entering lame duck mode" in duck.log.read_text(), 10)
    duck.process.send_signal(signal.SIGTERM)
    await until(lambda: duck.process.poll() is not None, 60)
    assert duck.process.returncode == 0
    # Not cut off by SIGTERM: it came to the end of its grace and let its client go.
    assert "Closing existing clients" in duck.log.read_text()


THREE = (OLDEST, BETWEEN, NEWEST)


async def unheard(_: Exception) -> None:
    """The end of the connection is what the test asks for."""


@pytest.mark.parametrize("version", THREE)
async def test_what_the_health_probes_answer_on_a_server_that_waits_for_its_peers(
    version: str, tmp_path: Path
) -> None:
    """Why liveness asks js-server-only, and since when; and that both spellings of js-enabled agree."""
    client, monitor, *routes = free_ports(5)
    text = manifests.localized(tmp_path, client, monitor, routes, routes[0])
    (tmp_path / "nats.conf").write_text(text)
    process = manifests.start(tmp_path, "nats-0", version)
    try:
        answers = await ask(f"http://127.0.0.1:{monitor}/healthz", "meta")
    finally:
        manifests.end(process)
    needs_leader = version.startswith("2.10")

    assert answers == {
        "": 503,
        "js-meta-only=true": 503,
        "js-enabled=true": 200,
        "js-enabled-only=true": 200,
        "js-server-only=true": 503 if needs_leader else 200,
    }
    assert "js-enabled deprecated" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("version", THREE)
async def test_what_the_health_probes_answer_on_a_server_whose_jetstream_shut_itself_off(
    version: str, tmp_path: Path
) -> None:
    """Why readiness asks js-enabled-only; a server that is removed shuts JetStream off and stays."""
    async with manifests.cluster(tmp_path, (version, version, version)) as servers:
        leader, removed = await leader_and_follower(servers)
        await remove(removed.name, leader)
        answers = await ask(f"{removed.url}/healthz", "JetStream not enabled")

    assert answers == {
        "": 503,
        "js-meta-only=true": 503,
        "js-enabled=true": 503,
        "js-enabled-only=true": 503,
        "js-server-only=true": 503 if version.startswith("2.10") else 200,
    }


async def remove(peer: str, leader: manifests.Server) -> None:
    """As `nats server raft peer-remove` does."""
    async with await nats.connect(
        f"nats://127.0.0.1:{leader.client}",
        user="sys",
        password=manifests.PASSWORDS["SYS_PASSWORD"],
        error_cb=unheard,
    ) as client:
        body = json.dumps({"peer": peer}).encode()
        answer = await client.request("$JS.API.SERVER.REMOVE", body, timeout=30)
    assert json.loads(answer.data)["success"]


async def leader_and_follower(
    servers: list[manifests.Server],
) -> tuple[manifests.Server, manifests.Server]:
    """The meta leader and one whom it has heard; whom it has not, it cannot remove."""
    named = {server.name: server for server in servers}
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            for server in servers:
                async with session.get(f"{server.url}/jsz") as answer:
                    meta = (await answer.json())["meta_cluster"]
                heard = [o["name"] for o in meta.get("replicas") or [] if o["current"]]
                if meta.get("leader") == server.name and heard:
                    return server, named[heard[0]]
            await asyncio.sleep(0.1)


async def ask(url: str, waiting_for: str) -> dict[str, int]:
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    if waiting_for in await answer.text():
                        break
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
        return {
            query: await manifests.status(session, f"{url}?{query}")
            for query in (
                "",
                "js-meta-only=true",
                "js-enabled=true",
                "js-enabled-only=true",
                "js-server-only=true",
            )
        }
