"""A real Prometheus finds the exporter and, through it, the servers, by each of the scrape configurations."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support import chart, fast_yaml, manifests
from tests.support.ports import free_ports
from tests.support.tools import tool

FOLDER = chart.ROOT / "examples/prometheus"
Json = dict[str, Any]
FILES = sorted(FOLDER.glob("*.yml"))


# Debian's promtool is built without Kubernetes' discovery; everything else of such a file it can judge.


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_promtool_accepts_it(file: Path, tmp_path: Path) -> None:
    text = file.read_text().replace("/etc/prometheus/rules", str(chart.ROOT / "rules"))
    found = fast_yaml.load(text)
    for discoverer in discoverers(found):
        if discoverer.pop("kubernetes_sd_configs", None):
            discoverer["static_configs"] = [{"targets": ["localhost:1"]}]
    (tmp_path / file.name).write_text(fast_yaml.dump(found))

    done = subprocess.run(
        [tool("promtool"), "check", "config", tmp_path / file.name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def discoverers(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [*found["scrape_configs"], *found.get("alerting", {}).get("alertmanagers", [])]


def test_the_operator_knows_what_kubernetes_is_asked_for() -> None:
    """Its ScrapeConfig is Prometheus' configuration in other letters."""
    found = fast_yaml.load((FOLDER / "kubernetes-sd.yml").read_text())
    asked = [sd for each in discoverers(found) for sd in each["kubernetes_sd_configs"]]
    for sd in asked:
        sd["role"] = sd["role"].capitalize()
        for selector in sd.get("selectors", []):
            selector["role"] = selector["role"].capitalize()

    chart.validate(
        {
            "apiVersion": "monitoring.coreos.com/v1alpha1",
            "kind": "ScrapeConfig",
            "metadata": {"name": "asked"},
            "spec": {"kubernetesSDConfigs": asked},
        }
    )


def test_kubernetes_is_asked_for_the_pods_of_the_chart() -> None:
    text = (FOLDER / "kubernetes-sd.yml").read_text()
    template = chart.the("Deployment")["spec"]["template"]
    name = template["metadata"]["labels"]["app.kubernetes.io/name"]

    assert f"label: app.kubernetes.io/name={name}\n" in text
    assert f"regex: {template['spec']['containers'][0]['ports'][0]['name']}\n" in text


def test_every_file_is_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text()

    assert all(f"`{file.name}`" in readme for file in FILES)


@asynccontextmanager
async def running(*argv: str | Path, log: Path) -> AsyncIterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output)  # noqa: ASYNC220
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def test_prometheus_scrapes_by_each_of_them(tmp_path: Path) -> None:
    """All at once, so that three servers, one exporter and three Prometheus are started once."""
    (tmp_path / "nats").mkdir()
    async with manifests.cluster(tmp_path / "nats") as servers:
        port, *prometheus = free_ports(4)
        targets = [word for server in servers for word in ("--target", server.url)]
        address = f"127.0.0.1:{port}"
        exporter = (sys.executable, "-m", "jetstream_exporter", "--web.listen-address", address)
        here = {"localhost:18222": address} | {
            f"http://{server.name}.nats-headless:8222": server.url for server in servers
        }
        names = {server.name for server in servers}
        wanted = [{"targets": count, "servers": names} for count in (1, 3, 4)]
        async with running(*exporter, *targets, log=tmp_path / "exporter.log"):
            seen = await asyncio.gather(
                *(
                    scraped(tmp_path / name, port, here, one)
                    for name, port, one in zip(
                        ("static", "probe", "http-sd"), prometheus, wanted, strict=True
                    )
                )
            )

    assert seen == wanted


def configured(own: Path, here: dict[str, str]) -> Path:
    """The file of this name with the places of this machine, and with no patience."""
    text = (FOLDER / f"{own.name}.yml").read_text()
    for shipped, instead in {
        **here,
        "30s": "1s",
        "scrape_timeout: 10s": "scrape_timeout: 1s",
        "/etc/prometheus/rules": str(chart.ROOT / "rules"),
    }.items():
        text = text.replace(shipped, instead)
    own.mkdir()
    file = own / "prometheus.yml"
    file.write_text(text)
    return file


async def scraped(own: Path, port: int, here: dict[str, str], wanted: Json) -> Json:
    """Run Prometheus by the file of this name until it has all that is wanted; what it has at last."""
    async with (
        running(
            tool("prometheus"),
            f"--config.file={configured(own, here)}",
            f"--storage.tsdb.path={own / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            log=own / "log",
        ),
        aiohttp.ClientSession() as session,
    ):
        end = time.monotonic() + 60
        while (seen := await look(session, f"http://127.0.0.1:{port}")) != wanted:
            if time.monotonic() > end:
                break
            await asyncio.sleep(0.2)
        return seen


async def look(session: aiohttp.ClientSession, url: str) -> Json:
    up = await query(session, url, "up == 1")
    servers = await query(session, url, "max by (server) (nats_server_up) == 1")
    missing = await query(session, url, "up == 0")
    return {
        "targets": 0 if missing else len(up),
        "servers": {series["metric"]["server"] for series in servers},
    }


async def query(session: aiohttp.ClientSession, url: str, expression: str) -> list[Any]:
    try:
        async with session.get(f"{url}/api/v1/query", params={"query": expression}) as answer:
            found: list[Any] = (await answer.json())["data"]["result"]
            return found
    except (aiohttp.ClientError, aiohttp.ContentTypeError, KeyError):
        return []
