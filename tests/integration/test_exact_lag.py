"""Messages that are looked up singly, on real servers: exact, only read, within the budget, and not where refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
from scripts.versions import EXTREMES, NEWEST
from tests.integration.test_lag import ERROR, OLDEST, UNFINISHED
from tests.integration.test_lag_cases import Stage
from tests.integration.test_nats_failures import ACCOUNT_PUBLISH, limited, user
from tests.support.api import api
from tests.support.closing import closing
from tests.support.exporter import Samples, eventually, exporter
from tests.support.tools import nats_server

from jetstream_exporter.config.nats import AccountApi, ExactLag
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.report import LeaderAnswer, Lookups, ScrapeRequest
from jetstream_exporter.sources.nats.account import AccountSource

LOOKUPS = "jetstream_exporter_lag_lookups_total"
PASSWORD = "EXACT_LAG_PASSWORD"
NAMES = ("all", "few", "some")
ONE = [*ACCOUNT_PUBLISH, "$JS.API.STREAM.MSG.GET.*"]
CLOSE = 1e-5  # seconds: a number of Prometheus holds no nanoseconds of today


@asynccontextmanager
async def stage(version: str = NEWEST) -> AsyncIterator[Stage]:
    """A server with one account. Its users `narrow` may list, and `one` may request messages besides."""
    block = limited(user("narrow", ACCOUNT_PUBLISH), user("one", ONE))
    server = nats_server(version)
    with pytest.MonkeyPatch.context() as patch:
        async with (
            Cluster(size=1, binary=server, accounts={"A": block}) as cluster,
            await nats.connect(cluster.urls_for("a")) as client,
        ):
            patch.setenv(PASSWORD, "one")
            yield Stage(cluster, client)


def settings(here: Stage, name: str = "one", **exact: Any) -> dict[str, Any]:
    login = {"urls": here.cluster.urls, "username": name, "password_env": PASSWORD}
    return {**login, "exact_lag": exact} if exact else login


def config(*accounts: dict[str, Any]) -> str:
    return json.dumps({"clusters": [{"accounts": list(accounts)}]})


async def fill(here: Stage, size: int = 1) -> None:
    """Three consumers that got one message and wait for more, none of which is the stream's first one."""
    await here.stream()
    await here.consumer("all")
    await here.consumer("few", filter_subject="S.b")
    await here.consumer("some", filter_subjects=["S.a"])
    js = here.client.jetstream()
    for subject in ("S.a", "S.b", "S.c", "S.a", "S.b", "S.c", "S.a", "S.b"):
        await js.publish(subject, b"x" * size)
        await asyncio.sleep(0.05)
    for name in NAMES:
        await take(here, name)


async def take(here: Stage, name: str) -> None:
    subscription = await here.client.jetstream().pull_subscribe_bind(name, "S")
    await subscription.fetch(1, timeout=5)
    await subscription.unsubscribe()


async def state(here: Stage) -> dict[str, Any]:
    """All that the server says of the stream and its consumers, except for the time at which it does."""
    said = {name: await api(here.client, f"CONSUMER.INFO.S.{name}") for name in NAMES}
    said["S"] = await api(here.client, "STREAM.INFO.S")
    return {name: {k: v for k, v in each.items() if k != "ts"} for name, each in said.items()}


async def true_times(here: Stage, name: str) -> tuple[float, float]:
    """When the next messages to deliver and to acknowledge were stored, by their known sequences."""
    info = await api(here.client, f"CONSUMER.INFO.S.{name}")
    wanted = {"all": [*range(1, 9)], "few": [2, 5, 8], "some": [1, 4, 7]}[name]
    times = []
    for position in ("delivered", "ack_floor"):
        above = info[position]["stream_seq"]
        sequence = next(each for each in wanted if each > above)
        times.append(await here.stored("S", sequence))
    return times[0], times[1]


def are_exact(samples: Samples) -> bool:
    return all(samples.get(ERROR, consumer=name) == 0 for name in NAMES)


@pytest.mark.parametrize("version", EXTREMES)
async def test_after_a_restart_the_lag_is_exact_and_nothing_on_the_server_has_changed(
    version: str, tmp_path: Path
) -> None:
    async with stage(version) as here:
        await fill(here)
        before = await state(here)
        async with exporter(tmp_path, config=config(settings(here))) as without:
            for _ in range(2):
                samples = await without.scrape()
            for name in NAMES:
                assert samples.get(ERROR, consumer=name) is None, name
            assert samples.all(LOOKUPS) == []
        async with exporter(tmp_path, config=config(settings(here, budget=20))) as running:
            for name in NAMES:
                said = (await running.scrape()).get(OLDEST, consumer=name)
                assert (said or 0) >= (await true_times(here, name))[0] - CLOSE
            times = {name: await true_times(here, name) for name in NAMES}

            def are_all_exact(samples: Samples) -> bool:
                said = {name: samples.get(UNFINISHED, consumer=name) or 0 for name in NAMES}
                return are_exact(samples) and all(
                    said[name] <= unfinished + CLOSE for name, (_, unfinished) in times.items()
                )

            samples = await running.until("an exact lag of all", are_all_exact)
            assert await state(here) == before
            for name in NAMES:
                pending, unfinished = await true_times(here, name)
                assert samples.get(OLDEST, consumer=name) == pytest.approx(pending, abs=CLOSE)
                assert samples.get(UNFINISHED, consumer=name) == pytest.approx(
                    unfinished, abs=CLOSE
                )
            await here.client.jetstream().delete_msg("S", 4)
            said = (await running.scrape()).get(OLDEST, consumer="some")
            assert said is None or said >= await here.stored("S", 7) - CLOSE
            await take(here, "few")
            said = (await running.scrape()).get(OLDEST, consumer="few")
            assert said is None or said >= await here.stored("S", 8) - CLOSE


