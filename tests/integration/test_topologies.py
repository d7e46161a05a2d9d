"""Accounts by JWT, a leaf node with its own JetStream domain, and two clusters behind gateways."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nkeys
import pytest
from nats.js.api import ConsumerConfig, Placement
from tests.support import sources
from tests.support.exporter import eventually, exporter

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.ports import Port
from jetstream_exporter.demo.publish import publish

KINDS = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}


class Key:
    """An nkey that signs claims, as `nsc` would."""

    def __init__(self, kind: str, number: int) -> None:
        raw = hashlib.sha256(f"{kind} {number}".encode()).digest()
        self.kind = kind
        self.seed: str = nkeys.encode_seed(raw, KINDS[kind]).decode()
        self.pair = nkeys.from_seed(self.seed.encode())
        self.id: str = self.pair.public_key.decode()

    def sign(self, subject: "Key", name: str, claims: dict[str, Any]) -> str:
        body: dict[str, Any] = {
            "iat": int(time.time()),
            "iss": self.id,
            "sub": subject.id,
            "name": name,
            "nats": {"type": subject.kind, "version": 2, **claims},
        }
        text = json.dumps(body, separators=(",", ":")).encode()
        body["jti"] = base64.b32encode(hashlib.sha512(text).digest()[:32]).decode().strip("=")
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body]
        head = b".".join(_part(json.dumps(part).encode()) for part in parts)
        return (head + b"." + _part(self.pair.sign(head))).decode()


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def creds(jwt: str, key: Key) -> str:
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{key.seed}\n------END USER NKEY SEED------\n"
    )


UNLIMITED = {"subs": -1, "data": -1, "payload": -1, "conn": -1, "leaf": -1, "imports": -1}
TIER = {
    "mem_storage": -1,
    "disk_storage": 10**9,
    "streams": 7,
    "consumer": 70,
    "max_ack_pending": -1,
}


class JwtCluster(Cluster):
    """Servers with an operator; accounts and users exist in signed claims only."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(size=1, **more)
        self.where = folder
        self.operator, self.system, self.app = (
            Key("operator", 1),
            Key("account", 1),
            Key("account", 2),
        )

    def _account_settings(self) -> dict[str, Any]:
        plain = {"limits": {**UNLIMITED, "exports": -1, "wildcards": True}}
        tiers = {"limits": {**plain["limits"], "tiered_limits": {"R1": TIER}}}
        self.accounts = {}
        for name, key in (("sys", self.system), ("app", self.app)):
            user = Key("user", len(name) + ord(name[0]))
            jwt = key.sign(user, name, {"subs": -1, "data": -1, "payload": -1})
            (self.where / f"{name}.creds").write_text(creds(jwt, user))
            (self.where / f"{name}.jwt").write_text(jwt)
            (self.where / f"{name}.nk").write_text(user.seed)
        return {
            "operator": self.operator.sign(self.operator, "op", {"system_account": self.system.id}),
            "system_account": self.system.id,
            "resolver": "MEMORY",
            "resolver_preload": {
                self.system.id: self.operator.sign(self.system, "SYSTEM", plain),
                self.app.id: self.operator.sign(self.app, "ORDERS-APP", tiers),
            },
        }

    def _users(self, jetstream: bool = False) -> Any:
        return iter(())

    def login(self, name: str) -> dict[str, Any]:
        return {"urls": self.urls, "credentials_file": str(self.where / f"{name}.creds")}

    def login_in_halves(self, name: str) -> dict[str, Any]:
        files = {"jwt_file": f"{name}.jwt", "nkey_seed_file": f"{name}.nk"}
        return {"urls": self.urls, **{key: str(self.where / file) for key, file in files.items()}}


async def test_accounts_by_jwt_are_read_with_their_tiers_and_labelled_by_id(
    tmp_path: Path,
) -> None:
    async with JwtCluster(tmp_path) as cluster:
        async with await nats.connect(
            cluster.urls, user_credentials=str(tmp_path / "app.creds")
        ) as nc:
            js = nc.jetstream(timeout=20)
            await create_stream(js, name="S", subjects=["s"])
            await publish(js, "s", b"x")
            await create_consumer(js, "S", ConsumerConfig(durable_name="c", ack_policy="explicit"))
        config = sources.settings(
            targets=cluster.monitor_urls,
            system=cluster.login("sys"),
            accounts=[cluster.login_in_halves("app")],
            advisories=[cluster.login("app"), cluster.login("sys")],
        )
        async with exporter(tmp_path, config=config) as running:
            samples = await running.scrape()
            page = await running.text("/debug/sources")
            assert set(samples.all("jetstream_exporter_source_up")) == {1}, page
            labels = {"account": cluster.app.id}
            assert samples.get("jetstream_consumer_pending_messages", **labels) == 1
            assert samples.get("jetstream_consumer_max_deliveries_total", **labels) == 0
            tier = labels | {"tier": "R1"}
            assert samples.get("jetstream_account_tier_max_streams", **tier) == 7
            assert samples.get("jetstream_account_tier_streams", **tier) == 1
            names = samples.labels("jetstream_account_info", "account_name", **labels)
            assert names == {"ORDERS-APP"}


