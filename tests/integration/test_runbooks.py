"""Every command of every runbook, run against real programs: what a person would see at night.

nats, a real cluster with the alert's objects; promtool and curl, a real Prometheus with a target that is down;
kubectl, an API server of a few objects. `nats` and `kubectl` come from PATH (or NATS_CLI): what needs one that is
not there is skipped, and says so.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import nats
import nats.errors
import pytest
from tests.support.api import api
from tests.support.commands import Command, commands
from tests.support.exporter import eventually, exporter
from tests.support.fake_kubernetes import FakeKubernetes, fake_kubernetes
from tests.support.rules import ROOT
from tests.support.runbooks import (
    CLI,
    CONSUMER,
    FENCES,
    KUBECTL,
    STREAM,
    Fence,
    Scene,
    environment,
    queries,
    scene,
    watched,
)
from tests.support.terminal import paste
from tests.support.tools import tool

needs_nats = pytest.mark.skipif(CLI is None, reason="nats is neither on PATH nor named by NATS_CLI")
needs_kubectl = pytest.mark.skipif(
    KUBECTL is None, reason="kubectl is neither in .tools nor on PATH: `make kubectl`"
)
SECONDS_TO_LISTEN = 3  # for a command that goes on until Ctrl-C
# Where kubectl upgrades the connection, the API server says 404, and kubectl fails for that reason alone.
STREAMING = {"exec": "/exec?", "port-forward": "/portforward"}


def judge(fence: Fence, code: int | None, said: str) -> str:
    """What is wrong with this outcome; empty where nothing is."""
    endless = " events " in fence.script
    if endless:
        return "" if code is None and "Listening" in said else f"it did not listen: {said[-400:]}"
    if " server check " in fence.script and code in (1, 2):  # its verdict: warning or critical
        return "" if "Metric" in said else f"no verdict: {said[-400:]}"
    if code == 0 or (code == 1 and fence.may_be_silent and fence.commands[-1].program == "grep"):
        return ""
    return f"exit code {code}: {said[-600:]}"


async def run_all(here: Scene, wanted: Callable[[Fence], bool]) -> list[str]:
    """Run the fences; the complaints, each with its runbooks."""
    wrong = []
    for fence in filter(wanted, FENCES):
        seconds = SECONDS_TO_LISTEN if " events " in fence.script else 60
        complaint = judge(fence, *await here.paste(fence, seconds))
        if complaint:
            wrong.append(f"{', '.join(fence.names)}:\n{fence.script}{complaint}")
    return wrong


@needs_nats
@pytest.mark.timeout(600)
async def test_every_nats_command_that_reads_shows_something(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        messages = await here.nc.jetstream().pull_subscribe_bind(CONSUMER, STREAM)
        await messages.fetch(5)
        async with await nats.connect(here.cluster[here.known["SERVER"]].url):
            wrong = await run_all(here, lambda f: f.programs & {"nats"} != set() and not f.change)
    assert not wrong, "\n\n".join(wrong)


async def ask(here: Scene, query: str) -> tuple[int | None, str]:
    """What promtool says to a query in which the reader filled in the labels."""
    for label in ("CLUSTER", "ACCOUNT", "STREAM", "CONSUMER", "SERVER", "JOB"):
        query = query.replace(f"${label}", here.known[label])
    child = await asyncio.create_subprocess_exec(
        *(tool("promtool"), "query", "instant", here.known["PROMETHEUS"], query),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await child.communicate()
    return child.returncode, said.decode()


@pytest.mark.timeout(600)
async def test_every_query_and_every_other_command_gets_its_answer(tmp_path: Path) -> None:
    """Of Prometheus, Alertmanager, the exporter, and the servers' monitoring ports."""
    async with watched(tmp_path) as here:

        async def scraped() -> bool:
            both = "count(up) == 2 and on () count(jetstream_consumer_pending_messages) > 0"
            return "=>" in (await ask(here, both))[1]

        await eventually("the first scrapes", scraped)
        wrong = await run_all(
            here, lambda fence: not fence.programs & {"nats", "kubectl"} and not fence.change
        )
        for query, names in queries().items():
            code, said = await ask(here, query)
            if code != 0:
                wrong.append(f"{', '.join(names)}: {query}\n{said}")
        reasons = next(f for f in FENCES if "lastError" in f.script and "targets" in f.script)
        code, said = await here.paste(reasons)
        assert code == 0
        assert "connection refused" in said
        assert r"\"http" in said, "the text goes on after its own quotes"
    assert not wrong, "\n\n".join(wrong)


@needs_kubectl
@pytest.mark.timeout(300)
async def test_every_kubectl_command_is_understood_and_asks_for_what_is_there(
    tmp_path: Path,
) -> None:
    known = {"NAMESPACE": "nats", "SERVER": "nats-0", "POD": "nats-0", "CONSUMER": CONSUMER}
    known |= {"SERVICE": "jetstream-exporter"}
    wrong = []
    with fake_kubernetes(tmp_path) as kubernetes:
        for fence in FENCES:
            for command in fence.commands:
                if command.program == "kubectl":
                    complaint = await asyncio.to_thread(
                        ask_kubernetes, tmp_path, kubernetes, command, known
                    )
                    if complaint:
                        wrong.append(f"{', '.join(fence.names)}: {command.line}\n{complaint}")
    assert not wrong, "\n\n".join(wrong)


