"""Configurations on a path of their own: with the other path they are everything, and no series comes twice."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.fake_nats import FakeNats
from tests.support.golden import everything_seen
from tests.support.web import Web, web

from jetstream_exporter.config.schema import Config, Families
from jetstream_exporter.metrics import configuration
from jetstream_exporter.scrape import Content
from jetstream_exporter.scrape.renderer import _encoders

OF_STREAMS = ("jetstream_stream_info", "jetstream_stream_replicas")


def names(text: str) -> set[str]:
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}


def series(content: Content, config: Config) -> Counter[str]:
    """Without the number of samples of each family, which is told of the families of the path alone."""
    rendered = _encoders(config)[content].of(None).render(everything_seen())
    lines = b"".join(rendered).decode().splitlines()
    return Counter(line for line in lines if not line.startswith("jetstream_exporter_samples{"))


@pytest.mark.parametrize("disabled", [[], ["jetstream_consumer_info", "nats_server_up"]])
def test_both_paths_together_are_everything_and_nothing_comes_twice(disabled: list[str]) -> None:
    config = Config(families=Families(disabled=disabled))
    of_path = series(Content.CONFIGURATION, config)
    assert series(Content.OTHERS, config) + of_path == series(Content.EVERYTHING, config)
    assert len(of_path) > 100


def test_what_changes_while_nobody_configures_anything_is_no_configuration() -> None:
    assert set(OF_STREAMS) <= configuration()
    moving = ("_total", "_pending_messages", "_has_leader", "_has_quorum", "_timestamp_seconds")
    found = {name for name in configuration() if name.endswith(moving)}
    assert found == {
        "jetstream_consumer_created_timestamp_seconds",
        "jetstream_stream_created_timestamp_seconds",
    }


@pytest.fixture
async def site(fake: FakeNats, tmp_path: Path) -> AsyncIterator[Web]:
    file = tmp_path / "exporter.yaml"
    file.write_text("families: {config_path: true}\n")
    async with web([fake.url], file) as site:
        yield site


async def text(site: Web, path: str) -> str:
    async with site.client.get(path) as response:
        assert response.status == 200
        return await response.text()


async def test_each_path_has_its_families_and_a_probe_has_all(site: Web, fake: FakeNats) -> None:
    metrics, config = await text(site, "/metrics"), await text(site, "/metrics/config")
    probe = await text(site, f"/probe?target={fake.url}")
    assert names(config) <= configuration()
    assert names(metrics).isdisjoint(configuration())
    assert set(OF_STREAMS) <= names(config) & names(probe)
    assert {"jetstream_stream_has_leader", "process_cpu_seconds_total"} <= names(metrics)


async def test_slices_and_names_are_of_the_path_that_is_asked(site: Web) -> None:
    slices = [await text(site, f"/metrics/config?shard={number}/2") for number in range(2)]
    whole = await text(site, "/metrics/config")
    lines = [line for part in slices for line in part.splitlines() if line[0] != "#"]
    assert sorted(lines) == sorted(line for line in whole.splitlines() if line[0] != "#")
    assert names(await text(site, "/metrics/config?name[]=jetstream_stream_info")) == {
        "jetstream_stream_info"
    }
    assert names(await text(site, "/metrics?name[]=jetstream_stream_info")) == set()


async def test_without_the_setting_the_first_path_has_everything(fake: FakeNats) -> None:
    async with web([fake.url]) as site:
        assert names(await text(site, "/metrics/config")) < names(await text(site, "/metrics"))


async def test_a_parameter_that_the_path_does_not_have_is_refused(site: Web) -> None:
    async with site.client.get("/metrics/config?profile=lean") as response:
        assert response.status == 400
        assert "/metrics/config has no parameter 'profile'" in await response.text()
