"""From a broken cluster to an incident and back: servers, exporter, Prometheus, Alertmanager, PagerDuty's stand-in.

The shipped rules and the shipped routing; only their waits are shortened, minutes to seconds.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig
from tests.support.rules import RUNBOOKS
from tests.support.tools import tool

from jetstream_exporter.demo.child import DemoError, until
from jetstream_exporter.demo.cluster import SYSTEM_USER, Cluster
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.stack.pagerduty import Incident
from jetstream_exporter.demo.stack.scenarios import SCENARIOS, Scenario
from jetstream_exporter.demo.stack.scenarios.servers import meta_leader, step_down
from jetstream_exporter.demo.stack.stack import ROUTING_KEY, TEAM_KEY, Stack

# A span of the rules holds samples of health before anything breaks.
HEALTHY = 6
BORN = 100
GONE = 60

pytestmark = pytest.mark.timeout(300)


@asynccontextmanager
async def chain(
    monkeypatch: pytest.MonkeyPatch, exporters: int = 1
) -> AsyncIterator[tuple[Cluster, Stack]]:
    for name in ("prometheus", "alertmanager"):
        monkeypatch.setenv(name.upper(), str(tool(name)))
    async with (
        Cluster() as cluster,
        Stack(cluster.monitor_urls, fast=True, exporters=exporters) as stack,
    ):
        await stack.until_watching()
        yield cluster, stack
        assert stack.pagerduty.refused == []


async def wait(what: str, condition: Callable[[], object], deadline: float) -> None:
    async def holds() -> bool:
        return bool(condition())

    await until(what, holds, deadline, 0.2)


def concerns(incident: Incident, scenario: Scenario) -> bool:
    """Whether it is about the stream, the consumer or the cluster that this scenario broke."""
    streams = scenario.streams
    return not streams or not incident.details["stream"] or incident.details["stream"] in streams


async def born(scenario: Scenario, severity: str, stack: Stack) -> Incident:
    def found() -> list[Incident]:
        return [
            incident
            for incident in stack.pagerduty.open
            if (incident.alert, incident.component, incident.severity)
            == (scenario.alert, scenario.component, severity)
        ]

    await wait(f"{scenario.name}: {severity} {scenario.alert}", found, BORN)
    return found()[0]


def judge(scenario: Scenario, stack: Stack, incident: Incident) -> None:
    """The right link, and no other critical incident about the same."""
    runbook = urlsplit(incident.links["Runbook"]).path.rsplit("/", 1)[1]
    assert runbook == f"{scenario.alert}.md"
    assert (RUNBOOKS / runbook).is_file()
    assert "Dashboard" not in incident.links  # there is no Grafana
    critical = {
        other.alert
        for other in stack.pagerduty.incidents
        if other.severity == "critical" and concerns(other, scenario)
    }
    assert critical - {scenario.alert} <= scenario.also, f"{scenario.name} raised {critical}"


async def play(scenario: Scenario, stack: Stack) -> Incident:
    """Break it, wait for its incident, mend it, wait for its end."""
    async with scenario:
        await scenario.prepare()
        await asyncio.sleep(HEALTHY)
        await scenario.break_it()
        if scenario.is_forewarned:
            await born(scenario, "warning", stack)
            await scenario.worsen()
        incident = await born(scenario, scenario.severity, stack)
        await scenario.mend()
        await wait(f"{scenario.name}: the end", lambda: incident.resolved, GONE)
        judge(scenario, stack, incident)
        assert len({event["dedup_key"] for event in incident.events}) == 1
        return incident


async def another_leader(cluster: Cluster, system: Client) -> None:
    before = await meta_leader(cluster[0])

    async def is_elected() -> bool:
        return await meta_leader(cluster[0]) not in ("", before)

    async with system:
        await step_down(system)
        await until("another meta leader", is_elected, 30, 0.2)


def scenarios(cluster: Cluster, *names: str) -> list[Scenario]:
    return [SCENARIOS[name](cluster) for name in names]


async def test_what_is_broken_in_a_consumer_becomes_its_incident_and_ends_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with chain(monkeypatch) as (cluster, stack):
        broken = scenarios(
            cluster,
            "consumer-stalled",
            "consumer-crash",
            "poison-message",
            "missing-acks",
            "no-subscribers",
        )
        await asyncio.gather(*(play(scenario, stack) for scenario in broken))


async def test_what_is_broken_in_a_stream_becomes_its_incident_and_ends_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with chain(monkeypatch) as (cluster, stack):
        broken = scenarios(cluster, "stream-full", "storage-filling", "mirror-broken")
        _, filling, _ = await asyncio.gather(*(play(scenario, stack) for scenario in broken))
        assert filling.severities[:2] == ["warning", "critical"]
        same = (filling.alert, filling.component)
        about = [i for i in stack.pagerduty.incidents if (i.alert, i.component) == same]
        assert about == [filling]


THRESHOLD = "io.nats.monitor"
TEAM = "io.jetstream-exporter.team"


async def add_beyond_thresholds(nc: Client, stream: str, owner: dict[str, str]) -> None:
    """A stream with too few messages and a consumer with too many, by their own thresholds."""
    js = nc.jetstream()
    few = {f"{THRESHOLD}.msgs-critical": "10", **owner}
    await create_stream(js, name=stream, subjects=[stream], num_replicas=1, metadata=few)
    many = {f"{THRESHOLD}.unprocessed-critical": "1"}
    await create_consumer(js, stream, ConsumerConfig(durable_name="worker", metadata=many))
    await js.publish(stream, b"{}")


async def test_an_alert_goes_to_the_team_of_its_stream_and_to_everybody_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with chain(monkeypatch) as (cluster, stack), await nats.connect(cluster.urls) as nc:
        await add_beyond_thresholds(nc, "OWNED", {TEAM: "payments"})
        await add_beyond_thresholds(nc, "FREE", {})
        expected = {
            (stream, consumer, team, key)
            for stream, team, key in (("OWNED", "payments", TEAM_KEY), ("FREE", "", ROUTING_KEY))
            for consumer in ("", "worker")
        }
        found: set[tuple[str, ...]] = set()

        def is_told() -> bool:
            nonlocal found
            incidents = [i for i in stack.pagerduty.open if i.alert.endswith("ThresholdExceeded")]
            found = {
                (i.details["stream"], i.details["consumer"], i.details["team"], e["routing_key"])
                for i in incidents
                for e in i.events
            }
            return found == expected

        with suppress(DemoError):
            await wait("the incidents of both", is_told, BORN)
        assert found == expected


async def test_a_killed_server_is_one_critical_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    async with chain(monkeypatch) as (cluster, stack):
        (killed,) = scenarios(cluster, "server-killed")
        await play(killed, stack)
        assert [incident.alert for incident in stack.pagerduty.incidents] == ["NatsServerDown"]


async def test_a_stream_that_only_a_dead_server_held_is_an_incident_beside_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with chain(monkeypatch) as (cluster, stack):
        (lonely,) = scenarios(cluster, "r1-server-lost")
        await play(lonely, stack)


async def test_a_lost_majority_is_one_critical_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    async with chain(monkeypatch) as (cluster, stack):
        (lost,) = scenarios(cluster, "quorum-lost")
        await play(lost, stack)
        critical = {i.alert for i in stack.pagerduty.incidents if i.severity == "critical"}
        assert critical == {lost.alert}


async def test_a_flapping_leader_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    async with chain(monkeypatch) as (cluster, stack):
        (flapping,) = scenarios(cluster, "leader-flapping")
        await play(flapping, stack)
        assert {i.severity for i in stack.pagerduty.incidents} == {"warning"}


async def test_what_happens_every_week_pages_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two exporters; one restarts; a leader steps down; a rolling restart; all scrapes fail for a while."""
    async with chain(monkeypatch, exporters=2) as (cluster, stack):
        (workload,) = scenarios(cluster, "consumer-stalled")
        async with workload:
            await workload.prepare()
            await asyncio.sleep(HEALTHY)
            await stack.exporters[0].stop()
            await stack.exporters[0].start()
            await another_leader(cluster, await workload.connect(SYSTEM_USER))
            for server in cluster:
                await server.restart()
                await cluster.until_ready()
            # Four minutes, shortened like everything else.
            for exporter in stack.exporters:
                exporter.pause()
            await asyncio.sleep(4)
            for exporter in stack.exporters:
                exporter.resume()
            # As long as the longest wait of a rule that may page.
            await asyncio.sleep(25)
        assert [(i.alert, i.severity) for i in stack.pagerduty.incidents] == []
