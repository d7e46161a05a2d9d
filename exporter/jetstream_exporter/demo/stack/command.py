"""`jetstream-exporter demo --stack`: the chain from the cluster to an incident, and scenarios that break it."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from jetstream_exporter.demo import figures
from jetstream_exporter.demo.child import DemoError, until
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.exporter import metrics_of
from jetstream_exporter.demo.orders.producer import Pace
from jetstream_exporter.demo.orders.workload import Workload
from jetstream_exporter.demo.screen import Screen, logging_to
from jetstream_exporter.demo.stack.hold import explained, until_enter
from jetstream_exporter.demo.stack.pagerduty import Incident
from jetstream_exporter.demo.stack.scenarios import SCENARIOS, Scenario
from jetstream_exporter.demo.stack.stack import Stack

# Seconds that the rules see of a healthy world before it is broken, and of a broken one after its alert.
HEALTHY = 60.0
HEALTHY_FAST = 8.0
# An incident needs minutes; the longest scenario one and a half hours, or seconds.
DEADLINE = 7200.0
DEADLINE_FAST = 180.0
MEANT = (
    "This stack is healthy. One order always fails, on purpose: it is redelivered, ends as a dead letter in",
    "ORDERS_deadletter, and can open incidents about the consumers of ORDERS and about that stream.",
    "",
)


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
        help="break the cluster, wait for the incident, repair it, wait until it is resolved; implies --stack: "
        + ", ".join(SCENARIOS),
    )
    add(
        "--hold",
        action="store_true",
        help="with --scenario: keep the cluster broken until Enter is pressed, and show how to mend it",
    )
    add(
        "--fast",
        action="store_true",
        help="with --stack: shorten the minutes of the rules to seconds",
    )


def mistake(arguments: argparse.Namespace) -> str:
    """What is wrong with these flags together; empty where nothing is."""
    scenario = arguments.scenario
    mistakes = {
        "--fast needs --stack or --scenario": arguments.fast and not (arguments.stack or scenario),
        "--hold needs --scenario": arguments.hold and not scenario,
        f"--scenario needs --servers 3, not {arguments.servers}": scenario
        and arguments.servers != 3,
        "--interval applies to the table of consumers, which --scenario does not show; use Prometheus": scenario
        and arguments.interval,
        "--rate applies to the ORDERS workload; a scenario has its own workload": scenario
        and arguments.rate,
        "--duration cannot be set with --scenario, which stops when its incident is resolved": scenario
        and arguments.duration,
    }
    return next((sentence for sentence, is_made in mistakes.items() if is_made), "")


async def run(arguments: argparse.Namespace, screen: Screen, folder: Path, pace: Pace) -> None:
    """The stack beside a cluster: until the scenario is over, the time is, or a signal comes.

    The time begins when the whole chain works.
    """
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
                address=arguments.address,
            )
        )
        _introduce(cluster, stack, screen)
        await stack.until_watching(120)
        screen.say("the watchdog alert arrived: the alerting pipeline works")
        if arguments.scenario:
            scenario = SCENARIOS[arguments.scenario](cluster)
            await play(scenario, stack, screen, hold=arguments.hold)
        else:
            running.enter_context(logging_to(folder / "orders.log", screen))
            replicas = min(3, arguments.servers)
            await running.enter_async_context(Workload(cluster.urls, replicas=replicas, pace=pace))
            screen.say(*MEANT)
            look = _figures(screen, stack)
            await screen.keep_showing(look, arguments.interval, arguments.duration)


def _figures(screen: Screen, stack: Stack) -> Callable[[], Awaitable[Sequence[str]]]:
    """Those of the first exporter, with the open incidents."""

    async def look() -> Sequence[str]:
        text = await metrics_of(stack.exporters[0].url)
        return [*figures.panel(text, screen.is_terminal), *incidents(stack.pagerduty.open)]

    return look


def incidents(found: Iterable[Incident]) -> list[str]:
    lines = [f"{each.severity} {each.alert} {each.component}" for each in found]
    return ["", *(f"incident: {line}" for line in lines)] if lines else ["", "no open incident"]


async def play(scenario: Scenario, stack: Stack, screen: Screen, *, hold: bool = False) -> Incident:
    deadline = DEADLINE_FAST if stack.fast else DEADLINE
    async with scenario:
        await scenario.prepare()
        screen.say("", f"{scenario.name}: the cluster is healthy")
        await asyncio.sleep(HEALTHY_FAST if stack.fast else HEALTHY)
        screen.say(f"breaking the cluster: {scenario.story}")
        await scenario.break_it()
        if hold:
            screen.say(*explained(scenario))
        if scenario.is_forewarned:
            await _opened(scenario, "warning", stack, deadline)
            screen.say("making it worse")
            await scenario.worsen()
        incident = await _opened(scenario, scenario.severity, stack, deadline)
        for text, href in incident.links.items():
            screen.say(f"           {text}: {href}")
        if hold:
            screen.say("press Enter to mend it")
            await until_enter()
        screen.say("repairing the cluster")
        await scenario.mend()
        await _wait("the end of the incident", lambda: incident.resolved, deadline)
        screen.say(f"{scenario.name}: finished", "")
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
        raise DemoError(f"{scenario.alert} was resolved before its details could be read")
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
        f"status page   {stack.exporters[0].url}/",
        f"Prometheus    {stack.prometheus.url}/alerts",
        f"Alertmanager  {stack.alertmanager.url}",
        f"incidents     {stack.pagerduty.url}",
        "Open the status page first. Ctrl-C stops everything.",
        "",
    )