async def test_each_message_is_looked_up_once_and_no_more_than_the_budget_a_scrape(
    tmp_path: Path,
) -> None:
    async with stage() as here:
        await fill(here)
        async with exporter(tmp_path, config=config(settings(here, budget=1))) as running:
            for number in range(1, 6):
                samples = await running.scrape()
                # The exporter collects once more when it starts.
                assert (samples.get(LOOKUPS, result="found") or 0) <= number + 1
            samples = await running.until("an exact lag of all", are_exact)
            for _ in range(3):
                samples = await running.scrape()
            # Of each consumer one message to deliver and one to acknowledge, but for the first of the stream, which is
            # known: `all` and `some` hold message 1, and still ask for it at most once each.
            assert 4 <= (samples.get(LOOKUPS, result="found") or 0) <= 6


async def test_without_the_permission_it_is_counted_and_told_once_and_the_rest_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as here:
        await fill(here)
        monkeypatch.setenv(PASSWORD, "narrow")
        narrow = settings(here, "narrow", budget=5)
        async with exporter(tmp_path, config=config(narrow)) as running:
            await running.until("a refusal", lambda s: (s.get(LOOKUPS, result="refused") or 0) >= 1)
            for _ in range(3):
                samples = await running.scrape()
            assert samples.get(LOOKUPS, result="refused") == 1
            assert samples.get(LOOKUPS, result="found") == 0
            assert samples.all("jetstream_exporter_source_up") == [1]
            assert samples.get("jetstream_consumer_pending_messages", consumer="few") == 2
            assert samples.get(OLDEST, consumer="few") is not None
            assert samples.get(ERROR, consumer="few") is None
            told = [line for line in running.log().splitlines() if "STREAM.MSG.GET" in line]
            assert len(told) == 1, told


async def test_streams_of_large_messages_are_left_out(tmp_path: Path) -> None:
    async with stage() as here:
        await fill(here, size=2000)
        small = settings(here, budget=20, max_message_bytes=1000)
        async with exporter(tmp_path, config=config(small)) as running:
            await running.until(
                "one that is too large", lambda s: (s.get(LOOKUPS, result="too_large") or 0) >= 1
            )
            samples = await running.scrape()
            assert samples.get(LOOKUPS, result="found") == 0
            assert samples.get(ERROR, consumer="few") is None


class Asking:
    """An account's source that is asked here, without the exporter around it."""

    def __init__(self, here: Stage) -> None:
        exact = ExactLag(budget=20)
        self._source = AccountSource(
            AccountApi(**settings(here), exact_lag=exact, account="A"), "here", ""
        )

    async def lookups(self) -> Lookups:
        deadline = asyncio.get_running_loop().time() + 8
        (outcome,) = await self._source.ask(ScrapeRequest(deadline, with_config=False))
        assert isinstance(outcome.answer, LeaderAnswer)
        assert outcome.answer.lookups is not None
        return outcome.answer.lookups

    async def want(self, lookups: Lookups, result: str, number: int) -> None:
        """Have the messages of one consumer looked up, and wait for the result."""
        lookups.want(frozenset({("A", "S", "few")}))

        async def is_counted() -> bool:
            return lookups.counts[result] == number

        await eventually(f"{number} {result}: {lookups.counts}", is_counted, 20)

    async def close(self) -> None:
        await self._source.close()


async def test_a_message_that_is_gone_by_then_is_counted_as_missing() -> None:
    async with stage() as here:
        await fill(here)
        async with closing(Asking(here)) as asking:
            known = await asking.lookups()
            await here.client.jetstream().purge_stream("S")
            await asking.want(known, "missing", 2)  # to deliver, and to acknowledge
            assert (await asking.lookups()).found == {}


async def test_a_server_that_does_not_answer_costs_one_lookup_and_is_asked_again() -> None:
    async with stage() as here:
        await fill(here)
        async with closing(Asking(here)) as asking:
            known = await asking.lookups()
            here.cluster[0].pause()
            await asking.want(known, "failed", 1)
            here.cluster[0].resume()

            async def are_found() -> bool:
                again = await asking.lookups()
                again.want(frozenset({("A", "S", "few")}))
                return again.counts["found"] == 2

            await eventually("both messages", are_found, 20)
            assert len((await asking.lookups()).found["A", "S", "few"].messages) == 2
