"""What becomes of scrapes over NATS when servers, logins and permissions come and go."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.api import ConsumerConfig
from scripts.versions import EXTREMES
from tests.support import sources
from tests.support.exporter import Exporter, Samples, eventually, exporter
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish

UP = "jetstream_exporter_source_up"
HAS_QUORUM = "jetstream_stream_has_quorum"
SYSTEM_PUBLISH = [
    "$SYS.REQ.SERVER.PING.STATSZ",
    "$SYS.REQ.SERVER.PING.VARZ",
    "$SYS.REQ.SERVER.PING.HEALTHZ",
    "$SYS.REQ.ACCOUNT.PING.STATZ",
    "$SYS.REQ.SERVER.*.JSZ",
]
ACCOUNT_PUBLISH = [
    "$JS.API.INFO",
    "$JS.API.STREAM.LIST",
    "$JS.API.CONSUMER.LIST.*",
    "$SYS.REQ.USER.INFO",
]
INFO_PUBLISH = ["$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.INFO.*.*"]
READ_PUBLISH = [
    "$SYS.REQ.USER.INFO",
    "$JS.API.CONSUMER.INFO.*.*",
    "$JS.API.CONSUMER.CREATE.>",
    "$JS.API.CONSUMER.MSG.NEXT.*.*",
    "$JS.ACK.>",
]
SYSTEM_EVENTS_PUBLISH = ["$SYS.REQ.USER.INFO", "$SYS.REQ.SERVER.PING.STATSZ"]
EVENTS_SUBSCRIBE = ["_INBOX.>", "$JS.EVENT.ADVISORY.>", "$JS.EVENT.METRIC.CONSUMER.ACK.>"]


def user(name: str, publish: list[str], subscribe: list[str] | None = None) -> dict[str, Any]:
    permissions = {"publish": publish, "subscribe": subscribe or ["_INBOX.>"]}
    return {"user": name, "password": name, "permissions": permissions}


def limited(*users: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An account whose first user may do anything, as the demo's `account` makes it, and others not."""
    block = account("a", **more)
    block["users"] += users
    return block


async def fill(cluster: Cluster, replicas: int = 1) -> None:
    async with await nats.connect(cluster.urls_for("a")) as nc:
        js = nc.jetstream(timeout=20)
        await create_stream(js, name="S", subjects=["s"], num_replicas=replicas)
        await publish(js, "s", b"")
        await create_consumer(js, "S", ConsumerConfig(durable_name="c", ack_policy="explicit"))


def test_the_page_about_sources_names_the_least_permissions() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    table = text[text.index("| source | publish | subscribe |") :]
    for subject in (
        *SYSTEM_PUBLISH,
        *ACCOUNT_PUBLISH,
        *INFO_PUBLISH,
        *EVENTS_SUBSCRIBE,
        *READ_PUBLISH,
        "$JS.API.STREAM.MSG.GET.*",
    ):
        assert f"`{subject}`" in table, subject


def states(samples: Samples, source: str) -> set[float]:
    return set(samples.all(UP, source=source))


async def errors(running: Exporter) -> str:
    return await running.text("/debug/sources")


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    """Accounts with a user for each way in that may do exactly what it needs."""
    return {
        "A": limited(
            user("api", ACCOUNT_PUBLISH),
            user("info", INFO_PUBLISH),
            user("reader", READ_PUBLISH),
            *(
                user(f"reader-{i}", [subject for subject in READ_PUBLISH if subject != missing])
                for i, missing in enumerate(READ_PUBLISH)
            ),
            user("events", ["$SYS.REQ.USER.INFO"], EVENTS_SUBSCRIBE),
            user("nothing", ["nothing"]),
        ),
        "SYS": {
            "users": [
                {"user": "sys", "password": "sys"},
                user("least", SYSTEM_PUBLISH),
                user("less", SYSTEM_PUBLISH[:-1]),
                user("sysevents", SYSTEM_EVENTS_PUBLISH, EVENTS_SUBSCRIBE[:2]),
            ]
        },
    }


@pytest.fixture
async def standalone(everything: dict[str, Any]) -> AsyncIterator[Cluster]:
    async with Cluster(size=1, accounts=everything) as cluster:
        await fill(cluster)
        yield cluster


