"""Monitoring ports of clusters that no machine could run: recorded answers, multiplied, with figures that move.

    python -m bench.replay --clusters 60 --servers 5 --streams 400 --consumers 42 --replicas 3  # 300 servers, 1,008,000
    python -m bench.replay --streams 500 --consumers 40                                         # one server, 20,000

It prints a target a line and answers on loopback what the exporter asks for, until it is interrupted. An answer is made
when it is asked for, so that memory holds a few of them at a time. Every second each stream stores a message, and every
fourth consumer takes and acknowledges one; the others stand with what waits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web
from bench.replay_objects import Look, Objects, at
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multidict import MultiMapping

HOST = "127.0.0.1"
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Shape:
    """`servers`, `streams` and `accounts` of each cluster, which share its streams, and `consumers` of each stream."""

    clusters: int = 1
    servers: int = 1
    streams: int = 500
    consumers: int = 40
    replicas: int = 1
    accounts: int = 1

    @property
    def all_consumers(self) -> int:
        return self.clusters * self.streams * self.consumers


class Replayed:
    """The servers of a shape: each is asked by its number, which counts through all clusters."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._began = time.time()
        self._objects = Objects(
            shape.servers, shape.streams, shape.consumers, shape.replicas, shape.accounts
        )

    @property
    def tick(self) -> int:
        """Seconds since the start."""
        return int(time.time() - self._began)

    def answer(self, server: int, path: str, query: MultiMapping[str]) -> str:
        """The body of an answer; KeyError for a path that nobody asks for."""
        made: dict[str, Callable[[], str]] = {
            "/varz": lambda: self._varz(server),
            "/jsz": lambda: self._jsz(server, query),
            "/healthz": lambda: json.dumps({"status": "ok"}),
            "/routez": lambda: json.dumps({"num_routes": 0, "routes": []}),
            "/accstatz": lambda: json.dumps({"account_statz": []}),
        }
        return made[path]()

    def _varz(self, server: int) -> str:
        meta = self._meta(server)
        jetstream = {"config": CONFIG, "stats": self._stats(server), "meta": meta}
        said = IDENTITY | self._identity(server) | {"jetstream": jetstream, "now": at(time.time())}
        return json.dumps(
            said | {"start": at(self._began - DAY), "config_load_time": at(self._began - DAY)}
        )

    def _jsz(self, server: int, query: MultiMapping[str]) -> str:
        cluster, place = divmod(server, self.shape.servers)
        head = self._stats(server) | {"meta_cluster": self._meta(server), "config": CONFIG}
        head |= {"server_id": self._identity(server)["server_id"], "now": at(time.time())}
        head |= {"streams": self._objects.held(place), "messages": 0, "bytes": 0}
        head |= {"consumers": self._objects.held(place) * self.shape.consumers}
        with_streams = query.get("consumers") == "true"
        if not with_streams and query.get("accounts") != "true":
            return json.dumps(head)
        with_config = query.get("config") == "true"
        look = Look(f"c{cluster}", place, self.tick, time.time(), with_config)
        listed = ",".join(
            self._account(number, look, with_streams)
            for number in range(self.shape.accounts)
            if query.get("acc", self._name(number)) == self._name(number)
        )
        return f'{json.dumps(head)[:-1]},"account_details":[{listed}]}}'

    def _account(self, number: int, look: Look, with_streams: bool) -> str:
        name = self._name(number)
        said = json.dumps({"name": name, "id": name, "memory": 0, "storage": 0})
        if not with_streams:
            return said
        return f'{said[:-1]},"stream_detail":[{self._objects.text(number, look)}]}}'

    def _name(self, account: int) -> str:
        return "LOAD" if self.shape.accounts == 1 else f"LOAD-{account:04}"

    def _identity(self, server: int) -> dict[str, Any]:
        cluster, place = divmod(server, self.shape.servers)
        name = f"c{cluster}-n{place}"
        said: dict[str, Any] = {"server_id": f"N{name.upper():X<55}", "server_name": name}
        if self.shape.servers > 1:
            said["cluster"] = {"name": f"c{cluster}", "addr": HOST, "cluster_port": 6222}
        return said

    def _stats(self, server: int) -> dict[str, Any]:
        held = self._objects.held(server % self.shape.servers)
        groups = held * (1 + self.shape.consumers) + 1 if self.shape.replicas > 1 else 1
        figures = {"memory": 0, "storage": held * 2**20, "ha_assets": groups}
        figures["accounts"] = self.shape.accounts
        api = {"level": 5, "total": 100 + self.tick, "errors": 0}
        return figures | {"reserved_memory": 0, "reserved_storage": 0, "api": api}

    def _meta(self, server: int) -> dict[str, Any] | None:
        servers = self.shape.servers
        if servers == 1:
            return None
        cluster, place = divmod(server, servers)
        peers = [
            {"name": f"c{cluster}-n{n}", "current": True, "active": 10**8, "peer": f"peer{n:04}"}
            for n in range(servers)
            if n != place
        ]
        said = {"name": f"c{cluster}", "leader": f"c{cluster}-n0", "peer": f"peer{place:04}"}
        sizes = {"cluster_size": servers, "quorum_needed": servers // 2 + 1, "pending": 0}
        return said | sizes | ({"replicas": peers} if place == 0 else {})


CONFIG = {"max_memory": 2**30, "max_storage": 2**40, "store_dir": "/data/jetstream"}
IDENTITY: dict[str, Any] = {
    "version": "2.15.1",
    "proto": 1,
    "go": "go1.27.2",
    "host": HOST,
    "port": 4222,
    "max_connections": 65536,
    "max_payload": 2**20,
    "uptime": "1d",
    "mem": 2**30,
    "cores": 8,
    "gomaxprocs": 8,
    "cpu": 50,
    "connections": 100,
    "total_connections": 1000,
    "routes": 8,
    "remotes": 2,
    "leafnodes": 0,
    "in_msgs": 10**6,
    "out_msgs": 10**6,
    "in_bytes": 10**9,
    "out_bytes": 10**9,
    "slow_consumers": 0,
    "subscriptions": 5000,
    "system_account": "SYS",
}


async def serve(replayed: Replayed) -> tuple[web.AppRunner, list[str]]:
    """Listen on a free port for each server. The targets are in the order of the servers."""
    numbers: dict[int, int] = {}

    async def answer(request: web.Request) -> web.Response:
        if "//" in request.path:
            # prometheus-nats-exporter of the NATS chart asks for //varz, and waits until there is one.
            once = re.sub("//+", "/", request.path)
            raise web.HTTPTemporaryRedirect(URL(once).with_query(request.query))
        assert request.transport is not None
        server = numbers[request.transport.get_extra_info("sockname")[1]]
        try:
            text = await asyncio.to_thread(replayed.answer, server, request.path, request.query)
        except KeyError:
            raise web.HTTPNotFound from None
        return web.Response(text=text, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    for number in range(replayed.shape.clusters * replayed.shape.servers):
        await web.TCPSite(runner, HOST, 0).start()
        numbers[runner.addresses[-1][1]] = number
    return runner, [f"http://{HOST}:{port}" for port in numbers]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m bench.replay",
        description=(__doc__ or "").splitlines()[0],
        epilog="Streams and accounts are those of a cluster, consumers those of a stream.",
    )
    for name in Shape.__dataclass_fields__:
        made.add_argument(f"--{name}", type=int, default=getattr(Shape(), name))
    return made


def shape(argv: Sequence[str]) -> Shape:
    options = parser().parse_args(argv)
    if min(vars(options).values()) < 1:
        parser().error("every number has to be at least 1")
    for few, many in (("replicas", "servers"), ("accounts", "streams")):
        least, given = getattr(options, few), getattr(options, many)
        if least > given:
            parser().error(f"--{few} {least} needs as many --{many}, not {given}")
    return Shape(**vars(options))


async def _until_interrupted(replayed: Replayed) -> None:
    runner, targets = await serve(replayed)
    print("\n".join(targets), flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main(argv: Sequence[str]) -> int:
    try:
        asyncio.run(_until_interrupted(Replayed(shape(argv))))
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
