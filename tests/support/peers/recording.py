"""All exporters on real servers, their answers kept, and compared later."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from rules.src import compat
from tests.support.exporter import eventually, exporter
from tests.support.peers.compare import LINE, Comparison, Found, compared, samples
from tests.support.peers.places import PLACES
from tests.support.peers.programs import peers, said
from tests.support.prometheus import Prometheus, prometheus
from tests.support.rules import RULES

RECORDED = Path(__file__).resolve().parents[2] / "payloads" / "peers"
Text = dict[str, str]  # by exporter


def fast_rules(folder: Path, name: str) -> Path:
    """A file of rules/compat, evaluated each second."""
    file = folder / f"{name}.yaml"
    text = (RULES / "compat" / f"{name}.yaml").read_text()
    file.write_text(text.replace("interval: 30s", "interval: 1s"))
    return file


@asynccontextmanager
async def recorded_by_rules(
    flavour: compat.Flavour, target: str, folder: Path
) -> AsyncIterator[Asked]:
    """A Prometheus that scrapes our exporter and has the rules of one flavour."""
    os.makedirs(folder, exist_ok=True)
    async with prometheus(folder, target, rules=[fast_rules(folder, flavour.subject)]) as running:
        yield Asked(flavour, running)


@dataclass(slots=True)
class Asked:
    flavour: compat.Flavour
    prometheus: Prometheus

    async def values(self, newer_than: float) -> dict[str, list[tuple[dict[str, str], float]]]:
        """What the rules made of a scrape after this moment, of all names at once."""
        names = [each.name for each in self.flavour.names if each.row.rules]
        last = f"timestamp({self.flavour.labels('consumer')})"

        async def is_newer() -> bool:
            found = await self.prometheus.query(last)
            # Three intervals: a scrape, the labels of the consumers, and the rules after them.
            enough = newer_than + 3
            is_read = bool(found) and float(found[0]["value"][1]) > enough
            return is_read and await self.prometheus.evaluated() > enough

        await eventually("rules of a later scrape", is_newer)
        pattern = "|".join(names)
        found: dict[str, list[tuple[dict[str, str], float]]] = {}
        for each in await self.prometheus.query(f'{{__name__=~"{pattern}"}}'):
            labels = dict(each["metric"])
            found.setdefault(labels.pop("__name__"), []).append((labels, float(each["value"][1])))
        return found


def servers_of(cluster_text: str) -> dict[str, str]:
    """The name of a server by its ID, of our own exposition."""
    info = samples(cluster_text, ["nats_server_info"])["nats_server_info"]
    names = {labels["server_id"]: labels["server"] for labels, _ in info}
    return names | {name: name for name in names.values()}


async def live(name: str, folder: Path, record: Path | None = None) -> Found:
    """All of them in one place: their sample, ours, and theirs again."""
    os.makedirs(folder, exist_ok=True)
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(PLACES[name]())
        running = await stack.enter_async_context(exporter(folder, place.monitor_urls))
        urls = await stack.enter_async_context(peers(place, folder))
        target = running.url.removeprefix("http://")
        asked = [
            await stack.enter_async_context(
                recorded_by_rules(flavour, target, folder / flavour.subject)
            )
            for flavour in compat.FLAVOURS
        ]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await eventually("answers of all", lambda: _all_answer(session, urls))
        servers = servers_of(await running.text())
        servers |= {server.monitor_url: server.name for server in place.servers}
        before = {name: await said(session, each) for name, each in urls.items()}
        started = time.time()
        ours = {each.flavour.subject: await each.values(started) for each in asked}
        own = await running.text()
        after = {name: await said(session, each) for name, each in urls.items()}
        if record is not None:
            keep(record / name, own, before, after, servers)
        return {
            flavour.subject: compared(
                flavour,
                (before[flavour.subject], after[flavour.subject]),
                ours[flavour.subject],
                servers,
            )
            for flavour in compat.FLAVOURS
        }


async def _all_answer(session: aiohttp.ClientSession, urls: Mapping[str, list[str]]) -> bool:
    try:
        texts = [await said(session, each) for each in urls.values()]
    except aiohttp.ClientError:
        return False
    return all("consumer_num_pending" in text for text in texts)


def keep(folder: Path, own: str, before: Text, after: Text, servers: Mapping[str, str]) -> None:
    """The lines that a name of the table is made of; what a name is not in is no answer to this question."""
    folder.mkdir(parents=True, exist_ok=True)
    for flavour in compat.FLAVOURS:
        names = {each.name for each in flavour.names}
        for when, texts in (("before", before), ("after", after)):
            lines = [line for line in texts[flavour.subject].splitlines() if _name(line) in names]
            (folder / f"{flavour.subject}-{when}.txt").write_text("\n".join(lines) + "\n")
    lines = [line for line in own.splitlines() if line.startswith(("nats_", "jetstream_"))]
    (folder / "ours.txt").write_text("\n".join(lines) + "\n")
    facts = {"recorded": time.time(), "servers": dict(servers)}
    (folder / "facts.json").write_text(json.dumps(facts, indent=1) + "\n")


def _name(line: str) -> str:
    found = LINE.fullmatch(line)
    return found["name"] if found else ""


async def replayed(name: str, flavour: compat.Flavour, folder: Path) -> list[Comparison]:
    """The recorded answers of a place: ours scraped by a Prometheus with the rules, theirs read."""
    recorded = RECORDED / name
    facts = json.loads((recorded / "facts.json").read_text())
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(served((recorded / "ours.txt").read_text()))
        asked = await stack.enter_async_context(
            recorded_by_rules(flavour, target, folder / flavour.subject)
        )
        ours = await asked.values(time.time())
        before, after = (
            (recorded / f"{flavour.subject}-{when}.txt").read_text() for when in ("before", "after")
        )
        later = time.time() - facts["recorded"]
        return compared(flavour, (before, after), ours, facts["servers"], later)


@asynccontextmanager
async def served(text: str) -> AsyncIterator[str]:
    """An address whose /metrics is this text."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/plain")

    application = web.Application()
    application.router.add_get("/metrics", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
