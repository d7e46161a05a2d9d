"""The other exporters, run beside this one on the servers of a place."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from tests.support.peers.places import Place
from tests.support.ports import free_ports

from jetstream_exporter.demo.child import Child

PROGRAMS = {
    "prometheus-nats-exporter": "PROMETHEUS_NATS_EXPORTER",
    "nats-surveyor": "NATS_SURVEYOR",
}
ENDPOINTS = [
    "-accstatz",
    "-connz",
    "-gatewayz",
    "-leafz",
    "-routez",
    "-subz",
    "-varz",
    "-healthz",
    "-jsz=all",
]


def program(name: str) -> str | None:
    return shutil.which(os.environ.get(PROGRAMS[name], name))


@asynccontextmanager
async def peers(place: Place, folder: Path) -> AsyncIterator[dict[str, list[str]]]:
    """The addresses of /metrics of each of them, by flavour: three of one a server, and one of the other."""
    pne, surveyor = program("prometheus-nats-exporter"), program("nats-surveyor")
    assert pne is not None
    assert surveyor is not None
    ports = iter(free_ports(2 * len(place.servers) + 1))
    found: dict[str, list[str]] = {"pne": [], "pne-helm": [], "surveyor": []}
    children = []
    for flavour, flags in (("pne", []), ("pne-helm", ["-prefix=nats", "-use_internal_server_id"])):
        for server in place.servers:
            port = next(ports)
            argv = [pne, "-addr=127.0.0.1", f"-port={port}", *ENDPOINTS, *flags, server.monitor_url]
            children.append(
                Child(f"{flavour}-{server.name}", argv, folder / f"{flavour}-{port}.log")
            )
            found[flavour].append(f"http://127.0.0.1:{port}/metrics")
    port = next(ports)
    login = [
        f"--servers={place.servers[0].url}",
        "--user=sys",
        "--password=sys",
        f"--count={place.surveyed}",
    ]
    more = ["--jsz=all", "--accounts", "--gatewayz"]
    argv = [surveyor, "--addr=127.0.0.1", f"--port={port}", *login, *more]
    children.append(Child("surveyor", argv, folder / "surveyor.log"))
    found["surveyor"].append(f"http://127.0.0.1:{port}/metrics")
    try:
        for child in children:
            child.spawn()
        yield found
    finally:
        for child in children:
            child.kill_now()


async def said(session: aiohttp.ClientSession, urls: Iterable[str]) -> str:
    """What several exporters of one kind say, one after the other."""
    texts = []
    for url in urls:
        async with session.get(url, timeout=aiohttp.ClientTimeout(30)) as answer:
            answer.raise_for_status()
            texts.append(await answer.text())
    return "".join(texts)