async def test_the_least_permissions_are_enough_for_each_way(
    standalone: Cluster, tmp_path: Path
) -> None:
    config = sources.settings(
        system=sources.login(standalone, tmp_path, "least"),
        accounts=[sources.login(standalone, tmp_path, "api")],
        advisories=[sources.login(standalone, tmp_path, user) for user in ("events", "sysevents")],
    )
    async with exporter(tmp_path, config=config) as running:
        samples = await running.scrape()
        assert states(samples, "system") == {1}, await errors(running)
        assert states(samples, "account") == {1}, await errors(running)
        assert states(samples, "advisories") == {1}, await errors(running)
        assert samples.all("jetstream_consumer_pending_messages") == [1]
        assert samples.all("jetstream_account_max_streams") == []
        assert samples.all("jetstream_account_streams") == [1]
        assert samples.all("jetstream_consumer_max_deliveries_total") == [0]
        assert "not permitted" not in running.log()


async def test_the_least_permissions_are_enough_to_read_a_capturing_stream(
    standalone: Cluster, tmp_path: Path
) -> None:
    async with await nats.connect(standalone.urls_for("a")) as nc:
        await create_stream(nc.jetstream(), name="EVENTS", subjects=["$JS.EVENT.>"])
    reading = sources.login(standalone, tmp_path, "reader") | {"stream": "EVENTS"}
    config = sources.settings(targets=standalone.monitor_urls, advisories=[reading])
    async with exporter(tmp_path, config=config) as running:
        samples = await running.scrape()
        assert states(samples, "advisories") == {1}, await errors(running)
        assert samples.get("jetstream_consumer_max_deliveries_total", consumer="c") == 0
        await standalone[0].stop()
        await running.until("the loss", lambda s: states(s, "advisories") == {0})


@pytest.mark.parametrize("missing", READ_PUBLISH)
async def test_what_reading_a_capturing_stream_lacks_is_named(
    missing: str, standalone: Cluster, tmp_path: Path
) -> None:
    async with await nats.connect(standalone.urls_for("a")) as nc:
        await create_stream(nc.jetstream(), name="EVENTS", subjects=["$JS.EVENT.>"])
        reading = sources.login(standalone, tmp_path, f"reader-{READ_PUBLISH.index(missing)}")
        config = sources.settings(
            targets=standalone.monitor_urls, advisories=[reading | {"stream": "EVENTS"}]
        )
        stem = missing.rstrip("*>.")
        async with exporter(tmp_path, config=config) as running:
            await running.scrape()
            await nc.publish("$JS.EVENT.ADVISORY.STREAM.CREATED.X", b"{}")

            async def is_named() -> bool:
                samples = await running.scrape()
                said = (await errors(running)).lower()
                return states(samples, "advisories") == {0} and stem.lower() in said

            await eventually(f"the lack of {missing}", is_named)
            assert stem.lower() in running.log().lower()


async def test_infos_alone_are_enough_where_names_are_configured(
    standalone: Cluster, tmp_path: Path
) -> None:
    api = sources.login(standalone, tmp_path, "info") | {
        "account": "A",
        "streams": ["S"],
        "consumers": {"S": ["c"]},
    }
    async with exporter(tmp_path, config=sources.settings(accounts=[api])) as running:
        samples = await running.scrape()
        assert samples.all("jetstream_consumer_pending_messages") == [1]
        assert samples.all("jetstream_stream_messages") == [1]
        assert "the user may not publish to $JS.API.INFO" in await errors(running)


async def test_a_missing_permission_is_named_and_costs_its_own_part_only(
    standalone: Cluster, tmp_path: Path
) -> None:
    config = sources.settings(
        system=sources.login(standalone, tmp_path, "less"),
        accounts=[sources.login(standalone, tmp_path, "nothing") | {"account": "A"}],
        advisories=[sources.login(standalone, tmp_path, "api")],
    )
    async with exporter(tmp_path, config=config) as running:
        started = time.monotonic()
        samples = await running.scrape(timeout=60)
        assert time.monotonic() - started < 20
        page = await errors(running)
        assert ".JSZ" in page
        assert "the user may not publish to $SYS.REQ.SERVER.N" in page
        assert "the user may not publish to $JS.API.STREAM.NAMES" in page
        assert "the user may not subscribe to $js.event.advisory." in page
        assert samples.all("nats_server_up") == [1]
        assert samples.all("jetstream_stream_messages") == []
        assert samples.all("jetstream_consumer_max_deliveries_total") == []


