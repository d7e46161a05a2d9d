"""The ScaledObjects as KEDA reads them, and their queries in a real Prometheus beside a real cluster."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts.versions import NEWEST
from tests.support import chart
from tests.support.clients import persistent
from tests.support.exporter import eventually, exporter
from tests.support.scenario import Prometheus, add_consumer, add_stream, prometheus
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.publish import publish

FOLDER = chart.ROOT / "examples/keda"
FILES = sorted(FOLDER.glob("*.yaml"))
# Of the scaler `prometheus`, in KEDA's documentation.
PARAMETERS = {"serverAddress", "query", "threshold", "activationThreshold", "ignoreNullValues"}
PARAMETERS |= {"namespace", "customHeaders", "unsafeSsl", "authModes", "queryParameters", "timeout"}
by_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def scaled(file: Path) -> dict[str, Any]:
    return dict(yaml.load(file.read_text(), chart.Loader))


def trigger(name: str) -> dict[str, Any]:
    (found,) = scaled(FOLDER / f"{name}.yaml")["spec"]["triggers"]
    return dict(found)


@by_file
def test_keda_knows_every_field(file: Path) -> None:
    keda = pytest.importorskip(
        "cloudcoil.models.keda.v1alpha1", reason="KEDA's fields: pip install cloudcoil-models-keda"
    )
    found = scaled(file)
    model = keda.ScaledObject.model_validate(found)
    read = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert set(chart.paths(found)) - set(chart.paths(read)) == set()


@by_file
def test_a_trigger_has_documented_parameters_and_takes_no_result_for_an_error(file: Path) -> None:
    (found,) = scaled(file)["spec"]["triggers"]
    assert set(found["metadata"]) <= PARAMETERS
    assert all(isinstance(value, str) for value in found["metadata"].values())
    assert found["metadata"]["ignoreNullValues"] == "false"


def test_every_file_is_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text()
    assert all(f"`{file.name}`" in readme for file in FILES)


async def answer(prom: Prometheus, name: str) -> float | None:
    """The one value that KEDA takes; None where it would see an error."""
    found = await prom.ask(str(trigger(name)["metadata"]["query"]))
    assert len(found) < 2, "KEDA takes a single element"
    assert all(series["metric"] == {} for series in found)
    return float(found[0]["value"][1]) if found else None


@pytest.mark.timeout(240)
async def test_workers_follow_the_backlog_and_the_lag_and_stay_while_nobody_leads(
    tmp_path: Path,
) -> None:
    async with (
        Cluster(3, binary=nats_server(NEWEST)) as cluster,
        await persistent(cluster.urls) as nc,
    ):
        config = {
            "clusters": [{"name": "nats", "targets": cluster.monitor_urls}],
            "collect": {"timeout": "2s"},
        }
        js = nc.jetstream()
        await add_stream(nc, "ORDERS", subjects=["orders"])
        await add_consumer(nc, "ORDERS", "billing")
        async with exporter(tmp_path, config=json.dumps(config)) as watching:
            target = watching.url.removeprefix("http://")
            async with prometheus(tmp_path, [target], 0.5) as prom:

                async def is_idle() -> bool:
                    return [await answer(prom, name) for name in ("backlog", "lag")] == [0, 0]

                await eventually("nothing that waits", is_idle)
                for _ in range(250):
                    await publish(js, "orders")
                subscription = await js.pull_subscribe_bind("billing", "ORDERS")
                taken = await subscription.fetch(10, timeout=5)

                async def is_behind() -> bool:
                    backlog, lag = [await answer(prom, name) for name in ("backlog", "lag")]
                    return backlog == 250 and lag is not None and lag > 2

                await eventually("what waits and what is in progress", is_behind)
                per_worker = float(trigger("backlog")["metadata"]["threshold"])
                assert math.ceil(250 / per_worker) == 3
                for message in taken:
                    await message.ack_sync()

                async def is_less() -> bool:
                    return await answer(prom, "backlog") == 240

                await eventually("less in progress", is_less)
                for server in list(cluster)[1:]:
                    await server.kill()

                async def is_an_error() -> bool:
                    return [await answer(prom, name) for name in ("backlog", "lag")] == [None, None]

                await eventually("no leader", is_an_error, 90)
