"""Edge cases of a cluster in trouble: elections, starting and stopping servers, a lost majority."""

from __future__ import annotations

import functools
import sys

from scripts.record.camera import Answer, Camera, Said, consumers, leader, streams
from scripts.record.workload import jetstream, work

from jetstream_exporter.demo.create import create_stream

# Tried until a leader is caught in the milliseconds in which it does not know its figures.
ELECTIONS = 40


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
        boss = leader(camera.last())
        victim = next(server for server in cluster if server.name != boss)
        await victim.kill()
        victim.spawn()
        if await camera.catch("false-leader", functools.partial(is_false, victim.name), 5):
            break
        del camera.moments[:]
        print(f"  start {number + 1} showed no false leader", file=sys.stderr)
    await camera.must_catch("settled", is_settled)


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
            await create_stream(js, name=f"MORE{number}", subjects=[f"m{number}"], num_replicas=3)
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
    everything = [stream for answers in camera.last().values() for stream in streams(answers)]
    (home,) = (s["cluster"]["leader"] for s in everything if s["name"] == "LOCAL")
    for server in camera.cluster:
        if server.name != home:
            await server.kill()
    await camera.must_catch("survivor", lambda said: is_lost(said[home]))


def is_lost(answers: Answer) -> bool:
    groups = [item["cluster"] for item in [*streams(answers), *consumers(answers)]]
    replicated = [group for group in groups if group.get("raft_group")]
    return len(replicated) == 2 and not any(group.get("leader") for group in replicated)