async def test_an_account_speaks_for_a_cluster_whose_monitoring_ports_are_all_closed(
    standalone: Cluster, tmp_path: Path
) -> None:
    closed = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    cluster = {"targets": closed, "accounts": [sources.login(standalone, tmp_path, "a")]}
    for name in ("", "prod"):
        config = sources.settings(**cluster, **({"name": name} if name else {}))
        async with exporter(tmp_path, config=config) as running:
            samples = await running.scrape()
            place = {"nats_cluster": name or "nats-0"}
            assert samples.get("jetstream_consumer_pending_messages", **place) == 1
            assert samples.all("nats_server_up", **place) == [0, 0]
            assert samples.labels("nats_server_up", "nats_cluster") == {name or "nats-0"}


async def test_several_ways_to_one_account_give_no_series_twice(
    standalone: Cluster, tmp_path: Path
) -> None:
    async with await nats.connect(standalone.urls_for("a")) as nc:
        subscription = await nc.jetstream().pull_subscribe_bind(consumer="c", stream="S")
        again = sources.login(standalone, tmp_path, "a")
        by_name = again | {"urls": [standalone.urls[0].replace("127.0.0.1", "localhost")]}
        config = json.loads(sources.together(standalone, tmp_path))
        config["clusters"][0]["accounts"] += [again, by_name]
        config["clusters"][0]["advisories"] = [
            again,
            by_name,
            sources.login(standalone, tmp_path, "sys"),
        ]
        config["clusters"].append({"accounts": [by_name]})
        async with exporter(tmp_path, config=json.dumps(config)) as running:
            await running.until("all", lambda s: set(s.all(UP)) == {1})  # and no series twice
            (message,) = await subscription.fetch(1)
            await message.term()
            samples = await running.until(
                "the end of a message",
                lambda s: s.all("jetstream_consumer_terminations_total") == [1],
            )
            assert samples.get("jetstream_advisories_total", kind="terminated") == 1
            assert samples.all("jetstream_stream_messages") == [1]
            assert samples.all("jetstream_account_streams") == [1]
            port = standalone[0].ports.client.number
            assert samples.labels(UP, "target", source="account") == {
                f"nats://127.0.0.1:{port} A",
                f"nats://127.0.0.1:{port} A (2)",
                f"nats://localhost:{port} A",
                f"nats://localhost:{port} A (clusters[1])",
            }


async def test_accounts_that_cannot_be_reached_are_told_apart(
    standalone: Cluster, tmp_path: Path
) -> None:
    wrong = [sources.login(standalone, tmp_path, user) for user in ("nobody", "nothing-like-it")]
    async with exporter(tmp_path, config=sources.settings(accounts=wrong)) as running:
        samples = await running.scrape()
        ends = {target.split()[-1] for target in samples.labels(UP, "target", source="account")}
        assert ends == {"accounts[0]", "accounts[1]"}


async def test_an_account_without_jetstream_is_said_to_have_none(tmp_path: Path) -> None:
    accounts = {"A": account("a"), "PLAIN": account("plain", jetstream=False)}
    async with Cluster(size=1, accounts=accounts) as cluster:
        logins = [sources.login(cluster, tmp_path, name) for name in ("a", "plain")]
        async with exporter(tmp_path, config=sources.settings(accounts=logins)) as running:
            samples = await running.scrape()
            assert sorted(samples.all(UP, source="account")) == [0, 1]
            page = await errors(running)
            assert "JetStream not enabled" in page or "nobody answers there" in page


async def test_a_wrong_password_is_said_at_once_and_tried_for_ever(
    standalone: Cluster, tmp_path: Path
) -> None:
    wrong = sources.login(standalone, tmp_path, "sys")
    password = tmp_path / "sys.password"
    password.write_text("wrong")
    config = sources.settings(system=wrong, targets=standalone.monitor_urls)
    async with exporter(tmp_path, config=config) as running:
        samples = await running.scrape(timeout=8)
        assert states(samples, "system") == {0}
        assert "the server refuses the login: Authorization Violation" in await errors(running)
        assert samples.all("jetstream_consumer_pending_messages") == [1]
        password.write_text("sys")
        await running.until("the login", lambda s: states(s, "system") == {1})


