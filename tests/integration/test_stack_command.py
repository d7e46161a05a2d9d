"""`jetstream-exporter demo --stack`: what its user sees."""

import asyncio
import io
import sys

import aiohttp
import pytest
from tests.support.rules import NAMES
from tests.support.tools import tool

from jetstream_exporter.demo.screen import Screen
from jetstream_exporter.demo.stack.pagerduty import PagerDuty
from jetstream_exporter.demo.stack.scenarios import SCENARIOS


async def demo(*argv: str, env: dict[str, str] | None = None) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "jetstream_exporter",
        "demo",
        *argv,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    out, err = await asyncio.wait_for(process.communicate(), 150)
    return process.returncode, out.decode(), err.decode()


async def test_a_scenario_is_told_from_health_to_its_end() -> None:
    env = {"PROMETHEUS": str(tool("prometheus")), "ALERTMANAGER": str(tool("alertmanager"))}
    status, out, err = await demo("--scenario", "poison-message", "--fast", env=env)
    assert (status, err) == (0, "")
    told = [
        "the watchdog came through",
        "poison-message: all is well",
        "breaking it: one message fails whenever it is handled",
        "critical   JetStreamConsumerMaxDeliverExhausted · invoices",
        "Runbook: https://",
        "mending it",
        "resolved   JetStreamConsumerMaxDeliverExhausted · invoices",
        "poison-message: over",
        "everything is stopped",
    ]
    places = [out.index(text) for text in told]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--fast"], "jetstream-exporter demo: --fast needs --stack or --scenario\n"),
        (
            ["--scenario", "server-killed", "--servers", "1"],
            "jetstream-exporter demo: --scenario needs --servers 3, not 1\n",
        ),
    ],
)
async def test_flags_that_do_not_go_together_are_refused(argv: list[str], sentence: str) -> None:
    assert await demo(*argv) == (2, "", sentence)


async def test_a_missing_prometheus_is_named_with_what_to_do() -> None:
    env = {"PATH": "/nonexistent", "PROMETHEUS": "/nonexistent/prometheus"}
    status, _, err = await demo("--stack", env=env)
    assert status == 1
    assert err == (
        "jetstream-exporter demo: PROMETHEUS=/nonexistent/prometheus is no program that can be run\n"
    )


def test_every_scenario_is_about_alerts_that_exist() -> None:
    assert len(SCENARIOS) == 14
    for scenario in SCENARIOS.values():
        assert {scenario.alert, *scenario.also} <= set(NAMES)


async def test_an_event_with_no_more_than_pagerduty_asks_for_is_listed_too() -> None:
    said: list[str] = []
    pagerduty = PagerDuty(said.append)
    await pagerduty.start()
    payload = {"summary": "x", "source": "s", "severity": "warning", "custom_details": "text"}
    event = {"routing_key": "0" * 32, "event_action": "trigger", "payload": payload}
    link = {"href": "https://example.com/?a=<b>"}
    async with aiohttp.ClientSession(pagerduty.url) as http:
        for text in ("[]", "no JSON"):
            assert (await http.post("/v2/enqueue", data=text)).status == 400
        answer = await http.post("/v2/enqueue", json={**event, "links": [link]})
        assert (answer.status, len((await answer.json())["dedup_key"])) == (202, 32)
        page = await (await http.get("/")).text()
    await pagerduty.close()
    assert "1 open, 1 in all" in page
    assert "https://example.com/?a=&lt;b&gt;" in page
    assert said == ["warning     ·  · x"]


def test_a_name_cannot_paint_the_terminal() -> None:
    out = io.StringIO()
    Screen(out).say("stream \x1b[2JORDERS\r · é")
    assert out.getvalue() == "stream \\x1b[2JORDERS\\r · é\n"


async def test_the_page_lists_incidents_and_takes_their_text_as_text() -> None:
    pagerduty = PagerDuty()
    await pagerduty.start()
    event = {
        "routing_key": "0" * 32,
        "dedup_key": "k",
        "event_action": "trigger",
        "payload": {
            "summary": "<b>full</b>",
            "source": "s",
            "severity": "critical",
            "class": "X",
            "component": "ORDERS",
            "custom_details": {"description": "Stream ORDERS is full."},
        },
        "links": [{"text": "Runbook", "href": "https://example.com/X"}],
    }
    async with aiohttp.ClientSession(pagerduty.url) as http:
        assert (await http.post("/v2/enqueue", json=event)).status == 202
        page = await (await http.get("/")).text()
        (row,) = await (await http.get("/incidents")).json()
    await pagerduty.close()
    assert "1 open, 1 in all" in page
    assert "&lt;b&gt;full&lt;/b&gt;" in page
    assert '<a href="https://example.com/X">Runbook</a>' in page
    assert (row["status"], row["alert"], row["component"]) == ("open", "X", "ORDERS")
