"""Record what real servers say in the moments that must be understood: `python scripts/record.py [danger …]`.

Each danger is a function that brings a cluster into trouble and captures moments of it. What is written to
tests/payloads/dangers/ are the servers' own answers; nothing is added, and only the path of the store is changed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import nats
import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamSource
from nats.js.errors import ServiceUnavailableError

from jetstream_exporter.demo.cluster import Cluster, account

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "payloads" / "dangers"
BINARIES = ROOT / ".tools"
JSZ = "/jsz?consumers=true&config=true&limit=65536"
OLD, NEW = "2.10.26", "2.15.1"
ELECTIONS = (
    40  # tried until a leader is caught in the milliseconds in which it does not know its figures
)

Answer = dict[str, Any]
Said = dict[str, Answer]  # server: its answers


class Camera:
    """Takes moments of a cluster."""

    def __init__(self, cluster: Cluster, http: aiohttp.ClientSession) -> None:
        self.cluster = cluster
        self.moments: list[dict[str, Any]] = []
        self._http = http

    async def look(self) -> Said:
        answers = await asyncio.gather(*(self._ask(server.monitor_url) for server in self.cluster))
        names = [server.name for server in self.cluster]
        return dict(zip(names, answers, strict=True))

    def keep(self, name: str, said: Said) -> None:
        servers = [{"name": server, **answers} for server, answers in said.items()]
        self.moments.append({"name": name, "servers": servers})

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
        jsz = await self._get(f"{url}{JSZ}")
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


@asynccontextmanager
async def jetstream(cluster: Cluster, user: str = "app") -> AsyncIterator[JetStreamContext]:
    nc = await nats.connect(cluster.urls_for(user), max_reconnect_attempts=-1)
    try:
        yield nc.jetstream(timeout=10)
    finally:
        await nc.close()


async def work(js: JetStreamContext, stream: str = "ORDERS", replicas: int = 3) -> None:
    """Twenty messages, five fetched, three acknowledged: 15 pending, 2 ack pending."""
    subject = stream.lower()
    await js.add_stream(name=stream, subjects=[subject], num_replicas=replicas, max_bytes=1 << 20)
    for number in range(20):
        await js.publish(subject, f"{number}".encode())
    subscription = await js.pull_subscribe(
        subject, "worker", stream=stream, config=ConsumerConfig(ack_wait=600)
    )
    fetched: list[Msg] = []
    while len(fetched) < 5:  # a replicated consumer's leader may not listen yet
        with contextlib.suppress(ServiceUnavailableError, nats.errors.TimeoutError):
            fetched += await subscription.fetch(5 - len(fetched), timeout=2)
    for message in fetched[:3]:
        await message.ack_sync()
    await subscription.unsubscribe()


def is_settled(said: Said) -> bool:
    """Everybody is healthy, and all figures are there."""
    if any(not answers["varz"] or not answers["jsz"] for answers in said.values()):
        return False
    verdicts = [verdict for answers in said.values() for verdict in answers["healthz"]]
    if any(verdict is None or verdict["status"] != 200 for verdict in verdicts):
        return False
    group = leader(said)
    boss = leader(said, consumers)
    if group is None or boss is None:
        return False
    (row,) = consumers(said[boss])
    followers = [p["current"] for s in streams(said[group]) for p in s["cluster"]["replicas"]]
    return row["num_pending"] == 15 and row["num_ack_pending"] == 2 and all(followers)


async def election(camera: Camera) -> None:
    cluster = camera.cluster
    async with jetstream(cluster) as js:
        await work(js)
        await camera.must_catch("before", is_settled)
        for _ in range(ELECTIONS):
            await js._nc.request("$JS.API.CONSUMER.LEADER.STEPDOWN.ORDERS.worker", timeout=10)
            if await camera.catch("just-elected", is_just_elected, 0.15):
                break
        else:
            print("  no leader was caught in its first moment", file=sys.stderr)
        await camera.must_catch("settled", is_settled)
    boss = leader(await camera.look())
    assert boss is not None
    await cluster[boss].kill()
    await camera.must_catch("leaderless", is_leaderless)
    await camera.must_catch("elected", lambda said: leader(said) not in (None, boss))


def is_just_elected(said: Said) -> bool:
    """A consumer's leader names itself and says 0 where 15 are pending."""
    boss = leader(said, consumers)
    return boss is not None and consumers(said[boss])[0].get("num_pending", 0) == 0


