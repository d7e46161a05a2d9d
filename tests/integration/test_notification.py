"""Alertmanager with the shipped configuration, and what reaches PagerDuty and the heartbeat.

No Prometheus here: the alerts are posted, so that each moment is ours.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from tests.support.tools import tool

from jetstream_exporter.demo.child import until
from jetstream_exporter.demo.stack.pagerduty import mistakes
from jetstream_exporter.demo.stack.stack import ROUTING_KEY, TEAM_KEY, Stack

STREAM = {
    "service": "jetstream",
    "scope": "stream",
    "nats_cluster": "c",
    "account": "A",
    "stream": "S",
}
LINKS = {
    "summary": "A stream is full",
    "description": "Stream S is full.",
    "runbook_url": "https://example.com/runbook",
    "dashboard_url": "https://example.com/d/x",
}


class Chain:
    """Alertmanager and the stand-in, and the alerts posted."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.pagerduty = stack.pagerduty
        self._http = http

    async def post(self, name: str, severity: str, *, firing: bool = True, **labels: str) -> None:
        now = datetime.now(UTC)
        body = {
            "labels": {"alertname": name, "severity": severity, **STREAM, **labels},
            "annotations": LINKS,
            "startsAt": (now - timedelta(seconds=30)).isoformat(),
            "endsAt": (now + timedelta(minutes=5) if firing else now).isoformat(),
        }
        url = f"{self.stack.alertmanager.url}/api/v2/alerts"
        async with self._http.post(url, json=[body]) as answer:
            assert answer.status == 200, await answer.text()

    async def until(self, what: str, condition: Callable[[], object], deadline: float = 30) -> None:
        async def holds() -> bool:
            return bool(condition())

        await until(what, holds, deadline)

    async def flushed(self, **labels: str) -> None:
        """Until an alert that came after has been notified and resolved: what came before had its chance."""
        before = len(self.pagerduty.incidents)
        await self.post("Later", "warning", **labels)
        await self.until("the later alert", lambda: len(self.pagerduty.incidents) > before)
        await self.post("Later", "warning", firing=False, **labels)
        later = next(i for i in reversed(self.pagerduty.incidents) if i.alert == "Later")
        await self.until("its end", lambda: later.resolved)


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Chain]:
    for name in ("prometheus", "alertmanager"):
        monkeypatch.setenv(name.upper(), str(tool(name)))
    stack = Stack([], fast=True, exporters=0)
    try:
        await stack.pagerduty.start()
        stack.write()
        await stack.alertmanager.start()
        async with aiohttp.ClientSession() as http:
            yield Chain(stack, http)
    finally:
        await stack.close()


@pytest.fixture
async def chain(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Chain]:
    async with running(monkeypatch) as found:
        yield found


async def test_an_incident_is_opened_with_all_that_its_reader_needs_and_resolved(
    chain: Chain,
) -> None:
    await chain.post("X", "critical", consumer="C")
    await chain.until("an incident", lambda: chain.pagerduty.open)
    (incident,) = chain.pagerduty.open
    assert incident.severity == "critical"
    assert incident.summary == "A stream is full: c A S C"
    assert incident.component == "C"
    assert incident.alert == "X"
    assert incident.payload["group"] == "c"
    assert incident.links == {"Runbook": LINKS["runbook_url"], "Dashboard": LINKS["dashboard_url"]}
    assert incident.details["account"] == "A"
    assert incident.details["stream"] == "S"
    assert incident.details["consumer"] == "C"
    assert incident.details["description"].strip() == "Stream S is full."
    await chain.post("X", "critical", consumer="C", firing=False)
    await chain.until("its end", lambda: incident.resolved)
    assert len({event["dedup_key"] for event in incident.events}) == 1
    assert chain.pagerduty.refused == []


async def test_the_alert_of_a_team_goes_to_the_service_of_that_team_and_back_again(
    chain: Chain,
) -> None:
    await chain.post("X", "warning", team="payments")
    await chain.post("Y", "critical", stream="T", team="other")
    await chain.post("Z", "critical", stream="U")
    await chain.until("three incidents", lambda: len(chain.pagerduty.open) == 3)
    keys = {i.alert: {event["routing_key"] for event in i.events} for i in chain.pagerduty.open}
    assert keys == {"X": {TEAM_KEY}, "Y": {ROUTING_KEY}, "Z": {ROUTING_KEY}}
    (theirs,) = (incident for incident in chain.pagerduty.open if incident.alert == "X")
    assert theirs.details["team"] == "payments"
    await chain.post("X", "warning", firing=False, team="payments")
    await chain.until("its end", lambda: theirs.resolved)
    assert {event["routing_key"] for event in theirs.events} == {TEAM_KEY}


