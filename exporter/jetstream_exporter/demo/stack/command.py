"""`jetstream-exporter demo --stack`: the chain from the cluster to an incident, and scenarios that break it."""

import argparse
import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from jetstream_exporter.demo.child import DemoError, until
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.orders.producer import Pace
from jetstream_exporter.demo.orders.workload import Workload
from jetstream_exporter.demo.screen import Screen
from jetstream_exporter.demo.stack.pagerduty import Incident
from jetstream_exporter.demo.stack.scenarios import SCENARIOS, Scenario
from jetstream_exporter.demo.stack.stack import Stack

# Seconds that the rules see of a healthy world before it is broken, and of a broken one after its alert.
HEALTHY = 60.0
HEALTHY_FAST = 8.0
# An incident needs minutes; the longest scenario one and a half hours, or seconds.
DEADLINE = 7200.0
DEADLINE_FAST = 180.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--stack",
        action="store_true",
        help="with Prometheus, the alert rules, Alertmanager and a stand-in for PagerDuty",
    )
    add(
        "--scenario",
        choices=sorted(SCENARIOS),
        metavar="NAME",
        help="break the cluster, wait for the incident, mend it, wait for its end; implies --stack: "
        + ", ".join(SCENARIOS),
    )
    add(
        "--fast",
        action="store_true",
        help="with --stack: the rules' minutes become seconds",
    )


def mistake(arguments: argparse.Namespace) -> str:
    """What is wrong with these flags together; empty where nothing is."""
    if arguments.fast and not (arguments.stack or arguments.scenario):
        return "--fast needs --stack or --scenario"
    if arguments.scenario and arguments.servers != 3:
        return f"--scenario needs --servers 3, not {arguments.servers}"
    return ""


async def run(arguments: argparse.Namespace, screen: Screen, folder: Path) -> None:
    """The stack beside a cluster: until the scenario is over, the time is, or a signal comes."""
    screen.say(f"starting {arguments.servers} nats-server(s) and the stack")
    async with AsyncExitStack() as running:
        cluster = await running.enter_async_context(
            Cluster(arguments.servers, binary=arguments.nats_server, folder=folder)
        )
        stack = await running.enter_async_context(
            Stack(
                cluster.monitor_urls,
                fast=arguments.fast,
                urls=cluster.urls,
                say=_with_time(screen.say),
            )
        )
        _introduce(cluster, stack, screen)
        await stack.until_watching(120)
        screen.say("the watchdog came through: the whole chain works")
        if arguments.scenario:
            await play(SCENARIOS[arguments.scenario](cluster), stack, screen)
        else:
            replicas = min(3, arguments.servers)
            await running.enter_async_context(
                Workload(cluster.urls, replicas=replicas, pace=Pace(arguments.rate))
            )
            await asyncio.sleep(arguments.duration or float("inf"))


async def play(scenario: Scenario, stack: Stack, screen: Screen) -> Incident:
    deadline = DEADLINE_FAST if stack.fast else DEADLINE
    async with scenario:
        await scenario.prepare()
        screen.say("", f"{scenario.name}: all is well")
        await asyncio.sleep(HEALTHY_FAST if stack.fast else HEALTHY)
        screen.say(f"breaking it: {scenario.story}")
        await scenario.break_it()
        if scenario.is_forewarned:
            await _opened(scenario, "warning", stack, deadline)
            screen.say("making it worse")
            await scenario.worsen()
        incident = await _opened(scenario, scenario.severity, stack, deadline)
        for text, href in incident.links.items():
            screen.say(f"           {text}: {href}")
        screen.say("mending it")
        await scenario.mend()
        await _wait("the end of the incident", lambda: incident.resolved, deadline)
        screen.say(f"{scenario.name}: over", "")
        return incident


async def _opened(scenario: Scenario, severity: str, stack: Stack, deadline: float) -> Incident:
    def found() -> Incident | None:
        return next(
            (
                incident
                for incident in stack.pagerduty.open
                if (incident.alert, incident.component, incident.severity)
                == (scenario.alert, scenario.component, severity)
            ),
            None,
        )

    await _wait(f"{severity} {scenario.alert} about {scenario.component}", found, deadline)
    incident = found()
    if incident is None:
        raise DemoError(f"{scenario.alert} ended before it could be looked at")
    return incident


async def _wait(what: str, condition: Callable[[], object], deadline: float) -> None:
    async def holds() -> bool:
        return bool(condition())

    try:
        await until(what, holds, deadline, 0.2)
    except TimeoutError as error:
        raise DemoError(str(error)) from error


def _with_time(say: Callable[[str], None]) -> Callable[[str], None]:
    return lambda text: say(f"{time.strftime('%H:%M:%S')}   {text}")


def _introduce(cluster: Cluster, stack: Stack, screen: Screen) -> None:
    screen.say(
        *(
            f"{server.name}        {server.url}  monitoring {server.monitor_url}"
            for server in cluster
        ),
        *(f"exporter      {exporter.url}/metrics" for exporter in stack.exporters),
        f"Prometheus    {stack.prometheus.url}/alerts",
        f"Alertmanager  {stack.alertmanager.url}",
        f"incidents     {stack.pagerduty.url}",
        "",
    )
