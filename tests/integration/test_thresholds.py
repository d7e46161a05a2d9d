"""Thresholds in metadata on real servers: the verdict of the rules beside that of `nats server check`.

Where the `nats` program is on PATH it is asked as well; elsewhere what it said (0.5.1) stands in the tables.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from scripts.versions import NEWEST, OLDEST
from tests.support.api import api
from tests.support.clients import persistent
from tests.support.exporter import Exporter, eventually, exporter
from tests.support.nats_cli import program
from tests.support.scenario import Prometheus, add_consumer, prometheus
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.publish import publish

pytestmark = pytest.mark.timeout(300)
STATES = {0: "OK", 1: "WARNING", 2: "CRITICAL"}
RANK = {"OK": 0, "WARNING": 1, "CRITICAL": 2}
NATS, OURS = "io.nats.monitor.", "io.jetstream-exporter."


@dataclass(frozen=True)
class Case:
    """A stream, the verdict of `nats server check stream` on it, and ours where that is another one."""

    name: str
    monitor: dict[str, str]
    verdict: str
    ours: str = ""
    messages: int = 0
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def expected(self) -> str:
        return self.ours or self.verdict


def messages(name: str, count: int, verdict: str) -> Case:
    return Case(name, {"msgs-warn": "5", "msgs-critical": "3"}, verdict, messages=count)


def subjects(
    name: str, count: int, verdict: str, thresholds: tuple[str, str], ours: str = ""
) -> Case:
    """`thresholds` are the warning and the critical one; empty is not set."""
    pairs = zip(("subjects-warn", "subjects-critical"), thresholds, strict=True)
    return Case(name, {k: v for k, v in pairs if v}, verdict, ours, messages=count)


THREE = {"num_replicas": 3}
ORIGIN = {"mirror": {"name": "ORIGIN"}}
SOURCES = {
    "sources": [
        {"name": "ORIGIN", "filter_subject": "ORIGIN.1"},
        {"name": "ORIGIN", "filter_subject": "ORIGIN.2"},
    ]
}

CASES = (
    messages("MSGS6", 6, "OK"),
    messages("MSGS5", 5, "WARNING"),
    messages("MSGS4", 4, "WARNING"),
    messages("MSGS3", 3, "CRITICAL"),
    messages("MSGS0", 0, "CRITICAL"),
    Case("MSGSOFF", {"msgs-warn": "0", "msgs-critical": "0"}, "OK"),
    subjects("UPPER1", 1, "OK", ("2", "4")),
    subjects("UPPER2", 2, "WARNING", ("2", "4")),
    subjects("UPPER4", 4, "CRITICAL", ("2", "4")),
    subjects("LOWER5", 5, "OK", ("4", "2")),
    subjects("LOWER4", 4, "WARNING", ("4", "2")),
    subjects("LOWER2", 2, "CRITICAL", ("4", "2")),
    subjects("EQUAL3", 3, "CRITICAL", ("3", "3")),
    subjects("EQUAL4", 4, "OK", ("3", "3")),
    subjects("CRITICAL4", 4, "CRITICAL", ("", "4")),
    subjects("WARN3", 3, "WARNING", ("3", "")),
    subjects("WARN4", 4, "OK", ("3", "")),
    Case("MIRROR", {"lag-critical": "1", "seen-critical": "1h"}, "OK", config=ORIGIN),
    Case("UNSEEN", {"seen-critical": "1ns"}, "CRITICAL", config=ORIGIN),
    Case("NOORIGIN", {"lag-critical": "10"}, "CRITICAL"),
    Case("NOORIGIN2", {"seen-critical": "1h"}, "CRITICAL"),
    Case("SOURCES", {"min-sources": "2", "max-sources": "2"}, "OK", config=SOURCES),
    Case("FEW", {"min-sources": "3"}, "CRITICAL", config=SOURCES),
    Case("MANY", {"max-sources": "1"}, "CRITICAL", config=SOURCES),
    Case("NONE", {"min-sources": "1"}, "CRITICAL"),
    Case("PEERS", {"peer-expect": "3"}, "OK", config=THREE),
    Case("PEERS5", {"peer-expect": "5"}, "CRITICAL", config=THREE),
    Case("ALONE3", {"peer-expect": "3"}, "CRITICAL"),
    Case("PEERSSEEN", {"peer-expect": "3", "peer-seen-critical": "1ns"}, "CRITICAL", config=THREE),
    Case(
        "PEERSWELL",
        {"peer-expect": "3", "peer-seen-critical": "1h", "peer-lag-critical": "1000"},
        "OK",
        config=THREE,
    ),
    # Where we differ; docs/thresholds.md gives the reasons.
    subjects("CRITICAL1", 1, "WARNING", ("", "4"), ours="OK"),
    subjects("WARN0", 0, "CRITICAL", ("3", ""), ours="WARNING"),
    Case("ALONE1", {"peer-expect": "1"}, "CRITICAL", "OK"),
    Case("UNSAID", {"msgs-warn": "1"}, "CRITICAL", "OK", messages=2, config=THREE),
    Case("BAD", {"msgs-warn": "unreadable-figure"}, "CRITICAL", "OK", messages=2),
)
OFFLINE = "PEERSWELL"
OWNED, TEAM = "MSGS0", "payments"


@dataclass
class Watched:
    cluster: Cluster
    nc: Client
    exporter: Exporter
    prometheus: Prometheus


@asynccontextmanager
async def watched(size: int, version: str, folder: Path) -> AsyncIterator[Watched]:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(Cluster(size, binary=nats_server(version)))
        nc = await stack.enter_async_context(await persistent(cluster.urls))
        watching = await stack.enter_async_context(exporter(folder, cluster.monitor_urls))
        target = watching.url.removeprefix("http://")
        prom = await stack.enter_async_context(prometheus(folder, [target], 0.5))
        yield Watched(cluster, nc, watching, prom)


def metadata(monitor: dict[str, str]) -> dict[str, str]:
    return {f"{NATS}{key}": value for key, value in monitor.items()}


async def add(nc: Client, case: Case) -> None:
    own = {} if "mirror" in case.config else {"subjects": [f"{case.name}.*"]}
    written = metadata(case.monitor) | ({f"{OURS}team": TEAM} if case.name == OWNED else {})
    config = {"name": case.name, **own, **case.config, "metadata": written}
    await api(nc, f"STREAM.CREATE.{case.name}", config)
    js = nc.jetstream()
    for number in range(case.messages):
        await publish(js, f"{case.name}.{number}")


async def verdicts(prom: Prometheus, kind: str) -> dict[str, str]:
    """The worst severity that the rules record, by the object's name."""
    found = await prom.ask(
        f'{{__name__=~"nats_cluster_.*:jetstream_{kind}_threshold_exceeded:max"}}'
    )
    worst: dict[str, str] = {}
    for series in found:
        name, severity = series["metric"][kind], series["metric"]["severity"].upper()
        worst[name] = max(severity, worst.get(name, "OK"), key=RANK.__getitem__)
    return worst