async def test_a_warning_that_turns_critical_is_one_incident_and_so_is_its_way_back(
    chain: Chain,
) -> None:
    await chain.post("X", "warning")
    await chain.until("the warning", lambda: chain.pagerduty.open)
    await chain.post("X", "critical")
    (incident,) = chain.pagerduty.open
    await chain.until("the critical one", lambda: incident.severity == "critical")
    await chain.post("X", "critical", firing=False)
    await chain.until("the way back", lambda: incident.severity == "warning")
    await chain.post("X", "warning", firing=False)
    await chain.until("the end", lambda: incident.resolved)
    assert len(chain.pagerduty.incidents) == 1


async def test_an_inhibited_alert_opens_nothing_and_leaves_nothing_open(chain: Chain) -> None:
    await chain.post("X", "critical")
    await chain.post("X", "warning")
    await chain.until("an incident", lambda: chain.pagerduty.open)
    (incident,) = chain.pagerduty.open
    assert incident.details["num_firing"] == "1"
    await chain.post("X", "warning", firing=False)
    await chain.flushed(stream="T")
    assert not incident.resolved
    await chain.post("X", "critical", firing=False)
    await chain.until("the end", lambda: incident.resolved)
    assert {i.alert for i in chain.pagerduty.incidents} == {"X", "Later"}
    assert chain.pagerduty.open == []


async def test_a_warning_that_was_open_before_the_critical_one_is_not_orphaned(
    chain: Chain,
) -> None:
    await chain.post("X", "warning")
    await chain.until("the warning", lambda: chain.pagerduty.open)
    await chain.post("X", "critical")
    (incident,) = chain.pagerduty.open
    await chain.until("the critical one", lambda: incident.severity == "critical")
    await chain.post("X", "warning", firing=False)
    await chain.flushed(stream="T")
    await chain.post("X", "critical", firing=False)
    await chain.until("the end", lambda: incident.resolved)


@pytest.mark.parametrize("status", [429, 500])
async def test_an_event_that_pagerduty_cannot_take_now_is_sent_again(
    chain: Chain, status: int
) -> None:
    chain.pagerduty.faults.extend([status, status])
    await chain.post("X", "critical")
    await chain.post("Y", "warning", stream="T")
    await chain.until("both incidents", lambda: len(chain.pagerduty.open) == 2, 60)
    assert chain.pagerduty.faulted == 2
    chain.pagerduty.faults.append(status)
    await chain.post("X", "critical", firing=False)
    await chain.post("Y", "warning", stream="T", firing=False)
    await chain.until("their ends", lambda: not chain.pagerduty.open, 60)
    assert chain.pagerduty.faulted == 3


async def test_a_restart_of_alertmanager_loses_nothing_and_repeats_nothing(chain: Chain) -> None:
    await chain.post("X", "critical")
    await chain.until("an incident", lambda: chain.pagerduty.open)
    (incident,) = chain.pagerduty.open
    await chain.stack.alertmanager.stop()
    await chain.stack.alertmanager.start()
    await chain.post("X", "critical")
    await chain.flushed(stream="T")
    assert len(incident.events) == 1
    await chain.post("X", "critical", firing=False)
    await chain.until("the end", lambda: incident.resolved)
    assert {i.alert for i in chain.pagerduty.incidents} == {"X", "Later"}


async def test_the_watchdog_reaches_the_heartbeat_alone_and_its_silence_is_noticed(
    chain: Chain,
) -> None:
    pagerduty = chain.pagerduty
    await chain.post("JetStreamWatchdog", "none")
    await chain.until("two beats", lambda: len(pagerduty.heartbeats) >= 2)
    assert not pagerduty.heartbeat_is_missed(10)
    await chain.flushed(stream="T")
    assert {incident.alert for incident in pagerduty.incidents} == {"Later"}
    await chain.stack.alertmanager.stop()
    silent = time.monotonic()
    await chain.until("the silence", lambda: pagerduty.heartbeat_is_missed(2))
    assert time.monotonic() - silent < 20
    assert all(beat["status"] == "firing" for beat in pagerduty.heartbeats)


async def test_what_is_only_information_reaches_nobody(chain: Chain) -> None:
    await chain.post("X", "info")
    await chain.flushed(stream="T")
    assert {incident.alert for incident in chain.pagerduty.incidents} == {"Later"}


GOOD: dict[str, Any] = {
    "routing_key": "0" * 32,
    "event_action": "trigger",
    "payload": {"summary": "x", "source": "y", "severity": "critical"},
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"routing_key": "short"}, "routing_key must have 32 characters"),
        ({"event_action": "open"}, "event_action must be trigger, acknowledge or resolve"),
        ({"event_action": "resolve"}, "dedup_key is missing"),
        ({"payload": {**GOOD["payload"], "summary": "x" * 1025}}, "payload.summary must have 1 to 1024 characters"),
        ({"payload": {**GOOD["payload"], "severity": "page"}}, "payload.severity must be critical"),
        ({"links": [{"href": "/d/x"}]}, "links must have an absolute href"),
    ],
)  # fmt: skip
def test_the_stand_in_refuses_what_pagerduty_would(
    change: Mapping[str, Any], sentence: str
) -> None:
    assert mistakes(GOOD) == []
    assert any(found.startswith(sentence) for found in mistakes({**GOOD, **change}))
