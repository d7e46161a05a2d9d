"""What the status page says is wrong is what fires: for each scenario of the demo, with a real Prometheus.

The rules are shortened, minutes to seconds. So the page's time is stretched by as much: what it has seen for a second
it has seen for a minute.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import aiohttp
import pytest
from tests.support.tools import tool

from jetstream_exporter.app import App
from jetstream_exporter.demo.child import until
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.stack.fast import FACTOR
from jetstream_exporter.demo.stack.scenarios import SCENARIOS, Scenario
from jetstream_exporter.demo.stack.stack import Stack
from jetstream_exporter.sources.purpose import Purpose
from jetstream_exporter.status import conditions
from jetstream_exporter.status.view import View
from jetstream_exporter.status.watch import Watch

HEALTHY = 8
DEADLINE = 120
NOT_JUDGED = frozenset(conditions.NOT_JUDGED)

pytestmark = pytest.mark.timeout(600)


class Page:
    """The findings of the status page, of one exporter that looks every second."""

    def __init__(self, service: App) -> None:
        self._service = service
        self._watch = Watch()
        self._began = time.time()
        self.view: View | None = None

    async def keep_looking(self) -> None:
        while True:
            snapshot = await self._service.scraper.snapshot(2)
            now = self._began + FACTOR * (time.time() - self._began)
            self.view = View(snapshot, self._watch.note(snapshot, now), now)
            await asyncio.sleep(1)

    def critical(self) -> list[tuple[str, dict[str, str]]]:
        """What is critical and fires, each alert with the labels of its object."""
        found = self.view.findings if self.view is not None else ()
        return [
            (each.alert.name, dict(each.labels))
            for each in found
            if each.is_firing and each.alert.severity == "critical"
        ]

    def everything(self) -> list[str]:
        found = self.view.findings if self.view is not None else ()
        return [f"{e.alert.name} {e.object.name} fires={e.is_firing}" for e in found]

    def state_of(self, consumer: str) -> str:
        """The word of the only consumer of this name; empty where there is none."""
        found = self.view.consumers if self.view is not None else {}
        return next((state for key, state in found.items() if key.name == consumer), "")

    def says(self, alert: str, name: str) -> bool:
        found = self.view.findings if self.view is not None else ()
        return any(
            each.alert.name == alert and each.object.name == name and each.is_firing
            for each in found
        )


class Alerts:
    """What fires in Prometheus."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self.firing: list[dict[str, str]] = []

    async def keep_looking(self) -> None:
        while True:
            async with self._session.get(f"{self._url}/api/v1/alerts") as answer:
                found = (await answer.json())["data"]["alerts"]
            self.firing = [each["labels"] for each in found if each["state"] == "firing"]
            await asyncio.sleep(1)

    def critical(self) -> list[tuple[str, dict[str, str]]]:
        return [(each["alertname"], each) for each in self.firing if each["severity"] == "critical"]

    def say(self, alert: str, name: str) -> bool:
        return any(each["alertname"] == alert and name in each.values() for each in self.firing)


@asynccontextmanager
async def both(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Cluster, Page, Alerts]]:
    for name in ("prometheus", "alertmanager"):
        monkeypatch.setenv(name.upper(), str(tool(name)))
    async with (
        Cluster() as cluster,
        Stack(cluster.monitor_urls, fast=True) as stack,
        aiohttp.ClientSession() as session,
    ):
        await stack.until_watching()
        service = App("", cluster.monitor_urls, purpose=Purpose.FIGURES)
        page, alerts = Page(service), Alerts(stack.prometheus.url, session)
        looking = [asyncio.create_task(each.keep_looking()) for each in (page, alerts)]
        try:
            yield cluster, page, alerts
            for task in looking:
                assert not task.done()
        finally:
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)
            await service.close()