async def test_servers_that_went_away_come_back(tmp_path: Path, standalone: Cluster) -> None:
    config = sources.settings(
        system=sources.login(standalone, tmp_path, "sys"),
        accounts=[sources.login(standalone, tmp_path, "a")],
        advisories=[sources.login(standalone, tmp_path, "a")],
    )
    async with exporter(tmp_path, config=config) as running:
        first = await running.scrape()
        assert first.all("jetstream_exporter_advisory_gaps_total") == [0]
        await standalone[0].kill()
        gone = await running.until("the loss", lambda s: s.all("nats_server_up") == [0])
        assert set(gone.all(UP)) == {0}
        assert gone.all("jetstream_stream_messages") == []
        assert gone.all("jetstream_exporter_advisory_connected") == [0]
        assert gone.all("jetstream_consumer_max_deliveries_total") == []
        await standalone[0].start()
        back = await running.until("all sources", lambda s: set(s.all(UP)) == {1})
        assert back.all("nats_server_up") == [1]
        assert back.all("jetstream_consumer_pending_messages") == [1]
        assert back.all("jetstream_exporter_advisory_gaps_total") == [1]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("version", EXTREMES)
async def test_verdicts_agree_when_a_server_is_killed_and_a_lone_asset_is_known_by_name(
    version: str, tmp_path: Path
) -> None:
    async with Cluster(accounts={"A": account("a")}, binary=nats_server(version)) as cluster:
        async with await nats.connect(cluster.urls_for("a")) as nc:
            js = nc.jetstream(timeout=20)
            await create_stream(js, name="R3", subjects=["r3"], num_replicas=3)
            lone = await create_stream(js, name="R1", subjects=["r1"])
        assert lone.cluster is not None
        victim = cluster[str(lone.cluster.leader)]
        folders = {
            way: tmp_path / way.__name__ for way in (sources.http, sources.system, sources.accounts)
        }
        said: dict[str, Samples] = {}
        for folder in folders.values():
            folder.mkdir()
        configs = {way: way(cluster, folder) for way, folder in folders.items()}
        await victim.kill()
        for way, config in configs.items():
            async with exporter(folders[way], config=config) as running:
                said[way.__name__] = await running.until(
                    f"{way.__name__}: the loss of redundancy, after an election",
                    lambda s: s.get("jetstream_stream_fault_tolerance", stream="R3") == 0,
                    90,  # each list of an account waits for the dead leader's word, and so does each scrape
                )
        for samples in said.values():
            assert samples.get("jetstream_stream_has_leader", stream="R3") == 1
            assert samples.get("jetstream_stream_has_quorum", stream="R3") == 1
            assert samples.get("jetstream_stream_replicas_current", stream="R3") == 2
            assert samples.get("jetstream_stream_messages", stream="R1") is None
        assert said["http"].get("jetstream_stream_has_leader", stream="R1") is None
        assert said["system"].get("jetstream_stream_has_leader", stream="R1") is None
        assert said["accounts"].get("jetstream_stream_has_leader", stream="R1") == 0
        await next(server for server in cluster if server.alive).kill()
        async with (
            exporter(folders[sources.system], config=configs[sources.system]) as by_system,
            exporter(folders[sources.accounts], config=configs[sources.accounts]) as by_account,
        ):
            await by_system.until(
                "a lost majority", lambda s: s.get("jetstream_meta_has_quorum") == 0, 60
            )
            # Without a meta leader nobody answers an account; METRICS.md says so.
            await by_account.until(
                "silence", lambda s: states(s, "account") == {0} and not s.all(HAS_QUORUM), 60
            )


async def test_a_frozen_server_costs_itself_only_and_not_the_deadline(tmp_path: Path) -> None:
    async with Cluster(accounts={"A": account("a")}) as cluster:
        await fill(cluster, replicas=3)
        config = sources.together(cluster, tmp_path)
        async with exporter(tmp_path, config=config) as running:
            await running.until("all", lambda s: set(s.all(UP)) == {1})
            cluster[0].pause()
            for _ in range(4):
                samples = await running.scrape(timeout=8)
            assert samples.get(UP, source="system", target="demo/nats-0") == 0
            assert samples.get(UP, source="system", target="demo/nats-1") == 1
            cluster[0].resume()
            await running.until("all again", lambda s: set(s.all(UP)) == {1}, 40)