async def test_every_way_labels_an_account_by_its_name_where_that_is_asked_for(
    tmp_path: Path,
) -> None:
    """Also an account without streams, of which only its limits are known."""
    async with JwtCluster(tmp_path) as cluster:
        ways_in = {"targets": cluster.monitor_urls, "accounts": [cluster.login("app")]}
        async with await nats.connect(
            cluster.urls, user_credentials=str(tmp_path / "app.creds")
        ) as nc:
            for family in ("jetstream_account_info", "jetstream_stream_messages"):
                for way, login in ways_in.items():
                    named = {"clusters": [{way: login}], "labels": {"account": "name"}}
                    async with exporter(tmp_path, config=json.dumps(named)) as running:
                        samples = await running.scrape()
                    assert samples.labels(family, "account") == {"ORDERS-APP"}, way
                await create_stream(nc.jetstream(timeout=20), name="S", subjects=["s"])


@asynccontextmanager
async def hub_and_leaf() -> AsyncIterator[tuple[Cluster, Cluster]]:
    port = Port()
    users = {"A": account("a")}
    with_port = f'leafnodes: {{listen: "{port}"}}'
    async with Cluster(size=1, accounts=users, domain="hub", prefix="hub", extra=with_port) as hub:
        remote = f'leafnodes: {{remotes: [{{url: "nats://a:a@{port}", account: A}}]}}'
        async with Cluster(
            size=1, accounts=users, domain="leaf", prefix="leaf", extra=remote
        ) as leaf:
            yield hub, leaf
    port.release()


async def test_a_leaf_nodes_domain_is_read_through_the_hub(tmp_path: Path) -> None:
    async with hub_and_leaf() as (hub, leaf):
        for cluster, count in ((hub, 1), (leaf, 3)):
            async with await nats.connect(cluster.urls_for("a")) as nc:
                js = nc.jetstream(timeout=20)
                await create_stream(js, name="S", subjects=[f"s{count}"])
                for _ in range(count):
                    await publish(js, f"s{count}", b"")
                await create_consumer(
                    js, "S", ConsumerConfig(durable_name="c", ack_policy="explicit")
                )
        login = sources.login(hub, tmp_path, "a")
        config = sources.settings(accounts=[login, login | {"domain": "leaf"}])
        async with exporter(tmp_path, config=config) as running:
            samples = await running.until(
                "both domains", lambda s: len(s.all("jetstream_stream_messages")) == 2
            )
            # The second scrape knows the lone leaf's name.
            samples = await running.until(
                "the leaf's name",
                lambda s: s.get("jetstream_stream_messages", nats_cluster="leaf-0") == 3,
            )
            assert samples.get("jetstream_stream_messages", nats_cluster="hub-0") == 1
            pending = "jetstream_consumer_pending_messages"
            assert samples.get(pending, nats_cluster="leaf-0") == 3


@asynccontextmanager
async def two_clusters() -> AsyncIterator[tuple[Cluster, Cluster]]:
    """Two clusters of one server each, that are one JetStream by their gateways."""
    ports = {name: (Port(), Port()) for name in ("east", "west")}
    remotes = [{"name": name, "urls": [f"nats://{own}"]} for name, (own, _) in ports.items()]
    users = {"A": account("a")}

    def extra(name: str) -> str:
        own, route = ports[name]
        # A route to itself: JetStream wants one where there is a cluster.
        cluster = {"name": name, "listen": str(route), "routes": [f"nats://{route}"]}
        gateway = {"name": name, "listen": str(own), "gateways": remotes}
        return f"cluster: {json.dumps(cluster)}\ngateway: {json.dumps(gateway)}"

    made = [Cluster(size=1, accounts=users, prefix=name, extra=extra(name)) for name in ports]
    try:
        # Neither is ready without the other: the meta group is one.
        await asyncio.gather(*(cluster.__aenter__() for cluster in made))
        yield made[0], made[1]
    finally:
        for cluster in made:
            cluster.close()
        for port in (port for pair in ports.values() for port in pair):
            port.release()


@pytest.mark.parametrize("way", ["system", "accounts", "together"])
async def test_clusters_behind_gateways_are_told_apart(way: str, tmp_path: Path) -> None:
    async with two_clusters() as (east, west):
        async with await nats.connect(east.urls_for("a")) as nc:
            js = nc.jetstream(timeout=20)
            for name in ("east", "west"):

                async def placed(name: str = name) -> bool:
                    try:
                        await create_stream(
                            js, name=name, subjects=[name], placement=Placement(cluster=name)
                        )
                    except nats.js.errors.Error:
                        return False
                    return True

                await eventually(f"a stream in {name}", placed)
                await create_consumer(
                    js, name, ConsumerConfig(durable_name="c", ack_policy="explicit")
                )
        config = json.loads(getattr(sources, way)(east, tmp_path))
        if "targets" in config["clusters"][0]:
            config["clusters"][0]["targets"] += west.monitor_urls
        config["clusters"][0]["advisories"] = [sources.login(east, tmp_path, "a")]
        async with exporter(tmp_path, config=json.dumps(config)) as running:
            samples = await running.until(
                "both streams", lambda s: len(s.all("jetstream_stream_has_leader")) == 2
            )
            if way != "accounts":
                samples = await running.until(
                    "the one meta leader", lambda s: s.all("jetstream_meta_has_leader") == [1, 1]
                )
            for name in ("east", "west"):
                place = {"nats_cluster": name, "stream": name}
                assert samples.get("jetstream_stream_messages", **place) == 0
                # One connection hears of both, for the account is one.
                assert samples.get("jetstream_consumer_max_deliveries_total", **place) == 0
                servers = samples.labels("nats_server_up", "server", nats_cluster=name)
                assert servers == (set() if way == "accounts" else {f"{name}-0"})
            if way != "accounts":
                await west[0].kill()
                samples = await running.until(
                    "the death", lambda s: sorted(s.all("nats_server_up")) == [0, 1]
                )
                assert samples.get("nats_server_up", nats_cluster="west", server="west-0") == 0