async def agree(
    scenario: Scenario,
    page: Page,
    alerts: Alerts,
    consumer: str = "",
    states: Collection[str] = (),
) -> None:
    """Break it; wait until both say so, and then until neither says anything critical that the other does not.

    Of an alert that needs more history than the exporter keeps, the page says that it cannot judge it.
    """

    async def both_say_it() -> bool:
        name = scenario.component
        said = page.says(scenario.alert, name) or scenario.alert in NOT_JUDGED
        return said and alerts.say(scenario.alert, name)

    async def nothing_else() -> bool:
        return not differences(scenario, page, alerts)

    async with scenario:
        await scenario.prepare()
        await asyncio.sleep(HEALTHY)
        await scenario.break_it()
        if scenario.is_forewarned:
            await until(f"{scenario.name}: a warning", both_say_it, DEADLINE, 0.5)
            await scenario.worsen()
        try:
            await until(f"{scenario.name}: what is wrong", both_say_it, DEADLINE, 0.5)
        except TimeoutError as error:
            said = {"page": page.says(scenario.alert, scenario.component)}
            said["Prometheus"] = alerts.say(scenario.alert, scenario.component)
            raise AssertionError(f"{error}: {said}; {page.everything()}") from None
        try:
            await until(f"{scenario.name}: agreement", nothing_else, DEADLINE, 0.5)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {differences(scenario, page, alerts)}") from None
        assert page.state_of(consumer) in states or not consumer
        await scenario.mend()


def differences(scenario: Scenario, page: Page, alerts: Alerts) -> list[str]:
    said, fires = page.critical(), alerts.critical()
    streams = {*scenario.streams, None}
    # The exporter judges its own age by the clock, which is not stretched.
    said = [each for each in said if "job" not in each[1]]
    fires = [each for each in fires if "job" not in each[1] and each[0] not in NOT_JUDGED]
    only_page = [
        f"only the page says {name} of {labels}"
        for name, labels in said
        if labels.get("stream") in streams and not _matches(name, labels, fires)
    ]
    only_alerts = [
        f"only Prometheus fires {name} of {labels}"
        for name, labels in fires
        if labels.get("stream") in streams
        and not any(name == other and mine.items() <= labels.items() for other, mine in said)
    ]
    return [*only_page, *only_alerts]


def _matches(name: str, labels: dict[str, str], fires: list[tuple[str, dict[str, str]]]) -> bool:
    return any(name == other and labels.items() <= theirs.items() for other, theirs in fires)


CONSUMERS = (
    "consumer-stalled",
    "consumer-crash",
    "poison-message",
    "missing-acks",
    "no-subscribers",
)
STREAMS = ("stream-full", "storage-filling", "mirror-broken")
SERVERS = ("leader-flapping", "server-killed", "r1-server-lost", "quorum-lost")


# Their alerts need hours of history, or rates: what the page says of the consumer meanwhile.
WITH_HISTORY = {
    "slow-consumer-backlog": ("search-index", {"ok", "working"}),
    "forgotten-durable": ("forgotten", {"nobody fetches"}),
}


def test_every_scenario_is_compared() -> None:
    assert {*CONSUMERS, *STREAMS, *SERVERS, *WITH_HISTORY} == set(SCENARIOS)
    assert {SCENARIOS[name].alert for name in WITH_HISTORY} == NOT_JUDGED & {
        scenario.alert for scenario in SCENARIOS.values()
    }


async def test_what_needs_history_fires_and_is_named_as_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing else is said that does not fire, and nothing critical fires besides that the page does not say."""
    async with both(monkeypatch) as (cluster, page, alerts):
        await asyncio.gather(
            *(
                agree(SCENARIOS[name](cluster), page, alerts, *state)
                for name, state in WITH_HISTORY.items()
            )
        )


@pytest.mark.parametrize("names", [CONSUMERS, STREAMS], ids=["consumers", "streams"])
async def test_what_is_wrong_with_objects_is_what_fires(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with both(monkeypatch) as (cluster, page, alerts):
        await asyncio.gather(*(agree(SCENARIOS[name](cluster), page, alerts) for name in names))


@pytest.mark.parametrize("name", SERVERS)
async def test_what_is_wrong_with_servers_is_what_fires(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with both(monkeypatch) as (cluster, page, alerts):
        await agree(SCENARIOS[name](cluster), page, alerts)