async def checked(cluster: Cluster, *arguments: str) -> str:
    """What the program says, where there is one."""
    path = program()
    assert path is not None
    argv = [path, "--server", cluster.urls[0], "server", "check", *arguments, "--format", "json"]
    done = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    out, _ = await done.communicate()
    assert done.returncode in STATES, out
    return STATES[done.returncode]


async def agrees_with_the_program(cluster: Cluster, expected: dict[str, str]) -> None:
    if program() is None:
        return
    said = {name: await checked(cluster, "stream", "--stream", name) for name in expected}
    assert said == expected


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
async def test_streams_are_judged_as_the_nats_tools_judge_them(
    version: str, tmp_path: Path
) -> None:
    async with watched(3, version, tmp_path) as on:
        await api(on.nc, "STREAM.CREATE.ORIGIN", {"name": "ORIGIN", "subjects": ["ORIGIN.*"]})
        for case in CASES:
            await add(on.nc, case)
        wanted = {case.name: case.expected for case in CASES if case.expected != "OK"}
        found: dict[str, str] = {}

        async def is_judged() -> bool:
            nonlocal found
            found = await verdicts(on.prometheus, "stream")
            return found == wanted

        with suppress(AssertionError):
            await eventually("all verdicts", is_judged, 60)
        assert found == wanted
        await agrees_with_the_program(on.cluster, {case.name: case.verdict for case in CASES})

        async def is_told() -> bool:
            invalid = await on.prometheus.ask("jetstream_stream_threshold_invalid_info")
            return [(row["metric"]["stream"], row["metric"]["check"]) for row in invalid] == [
                ("BAD", "msgs")
            ]

        await eventually("the bad value", is_told)  # a scrape may be late
        assert "unreadable-figure" not in await on.exporter.text() + on.exporter.log()

        async def fires() -> bool:
            alerts = 'ALERTS{alertname="JetStreamStreamThresholdExceeded",alertstate="firing"}'
            return {row["metric"]["stream"] for row in await on.prometheus.ask(alerts)} >= set(
                wanted
            )

        await eventually("the alerts", fires, 60)
        sent = (await on.prometheus.get("/api/v1/alerts"))["alerts"]
        owned = {
            (a["labels"]["stream"], a["labels"]["team"]) for a in sent if "team" in a["labels"]
        }
        assert owned == {(OWNED, TEAM)}
        series = await on.prometheus.ask('ALERTS{team!=""}')
        assert {(row["metric"]["stream"], row["metric"]["team"]) for row in series} == owned
        await stop_a_follower(on)

        async def is_offline() -> bool:
            return (await verdicts(on.prometheus, "stream")).get(OFFLINE) == "CRITICAL"

        await eventually("the replica that is offline", is_offline, 60)
        if program() is not None:
            assert await checked(on.cluster, "stream", "--stream", OFFLINE) == "CRITICAL"