def ask_kubernetes(
    folder: Path, kubernetes: FakeKubernetes, command: Command, known: Mapping[str, str]
) -> str:
    kubernetes.requests.clear()
    where = environment(folder, known, set(command.guards))
    # What is looked for in a log stands in none of ours.
    line = command.line.replace("--stdin --tty ", "--stdin ").partition(" | ")[0]
    done = paste(line, where, 30)
    streaming = next((STREAMING[word] for word in command.path if word in STREAMING), None)
    if streaming is not None:
        asked = any(streaming in request for request in kubernetes.requests)
        return "" if asked else f"nothing was asked: {done.said[-400:]}"
    return "" if done.code == 0 else f"exit code {done.code}: {done.said[-400:]}"


def of_pages() -> list[tuple[Path, str]]:
    """The kubectl commands of the examples and of the chart's notes, each on one line, without its templates."""
    pages = [*(ROOT / "examples").rglob("*.md"), ROOT / "helm" / "templates" / "NOTES.txt"]
    texts = {page: page.read_text().replace("\\\n", " ") for page in pages}
    texts = {
        page: text.replace("{{ lower .Values.kind }}", "deployment") for page, text in texts.items()
    }
    return [
        (page, re.sub(r"\{\{.*?\}\}", "18222", line))
        for page, text in texts.items()
        for line in re.findall(r"^ +(kubectl .*)$", text, re.MULTILINE)
    ]


@needs_kubectl
@pytest.mark.timeout(300)
async def test_the_kubectl_commands_of_the_examples_and_the_notes_are_understood(
    tmp_path: Path,
) -> None:
    """What would make something is tried with --dry-run."""
    pages = of_pages()
    assert len(pages) >= 6
    with fake_kubernetes(tmp_path) as kubernetes:
        for page, line in pages:
            (command, *_) = commands(re.sub(r"\$\([^)]*\)", "x", line))
            makes = {"create", "apply"} & set(command.path)
            tried = f"{line} --dry-run=client --validate=false" if makes else line
            kubernetes.requests.clear()
            done = await asyncio.to_thread(
                paste,
                f"cd {page.parent}\ntimeout 10 {tried}",
                environment(tmp_path, {}, set()),
                30,
            )
            streams = any("/portforward" in request for request in kubernetes.requests)
            assert done.code == 0 or streams, f"{page.name}: {line}\n{done.said}"


@needs_nats
@pytest.mark.timeout(300)
async def test_a_message_that_was_given_up_is_found_the_way_its_runbook_says(
    tmp_path: Path,
) -> None:
    """In the exporter's log alone: the acknowledgement floor passes it."""
    async with scene(tmp_path) as here:
        config = {"durable_name": "printer", "ack_policy": "explicit", "max_deliver": 2}
        config |= {"ack_wait": 10**9 // 2}
        body = {"stream_name": STREAM, "config": config}
        await api(here.nc, f"CONSUMER.DURABLE.CREATE.{STREAM}.printer", body)
        listening = {
            "targets": here.cluster.monitor_urls,
            "advisories": [{"urls": here.cluster.urls}],
        }
        async with exporter(tmp_path, config=json.dumps({"clusters": [listening]})) as seen:
            connected = "jetstream_exporter_advisory_connected"
            await seen.until("the connection", lambda s: s.all(connected) == [1.0])
            worker = await here.nc.jetstream().pull_subscribe_bind("printer", STREAM)

            async def logged() -> bool:
                """Work off everything but the second message."""
                with suppress(TimeoutError, nats.errors.TimeoutError):
                    for message in await worker.fetch(20, timeout=1):
                        if message.metadata.sequence.stream != 2:
                            await message.ack()
                await seen.scrape()
                return given_up(seen.log()) == {2}

            await eventually("the line in the log", logged, 60)

        async def passed() -> bool:
            await here.nc.jetstream().publish("orders.new", b"a later order")
            for message in await worker.fetch(1):
                await message.ack_sync()
            info = await api(here.nc, f"CONSUMER.INFO.{STREAM}.printer")
            return bool(info["ack_floor"]["stream_seq"] > 2)

        await eventually("a floor above the message", passed)
        fence = next(f for f in FENCES if "message that was given up" in f.script)
        code, said = await here.paste(fence, SEQUENCE="2", CONSUMER="printer")
        assert code == 0
        assert "order 1" in said


def given_up(log: str) -> set[int]:
    """The sequences in the lines that the runbook looks for, of the consumer `printer`."""
    lines = [
        line for line in log.splitlines() if "reached its maximum number of deliveries" in line
    ]
    found = [re.search(r"consumer=printer .*sequence=(\d+)", line) for line in lines]
    return {int(line[1]) for line in found if line}