def is_leaderless(said: Said) -> bool:
    """Nobody leads the stream; its followers still name the dead server until they vote."""
    return leader(said) is None


async def after_start(camera: Camera) -> None:
    """A restarted server names itself the leader of what it is a follower of."""
    cluster = camera.cluster
    async with jetstream(cluster) as js:
        await work(js)
    for number in range(10):
        await camera.must_catch("before", is_settled)
        boss = leader(camera_last(camera))
        victim = next(server for server in cluster if server.name != boss)
        await victim.kill()
        victim.spawn()
        if await camera.catch("false-leader", functools.partial(is_false, victim.name), 5):
            break
        del camera.moments[:]
        print(f"  start {number + 1} showed no false leader", file=sys.stderr)
    await camera.must_catch("settled", is_settled)


def camera_last(camera: Camera) -> Said:
    return {server["name"]: server for server in camera.moments[-1]["servers"]}


def is_false(name: str, said: Said) -> bool:
    answers = said[name]
    if not answers["varz"] or not answers["jsz"]:
        return False
    groups = [stream.get("cluster") or {} for stream in streams(answers)]
    return any(group.get("leader") == name and not group.get("raft_group") for group in groups)


async def stopping(camera: Camera) -> None:
    """A server in lame duck mode answers, and for its last milliseconds its list is empty."""
    async with jetstream(camera.cluster) as js:
        await work(js)
        for number in range(10):
            await js.add_stream(name=f"MORE{number}", subjects=[f"m{number}"], num_replicas=3)
    victim = camera.cluster[2]
    await camera.take("before")
    victim.lame_duck()
    await camera.must_catch("lame-duck", lambda said: is_refusing(said[victim.name]))
    await camera.catch_server("emptied", victim.name, is_emptied)


def is_refusing(answers: Answer) -> bool:
    verdicts = answers["healthz"]
    return all(verdict is not None and verdict["status"] == 500 for verdict in verdicts)


def is_emptied(answers: Answer) -> bool:
    return bool(answers["varz"] and answers["jsz"]) and answers["jsz"]["streams"] == 0


