"""`jetstream-exporter demo --stack`: what its user sees."""

import asyncio
import io
import os
import re
import sys
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from tests.support.closing import closing
from tests.support.rules import NAMES
from tests.support.tools import tool

from jetstream_exporter.demo.ports import Port
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
        "the watchdog alert arrived",
        "poison-message: the cluster is healthy",
        "breaking the cluster: one message fails at every delivery",
        "critical   JetStreamConsumerMaxDeliverExhausted · invoices",
        "Runbook: http://127.0.0.1:",
        "/runbooks/JetStreamConsumerMaxDeliverExhausted.md",
        "repairing the cluster",
        "resolved   JetStreamConsumerMaxDeliverExhausted · invoices",
        "poison-message: finished",
        "stopped everything",
    ]
    places = [out.index(text) for text in told]
    assert places == sorted(places)
    assert "Dashboard" not in out


async def test_a_scenario_on_hold_stays_broken_until_enter_and_says_how_to_mend_it() -> None:
    env = {"PROMETHEUS": str(tool("prometheus")), "ALERTMANAGER": str(tool("alertmanager"))}
    argv = ["demo", "--scenario", "server-killed", "--fast", "--hold"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "jetstream_exporter", *argv),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **env},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told = ""
    async with asyncio.timeout(150):
        while "press Enter to mend it" not in told:
            line = await process.stdout.readline()
            assert line, told
            told += line.decode()
        assert re.search(r"^  nats-0  pid \d+  nats://", told, re.MULTILINE)
        assert re.search(r"^  nats-2  not running  ", told, re.MULTILINE)
        assert re.search(r"^  \S*nats-server -c \S+nats-2\S+ >> \S+ 2>&1 &$", told, re.MULTILINE)
        assert "repairing" not in told
        process.stdin.write(b"\n")
        rest = (await process.stdout.read()).decode()
    assert "server-killed: finished" in rest
    assert await process.wait() == 0


async def test_the_stack_shows_the_consumers_and_says_what_is_meant() -> None:
    env = {"PROMETHEUS": str(tool("prometheus")), "ALERTMANAGER": str(tool("alertmanager"))}
    argv = ("--stack", "--fast", "--duration", "8")
    status, out, err = await demo(*argv, env={**os.environ, **env})

    assert (status, err) == (0, "")
    assert "One order always fails, on purpose" in out
    assert "status page   http://" in out
    assert re.search(r"^ORDERS orders-processor-v1 pending=\d+ ", out, re.MULTILINE)
    assert re.search(r"^(incident: \w+ \w+ |no open incident)", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--fast"], "jetstream-exporter demo: --fast needs --stack or --scenario\n"),
        (["--stack", "--hold"], "jetstream-exporter demo: --hold needs --scenario\n"),
        (
            ["--scenario", "server-killed", "--servers", "1"],
            "jetstream-exporter demo: --scenario needs --servers 3, not 1\n",
        ),
        (
            ["--scenario", "server-killed", "--interval", "2"],
            "jetstream-exporter demo: --interval applies to the table of consumers, which --scenario does not show; "
            "use Prometheus\n",
        ),
        (
            ["--scenario", "server-killed", "--rate", "5"],
            "jetstream-exporter demo: --rate applies to the ORDERS workload; a scenario has its own workload\n",
        ),
        (
            ["--scenario", "server-killed", "--duration", "5"],
            "jetstream-exporter demo: --duration cannot be set with --scenario, which stops when its incident is "
            "resolved\n",
        ),
    ],
)
async def test_flags_that_do_not_go_together_are_refused(argv: list[str], sentence: str) -> None:
    assert await demo(*argv) == (2, "", sentence)


async def test_the_stack_honours_the_address_the_rate_and_the_duration() -> None:
    """Seen in what its own exporter says while it runs."""
    port = Port()
    programs = {"PROMETHEUS": str(tool("prometheus")), "ALERTMANAGER": str(tool("alertmanager"))}
    env = os.environ | programs
    options = ("--stack", "--fast", "--servers", "1", "--rate", "40", "--duration", "8")
    running = asyncio.create_task(
        demo(*options, "--web.listen-address", f":{port.number}", env=env)
    )
    try:
        published = await most_published(f"http://127.0.0.1:{port.number}/metrics", running)
        status, out, err = await running
    finally:
        running.cancel()
        port.release()

    assert (status, err) == (0, "")
    assert f"exporter      http://127.0.0.1:{port.number}/metrics\n" in out
    assert out.endswith("stopped everything\n")
    assert 8 * 20 < published < 40 * 20  # the default would be 160 within the 8 s


async def most_published(url: str, running: "asyncio.Task[Any]") -> int:
    most = 0
    async with aiohttp.ClientSession() as http:
        while not running.done():
            with suppress(aiohttp.ClientError):
                text = await (await http.get(url)).text()
                found = re.search(
                    r'^jetstream_stream_last_sequence{.*stream="ORDERS"} (\d+)', text, re.M
                )
                most = max(most, int(found[1]) if found else 0)
            await asyncio.sleep(0.2)
    return most


async def test_a_missing_prometheus_is_named_with_what_to_do() -> None:
    env = {"PATH": "/nonexistent", "PROMETHEUS": "/nonexistent/prometheus"}
    status, _, err = await demo("--stack", env=env)
    assert status == 1
    assert err == (
        "jetstream-exporter demo: PROMETHEUS=/nonexistent/prometheus is not an executable file\n"
    )


def test_every_scenario_is_about_alerts_that_exist() -> None:
    assert len(SCENARIOS) == 14
    for scenario in SCENARIOS.values():
        assert {scenario.alert, *scenario.also} <= set(NAMES)


async def test_an_event_with_no_more_than_pagerduty_asks_for_is_listed_too() -> None:
    said: list[str] = []
    async with closing(PagerDuty(said.append)) as pagerduty:
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
    assert "1 open, 1 in all" in page
    assert "https://example.com/?a=&lt;b&gt;" in page
    assert said == ["warning     ·  · x"]


def test_a_name_cannot_paint_the_terminal() -> None:
    out = io.StringIO()
    Screen(out).say("stream \x1b[2JORDERS\r · é")
    assert out.getvalue() == "stream \\x1b[2JORDERS\\r · é\n"


async def test_the_page_lists_incidents_and_takes_their_text_as_text() -> None:
    async with closing(PagerDuty()) as pagerduty:
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
    assert "1 open, 1 in all" in page
    assert "&lt;b&gt;full&lt;/b&gt;" in page
    assert '<a href="https://example.com/X">Runbook</a>' in page
    assert (row["status"], row["alert"], row["component"]) == ("open", "X", "ORDERS")
