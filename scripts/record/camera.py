"""Takes moments of a cluster: what every server answers at the same time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from jetstream_exporter.demo.cluster import Cluster

JSZ = "/jsz?consumers=true&config=true&limit=65536"

Answer = dict[str, Any]
Said = dict[str, Answer]  # server: its answers


class Camera:
    """Takes moments of a cluster."""

    def __init__(self, cluster: Cluster, http: aiohttp.ClientSession, jsz: str = JSZ) -> None:
        self.cluster = cluster
        self.jsz = jsz  # what is asked of each server
        self.moments: list[dict[str, Any]] = []
        self._http = http

    async def look(self) -> Said:
        answers = await asyncio.gather(*(self._ask(server.monitor_url) for server in self.cluster))
        names = [server.name for server in self.cluster]
        return dict(zip(names, answers, strict=True))

    def keep(self, name: str, said: Said) -> None:
        servers = [{"name": server, **answers} for server, answers in said.items()]
        self.moments.append({"name": name, "servers": servers})

    def last(self) -> Said:
        return {server["name"]: server for server in self.moments[-1]["servers"]}

    async def take(self, name: str) -> None:
        self.keep(name, await self.look())

    async def catch(self, name: str, when: Callable[[Said], bool], deadline: float) -> bool:
        """Look as fast as possible until the moment is there; keep it."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            said = await self.look()
            if when(said):
                self.keep(name, said)
                return True
        return False

    async def catch_server(self, name: str, server: str, when: Callable[[Answer], bool]) -> bool:
        """Look at one server only, which is faster, for as long as it answers."""
        url = self.cluster[server].monitor_url
        while (answers := await self._ask(url))["varz"]:
            if when(answers):
                self.keep(name, await self.look() | {server: answers})
                return True
        return False

    async def must_catch(
        self, name: str, when: Callable[[Said], bool], deadline: float = 60
    ) -> None:
        if not await self.catch(name, when, deadline):
            raise TimeoutError(f"the moment {name!r} did not come within {deadline:g} s")

    async def _ask(self, url: str) -> Answer:
        before = await self._get(f"{url}/healthz")
        jsz = await self._get(f"{url}{self.jsz}")
        after = await self._get(f"{url}/healthz")
        varz = await self._get(f"{url}/varz")
        return {
            "varz": varz and neutral(varz["body"]),
            "healthz": [before, after],
            "jsz": jsz and neutral(jsz["body"]),
        }

    async def _get(self, url: str) -> Answer | None:
        try:
            async with self._http.get(url) as answer:
                return {"status": answer.status, "body": json.loads(await answer.read())}
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError):
            return None


def neutral(answer: Answer) -> Answer:
    for holder in (answer, answer.get("jetstream") or {}):
        if "store_dir" in (holder.get("config") or {}):
            holder["config"]["store_dir"] = "/data/jetstream"
    return answer


def streams(answers: Answer) -> list[Answer]:
    accounts = (answers["jsz"] or {}).get("account_details") or []
    return [stream for account in accounts for stream in account.get("stream_detail") or []]


def consumers(answers: Answer) -> list[Answer]:
    return [c for stream in streams(answers) for c in stream.get("consumer_detail") or []]


def leader(said: Said, read: Callable[[Answer], list[Answer]] = streams) -> str | None:
    """The server that names itself the leader of the (only) stream or consumer."""
    for name, answers in said.items():
        for item in read(answers):
            group = item.get("cluster") or {}
            if group.get("leader") == name and group.get("raft_group"):
                return name
    return None