async def no_quorum(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        await work(js)
        await work(js, "LOCAL", replicas=1)
    await camera.take("before")
    (home,) = (s["cluster"]["leader"] for s in all_streams(camera) if s["name"] == "LOCAL")
    for server in camera.cluster:
        if server.name != home:
            await server.kill()
    await camera.must_catch("survivor", lambda said: is_lost(said[home]))


def all_streams(camera: Camera) -> list[Answer]:
    return [stream for answers in camera_last(camera).values() for stream in streams(answers)]


def is_lost(answers: Answer) -> bool:
    groups = [item["cluster"] for item in [*streams(answers), *consumers(answers)]]
    replicated = [group for group in groups if group.get("raft_group")]
    return len(replicated) == 2 and not any(group.get("leader") for group in replicated)


async def all_zero(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        await js.add_stream(name="EMPTY", subjects=["empty"], num_replicas=3)
        await js.add_consumer("EMPTY", ConsumerConfig(durable_name="idle"))
    await camera.must_catch(
        "empty", lambda said: leader(said) is not None and leader(said, consumers) is not None
    )


async def no_limits(camera: Camera) -> None:
    for user in ("app", "small"):
        async with jetstream(camera.cluster, user) as js:
            most, deliver = (4096, 3) if user == "small" else (-1, -1)
            await js.add_stream(name="S", subjects=["s"], max_bytes=most)
            await js.publish("s", b"one")
            await js.add_consumer("S", ConsumerConfig(durable_name="c", max_deliver=deliver))
    await camera.take("standalone")


UTF8 = ("Größe", 'say"cheese"', "{}", 'a="b",', "日本🐇", "#", "$x'`")


async def utf8_names(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        for number, name in enumerate(UTF8):
            await js.add_stream(name=name, subjects=[f"s{number}"])
            await js.add_consumer(name, ConsumerConfig(durable_name=name))
    await camera.take("standalone")


async def no_jetstream(camera: Camera) -> None:
    await camera.take("standalone")


async def mirror_and_source(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        for origin in ("ORIGIN", "OTHER", "GONE"):
            await js.add_stream(name=origin, subjects=[origin.lower()], num_replicas=3)
            for number in range(10):
                await js.publish(origin.lower(), f"{number}".encode())
        await js.add_stream(name="MIRROR", num_replicas=3, mirror=StreamSource(name="ORIGIN"))
        both = [StreamSource(name="ORIGIN"), StreamSource(name="OTHER")]
        await js.add_stream(name="GATHERED", num_replicas=3, sources=both)
        await js.add_stream(name="ORPHAN", mirror=StreamSource(name="GONE"))
        await camera.must_catch(
            "in-step", lambda said: copied(said) == {"MIRROR": 10, "GATHERED": 20, "ORPHAN": 10}
        )
        await js.delete_stream("GONE")
        await camera.must_catch("origin-gone", is_orphaned)


def copied(said: Said) -> dict[str, int]:
    return {
        stream["name"]: stream["state"]["messages"]
        for name, answers in said.items()
        for stream in streams(answers)
        if stream["cluster"].get("leader") == name and ("mirror" in stream or "sources" in stream)
    }


def is_orphaned(said: Said) -> bool:
    mirrors = [
        s["mirror"]
        for a in said.values()
        for s in streams(a)
        if s["name"] == "ORPHAN" and "mirror" in s
    ]
    return any(mirror["active"] > 31_000_000_000 or mirror["active"] < 0 for mirror in mirrors)


async def paused(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        await work(js, replicas=1)
        until = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
        body = json.dumps({"pause_until": until}).encode()
        await js._nc.request("$JS.API.CONSUMER.PAUSE.ORDERS.worker", body, timeout=10)
    await camera.take("standalone")


async def ephemerals(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        await work(js)
        for number in range(3):
            config = ConsumerConfig(
                inactive_threshold=600,
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=1 + 5 * number,
            )
            await js.add_consumer("ORDERS", config)
    await camera.must_catch("three", lambda said: len(led(said)) == 4)


def led(said: Said) -> list[str]:
    return [
        c["name"]
        for name, a in said.items()
        for c in consumers(a)
        if c["cluster"].get("leader") == name
    ]


Danger = Callable[[Camera], Awaitable[None]]
# The servers, the versions that differ, and what happens.
DANGERS: dict[str, tuple[Danger, dict[str, Any], tuple[str, ...]]] = {
    "after-start": (after_start, {}, (OLD, NEW)),
    "election": (election, {}, (OLD, NEW)),
    "stopping": (stopping, {}, (OLD, NEW)),
    "no-quorum": (no_quorum, {}, (OLD, NEW)),
    "all-zero": (all_zero, {}, (NEW,)),
    "no-limits": (
        no_limits,
        {
            "size": 1,
            "accounts": {
                "APP": account("app"),
                "SMALL": account("small")
                | {"jetstream": {"max_mem": 1 << 20, "max_file": 1 << 21}},
            },
        },
        (NEW,),
    ),
    "utf8-names": (utf8_names, {"size": 1, "accounts": {"Größe 🐇": account("app")}}, (NEW,)),
    "no-jetstream": (
        no_jetstream,
        {
            "size": 1,
            "accounts": {"APP": account("app", jetstream=False)},
            "extra": "jetstream: disabled",
        },
        (NEW,),
    ),
    "mirror-and-source": (mirror_and_source, {}, (NEW,)),
    "paused": (paused, {"size": 1}, (NEW,)),
    "ephemerals": (ephemerals, {}, (OLD, NEW)),
}


async def record(danger: str, version: str) -> None:
    happen, settings, _ = DANGERS[danger]
    binary = BINARIES / f"nats-server-{version}" / "bin" / "nats-server"
    timeout = aiohttp.ClientTimeout(total=5)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        Cluster(binary=binary, name="recorded", **settings) as cluster,
    ):
        camera = Camera(cluster, http)
        await happen(camera)
    path = FOLDER / danger / f"{version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    recorded = {"version": version, "moments": camera.moments}
    path.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {', '.join(m['name'] for m in camera.moments)}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("danger", nargs="*", help=f"all of {', '.join(DANGERS)} by default")
    asked = parser.parse_args(argv).danger or list(DANGERS)
    if unknown := [danger for danger in asked if danger not in DANGERS]:
        parser.error(f"{unknown[0]} is none of {', '.join(DANGERS)}")
    for danger in asked:
        for version in DANGERS[danger][2]:
            asyncio.run(record(danger, version))
    return 0


if __name__ == "__main__":
    sys.exit(main())
