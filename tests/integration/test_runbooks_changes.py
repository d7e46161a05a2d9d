"""What the runbooks change, changed on clusters that are thrown away; and what a smaller limit does."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats
import pytest
from scripts.versions import EXTREMES, NEWEST, STARTED
from tests.support.api import api
from tests.support.exporter import eventually
from tests.support.runbooks import CLI, CONSUMER, FENCES, STREAM, Fence, Scene, scene
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster

needs_nats = pytest.mark.skipif(CLI is None, reason="nats is neither on PATH nor named by NATS_CLI")


# What a change does, by the words of its command: a look at the stream (and the consumer) afterwards.
async def changed(here: Scene, fence: Fence, stream: str, before: dict[str, Any]) -> bool:
    assert fence.change is not None
    words = " ".join(fence.change.path)
    if "consumer rm" in words:
        return not (await api(here.nc, f"CONSUMER.NAMES.{stream}", {}))["consumers"]
    if "consumer edit" in words:
        after = await api(here.nc, f"CONSUMER.INFO.{stream}.{CONSUMER}", {})
        return bool(after["config"] != before["consumer"]["config"])
    info = await here.stream(stream)
    if "purge" in words or "rmm" in words:
        return bool(info["state"]["messages"] < before["stream"]["state"]["messages"])
    if "evacuate" in words or "peer-remove" in words:
        return before["leaving"] not in str(info["cluster"])
    if "stream edit" in words:
        return bool(info["config"] != before["stream"]["config"])
    return True  # step-down: another leader, or the same one again


CHANGES = {
    **{"MAX_BYTES": "2000000", "MAX_MSGS": "2000", "MAX_AGE": "2h", "KEEP": "5", "REPLICAS": "1"},
    **{"MAX_PENDING": "2000", "MAX_DELIVER": "9"},
    **{"NEW_CONSUMER": "billing-2", "START_SEQUENCE": "5"},
}


@needs_nats
@pytest.mark.timeout(900)
async def test_every_change_is_made_once_its_variables_are_set_and_its_question_answered(
    tmp_path: Path,
) -> None:
    """On a cluster that is thrown away; each on a stream of its own."""
    mine = [f for f in FENCES if f.change and f.change.program == "nats"]
    assert mine
    wrong = []
    async with scene(tmp_path, size=4) as here:
        removals = [f for f in mine if "server cluster peer-remove" in f.script]
        for number, fence in enumerate(f for f in mine if f not in removals):
            stream = f"THROWN_{number}"
            await here.prepare(stream)
            info = await here.stream(stream)
            follower = info["cluster"]["replicas"][0]["name"]
            before = {
                "stream": info,
                "consumer": await api(here.nc, f"CONSUMER.INFO.{stream}.{CONSUMER}", {}),
                "leaving": follower,
            }
            code, said = await here.paste(
                fence, **CHANGES, STREAM=stream, SERVER=follower, LEADER=await a_follower(here)
            )
            done = code == 0
            if done:
                with suppress(AssertionError):
                    await eventually(
                        "", lambda f=fence, s=stream, b=before: changed(here, f, s, b), 20
                    )  # type: ignore[misc]
                done = await changed(here, fence, stream, before)
            if not done:
                wrong.append(
                    f"{', '.join(fence.names)}:\n{fence.script}exit code {code}: {said[-800:]}"
                )
            await api(here.nc, f"STREAM.DELETE.{stream}", {})
        assert len({fence.script for fence in removals}) <= 1, "one wording for one command"
        for fence in removals:
            await here.cluster["nats-3"].stop()
            code, said = await here.paste(fence, SERVER="nats-3")
            if code != 0:
                wrong.append(f"{', '.join(fence.names)}: exit code {code}: {said[-800:]}")
    assert not wrong, "\n\n".join(wrong)


def fence_with(words: str, *more: str) -> Fence:
    """The one that JetStreamStreamReplicasDiverged shares with JetStreamStreamMessagesDamaged."""
    (found,) = [
        f for f in FENCES if all(w in f.script for w in (words, *more)) and DAMAGE in f.names
    ]
    assert found.names == tuple(sorted({DAMAGE, "JetStreamStreamReplicasDiverged"}))
    return found


DAMAGE = "JetStreamStreamMessagesDamaged"


def replicas(info: dict[str, Any]) -> list[str | None]:
    """The servers with a replica that is current, the leader (None during an election) first."""
    others = info["cluster"].get("replicas") or []
    return [info["cluster"].get("leader"), *(each["name"] for each in others if each["current"])]


@needs_nats
@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", STARTED)
async def test_where_each_server_has_a_replica_the_others_are_made_again_from_the_leader(
    tmp_path: Path, version: str
) -> None:
    """On three servers, the usual number. There a replica cannot be removed, as the runbooks say."""
    async with scene(tmp_path, version=version) as here:

        async def count(wanted: int) -> bool:
            return len(replicas(await here.stream(STREAM))) == wanted

        await eventually("current replicas", lambda: count(3))
        leader, damaged, _ = replicas(await here.stream(STREAM))
        lower, back = fence_with("edit", "{FEWER_REPLICAS"), fence_with("edit", "{REPLICAS")
        for fence, number, left in ((lower, "1", 1), (back, "3", 3)):
            code, said = await here.paste(fence, REPLICAS=number, FEWER_REPLICAS=number)
            assert code == 0, said
            await eventually(f"{left} replicas", lambda n=left: count(n))  # type: ignore[misc]
            info = await here.stream(STREAM)
            assert (info["cluster"]["leader"], info["state"]["messages"]) == (leader, 20)
        assert damaged
        code, said = await here.paste(fence_with("peer-remove"), SERVER=damaged)
        assert code != 0
        assert "peer remap failed (10075)" in said
        await here.prepare("LATER")  # whatever the meta group decided about the removal is done
        await eventually("the decision", lambda: count(3 if version == NEWEST else 2))


@pytest.mark.parametrize("version", EXTREMES)
@pytest.mark.parametrize(
    "case",
    [
        ("old", "max_bytes", 1000, 40, True),
        ("old", "max_msgs", 5, 5, True),
        ("old", "max_age", 10**9, 0, True),
        ("new", "max_bytes", 1000, 100, False),
        ("new", "max_msgs", 5, 100, False),
        ("new", "max_age", 10**9, 0, True),
    ],
)
async def test_a_smaller_limit_does_what_the_runbooks_say(
    version: str, case: tuple[str, str, int, int, bool]
) -> None:
    """Of 100 messages at most so many are left, or all; the next publish is taken or refused."""
    discard, limit, value, left, taken = case
    async with (
        Cluster(size=1, binary=nats_server(version)) as cluster,
        await nats.connect(cluster.urls) as nc,
    ):
        config = {"name": "S", "subjects": ["s"], "discard": discard, "duplicate_window": 10**9}
        config |= {"storage": "file", "max_bytes": 10**7, "max_msgs": 1000, "max_age": 10**13}
        await api(nc, "STREAM.CREATE.S", config)
        for _ in range(100):
            await nc.jetstream().publish("s", b"12345")
        await api(nc, "STREAM.UPDATE.S", config | {limit: value})

        async def settled() -> bool:
            return (await api(nc, "STREAM.INFO.S"))["state"]["messages"] <= left

        await eventually("the deletion", settled)
        assert ((await api(nc, "STREAM.INFO.S"))["state"]["messages"] == 100) == (left == 100)
        answer = json.loads((await nc.request("s", b"12345", timeout=5)).data)
        assert ("error" not in answer) == taken, answer


async def a_follower(here: Scene) -> str:
    """A server that does not lead the meta group."""
    async with await nats.connect(here.cluster.urls_for("sys")) as system:
        reply = await system.request("$SYS.REQ.SERVER.PING.JSZ", b'{"leader_only":true}', timeout=5)
    leader = json.loads(reply.data)["server"]["name"]
    return next(server.name for server in here.cluster if server.name != leader and server.alive)