async def stop_a_follower(on: Watched) -> None:
    """Of the stream that minds; never the first server, which the program asks."""
    info = await api(on.nc, f"STREAM.INFO.{OFFLINE}")
    leader = info["cluster"]["leader"]
    server = next(s for s in reversed(list(on.cluster)) if s.name != leader)
    await server.stop()


async def exceed(nc: Client) -> list[asyncio.Task[Any]]:
    """A consumer for each check, beyond its threshold, and its twin just below."""
    js = nc.jetstream()
    await api(nc, "STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
    for _ in range(4):
        await js.publish("s")
    for name, settings in CONSUMERS.items():
        monitor = {key: value for key, value in settings.items() if not isinstance(value, dict)}
        config = settings.get("config", {})
        await add_consumer(nc, "S", name, metadata=metadata(monitor), **config)
    for name in ("OUTSTANDING", "OUTSTANDING_OK", "REDELIVERED", "REDELIVERED_OK", "RECENT"):
        subscription = await js.pull_subscribe_bind(name, "S")
        taken = await subscription.fetch(2, timeout=5)
        assert len(taken) == 2
    acknowledged = await js.pull_subscribe_bind("ACKED", "S")
    for message in await acknowledged.fetch(1, timeout=5):
        await message.ack_sync()

    async def again(name: str) -> None:
        subscription = await js.pull_subscribe_bind(name, "S")
        while True:
            with suppress(nats.errors.TimeoutError):
                await subscription.fetch(2, timeout=2)

    async def wait(name: str) -> None:
        subscription = await js.pull_subscribe_bind(name, "S")
        while True:
            with suppress(nats.errors.TimeoutError):
                await subscription.fetch(10, timeout=30)

    waiting = [wait("WAITING") for _ in range(2)] + [wait("WAITING_OK")]
    return [asyncio.create_task(work) for work in (*waiting, again("REDELIVERED"))]


PINNED = {"priority_groups": ["g"], "priority_policy": "pinned_client"}
QUIET = {"deliver_policy": "new"}
CONSUMERS: dict[str, dict[str, Any]] = {
    "OUTSTANDING": {"outstanding-ack-critical": "2", "config": {"ack_wait": 3600 * 10**9}},
    "OUTSTANDING_OK": {"outstanding-ack-critical": "3", "config": {"ack_wait": 3600 * 10**9}},
    "WAITING": {"waiting-critical": "2", "config": QUIET},
    "WAITING_OK": {"waiting-critical": "2", "config": QUIET},
    "UNPROCESSED": {"unprocessed-critical": "4"},
    "UNPROCESSED_OK": {"unprocessed-critical": "5"},
    "REDELIVERED": {"redelivery-critical": "2", "config": {"ack_wait": 10**9}},
    "REDELIVERED_OK": {"redelivery-critical": "1", "config": {"ack_wait": 3600 * 10**9}},
    "NEVER": {"last-delivery-critical": "1h"},
    "OLD": {"last-ack-critical": "1h"},
    "RECENT": {"last-delivery-critical": "1h", "config": {"ack_wait": 3600 * 10**9}},
    "ACKED": {"last-ack-critical": "1h"},
    "UNPINNED": {"pinned": "true", "config": PINNED},
    "OTHERPOLICY": {"pinned": "true"},
}
EXCEEDED = {
    *("OUTSTANDING", "WAITING", "UNPROCESSED", "REDELIVERED", "NEVER", "OLD"),
    *("UNPINNED", "OTHERPOLICY"),
}


async def test_consumers_are_judged_by_what_the_nats_tools_document(tmp_path: Path) -> None:
    async with watched(1, NEWEST, tmp_path) as on:
        tasks = await exceed(on.nc)
        found: dict[str, str] = {}

        async def is_judged() -> bool:
            nonlocal found
            found = await verdicts(on.prometheus, "consumer")
            return found == dict.fromkeys(EXCEEDED, "CRITICAL")

        with suppress(AssertionError):
            await eventually("all verdicts", is_judged, 60)
        assert found == dict.fromkeys(EXCEEDED, "CRITICAL")

        async def fires() -> bool:
            alerts = 'ALERTS{alertname="JetStreamConsumerThresholdExceeded",alertstate="firing"}'
            told = {row["metric"]["consumer"] for row in await on.prometheus.ask(alerts)}
            return told >= EXCEEDED

        await eventually("the alerts", fires, 60)
        if program() is not None:
            said = await checked(
                on.cluster, "consumer", "--stream", "S", "--consumer", "UNPROCESSED"
            )
            assert said == "OK", "the program looks at the metadata of consumers by now"
        pending = set(tasks)
        while pending:  # before Python 3.12 what nats-py waits with can swallow a cancellation
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=1)


async def test_another_metadata_key_is_a_label_after_a_reload(tmp_path: Path) -> None:
    async with Cluster(1, binary=nats_server(NEWEST)) as cluster:
        async with await nats.connect(cluster.urls) as nc:
            said = {"name": "S", "subjects": ["s"], "metadata": {"app": "shop", "tier": "gold"}}
            await api(nc, "STREAM.CREATE.S", said)
        config: dict[str, Any] = {"clusters": [{"targets": cluster.monitor_urls}]}
        async with exporter(tmp_path, config=json.dumps(config)) as watching:
            samples = await watching.until(
                "the stream", lambda s: bool(s.all("jetstream_stream_info"))
            )
            assert samples.all("jetstream_stream_labels") == []
            for key, value in (("app", "shop"), ("tier", "gold")):
                config["labels"] = {"metadata": [key]}
                (tmp_path / "exporter.yaml").write_text(json.dumps(config))
                os.kill(watching.child.pid, signal.SIGHUP)
                wanted = {f"label_{key}": value}
                await watching.until(
                    f"the label {key}",
                    lambda s, w=wanted: bool(s.all("jetstream_stream_labels", **w)),  # type: ignore[misc]
                )
