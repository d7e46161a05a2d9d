"""`jetstream-exporter doctor` on real servers: what is right is said, and what is broken with what to do."""

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import nats
import pytest
import trustme
import yaml
from nats.js.api import StreamConfig
from tests.support.exporter import eventually, exporter
from tests.support.prometheus import prometheus

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_stream
from jetstream_exporter.demo.ports import Port

COMMAND = [sys.executable, "-m", "jetstream_exporter", "doctor", "--format", "json"]
ACCOUNTS = {"APP": account("app")}
ACCOUNTS["APP"]["users"].append(
    {"user": "narrow", "password": "narrow", "permissions": {"publish": ["other.>"]}}
)
STATZ = "$SYS.REQ.ACCOUNT.PING.STATZ"
ACCOUNTS["SYS"] = account("sys", jetstream=False)
ACCOUNTS["SYS"]["users"].append(
    {"user": "blind", "password": "blind", "permissions": {"publish": {"deny": [STATZ]}}}
)
Said = list[tuple[str, str, str, str]]  # check, state, what was seen, what to do


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(size=3, accounts=ACCOUNTS) as cluster:
        async with await nats.connect(cluster.urls) as client:
            await create_stream(client.jetstream(), StreamConfig(name="ORDERS", num_replicas=3))
        # The health check of a server that has not caught up with the stream fails.
        await cluster.until_ready()
        yield cluster


async def doctor(*arguments: str) -> tuple[int, Said]:
    argv = [*COMMAND, *arguments]
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["version"] == 1
    rows = document["results"]
    return done.returncode, [
        (row["check"], row["state"], f"{row['object']}: {row['seen']}", row["advice"])
        for row in rows
    ]


def problems(said: Said) -> Said:
    return [row for row in said if row[1] in ("error", "warning")]


def the_only_problem(said: Said) -> tuple[str, str, str, str]:
    found = problems(said)
    assert len(found) == 1, found
    return found[0]


async def configured(folder: Path, **config: Any) -> tuple[int, Said]:
    file = folder / "exporter.yaml"
    file.write_text(yaml.safe_dump(config))
    return await doctor("--config.file", str(file))


async def test_a_healthy_cluster_has_no_problem(cluster: Cluster, tmp_path: Path) -> None:
    targets = [f"--target={url}" for url in cluster.monitor_urls]
    async with exporter(tmp_path, cluster.monitor_urls) as running:
        code, said = await doctor(*targets, f"--exporter={running.url}")

    assert problems(said) == []
    assert code == 0
    assert {row[0] for row in said} == {"port", "target", "clock", "name", "selection", "exporter"}


def refused(cluster: Cluster) -> dict[str, Any]:
    with_nobody = Port()
    with_nobody.release()
    return {"targets": [*cluster.monitor_urls, f"http://127.0.0.1:{with_nobody.number}"]}


def of_clients(cluster: Cluster) -> dict[str, Any]:
    return {"targets": [cluster[0].url.replace("nats://", "http://"), *cluster.monitor_urls[1:]]}


def with_tls(cluster: Cluster) -> dict[str, Any]:
    urls = cluster.monitor_urls
    return {"targets": [urls[0].replace("http://", "https://"), *urls[1:]]}


def unknown_name(cluster: Cluster) -> dict[str, Any]:
    return {"targets": [*cluster.monitor_urls, "http://nats-headless.invalid:8222"]}


def one_of_three(cluster: Cluster) -> dict[str, Any]:
    return {"targets": cluster.monitor_urls[:1]}


def wrong_password(cluster: Cluster) -> dict[str, Any]:
    return of_account(cluster, "app", "WRONG")


def no_permission(cluster: Cluster) -> dict[str, Any]:
    return of_account(cluster, "narrow", "NARROW")


def of_account(cluster: Cluster, user: str, variable: str) -> dict[str, Any]:
    login = {"urls": cluster.urls, "username": user, "password_env": variable}
    return {"targets": cluster.monitor_urls, "accounts": [login]}


def no_system_account(cluster: Cluster) -> dict[str, Any]:
    return {"system": {"urls": cluster.urls, "username": "app", "password_env": "APP"}}


BROKEN: list[tuple[Callable[[Cluster], dict[str, Any]], str, str, str]] = [
    (refused, "port", "cannot connect: Connection refused", "so this server may be down"),
    (of_clients, "port", "the answer is not HTTP", "4222 is the port for clients"),
    (with_tls, "port", "TLS failed", "Check whether the port uses TLS at all"),
    (unknown_name, "dns", "nats-headless.invalid: the name cannot be resolved", "selector"),
    (one_of_three, "target", "2 of 3 servers are not asked: nats-1, nats-2", "headless Service"),
    (wrong_password, "secret", "refuses the login", "Check that user, password"),
    (no_permission, "permission", "the user may not publish to", "docs/sources.md"),
    (no_system_account, "permission", "no responders", "needs a user of the system account"),
]


async def test_each_broken_setting_is_found_and_says_what_to_do(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (("WRONG", "wrong"), ("NARROW", "narrow"), ("APP", "app")):
        monkeypatch.setenv(variable, value)
    for settings, check, seen, advice in BROKEN:
        code, said = await configured(tmp_path, clusters=[settings(cluster)])

        found = problems(said)
        assert [row[0] for row in found][:1] == [check], (settings.__name__, said)
        assert seen in found[0][2]
        assert advice in found[0][3]
        assert code == 1


async def test_a_subject_that_a_system_user_lacks_is_said_once_with_what_has_no_values(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLIND", "blind")
    system = {"urls": cluster.urls, "username": "blind", "password_env": "BLIND"}
    code, said = await configured(tmp_path, clusters=[{"system": system}])

    check, state, seen, advice = the_only_problem(said)
    assert (code, check, state) == (1, "permission", "warning")
    assert all(name in seen for name in ("nats-0", "nats-1", "nats-2"))
    assert f"accstatz: the user may not publish to {STATZ}" in seen
    assert "(nats_account_…) have no values" in seen
    assert "Add these subjects to the permissions of the user." in advice


async def test_filters_that_leave_nothing_are_found(cluster: Cluster, tmp_path: Path) -> None:
    code, said = await configured(
        tmp_path,
        clusters=[{"targets": cluster.monitor_urls}],
        filters={"streams": {"include": ["ORDER"]}},
    )

    check, _, seen, advice = the_only_problem(said)
    assert (code, check) == (1, "selection")
    assert seen == "filters: the servers have streams, and the filters select none of them"
    assert "Patterns match the whole name" in advice


async def test_two_clusters_of_one_name_are_found(cluster: Cluster, tmp_path: Path) -> None:
    async with Cluster(size=3, prefix="other") as second:
        both = [{"targets": each.monitor_urls} for each in (cluster, second)]
        code, said = await configured(tmp_path, clusters=both)

    check, _, seen, advice = the_only_problem(said)
    assert (code, check) == (1, "name")
    assert "different clusters, domains or servers have the name demo" in seen
    assert "clusters[].name" in advice


@pytest.mark.parametrize(
    ("login", "check"),
    [
        ({"username": "u", "password_file": "/nowhere/password"}, "secret"),
        ({"usrname": "u"}, "configuration"),
    ],
)
async def test_a_secret_that_is_not_mounted_and_a_wrong_key_are_found_before_anything_is_asked(
    tmp_path: Path, login: dict[str, str], check: str
) -> None:
    system = {"urls": ["nats://127.0.0.1:1"], **login}
    code, said = await configured(tmp_path, clusters=[{"system": system}])

    ((found, state, _, _),) = said
    assert (code, found, state) == (2, check, "error")


async def test_the_login_of_advisories_is_tried_and_nothing_of_them_is_read(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await nats.connect(cluster.urls) as client:
        events = StreamConfig(name="EVENTS", subjects=["$JS.EVENT.>"])
        await create_stream(client.jetstream(), events)
        monkeypatch.setenv("APP", "app")
        monkeypatch.setenv("WRONG", "wrong")
        logins = [
            {"urls": cluster.urls, "username": "app", "password_env": name, "stream": "EVENTS"}
            for name in ("APP", "WRONG")
        ]
        settings = {"targets": cluster.monitor_urls, "advisories": logins}
        code, said = await configured(tmp_path, clusters=[settings])

        of_advisories = [row for row in said if "advisories" in row[2] or "not connected" in row[2]]
        assert (code, [row[:2] for row in of_advisories]) == (
            1,
            [
                ("permission", "skipped"),
                ("permission", "skipped"),
                ("port", "ok"),
                ("secret", "error"),
            ],
        )
        assert (
            "the server accepts the login; the connection was closed again" in of_advisories[2][2]
        )
        assert "the server refuses the login" in of_advisories[3][2]
        assert await client.jetstream().consumers_info("EVENTS") == []


async def test_a_certificate_of_another_authority_is_found(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", ssl=tls)
    port = server.sockets[0].getsockname()[1]
    async with server:
        code, said = await configured(
            tmp_path,
            clusters=[
                {
                    "targets": [f"https://127.0.0.1:{port}"],
                    "http": {"ca_file": str(tmp_path / "ca.pem")},
                }
            ],
        )

    check, _, seen, advice = problems(said)[0]
    assert (code, check) == (1, "port")
    assert "the certificate is not trusted" in seen
    assert "Set ca_file to the authority" in advice


async def test_prometheus_is_asked_for_series_labels_and_rules(
    cluster: Cluster, tmp_path: Path
) -> None:
    target = f"--target={cluster[0].monitor_url}"
    async with exporter(tmp_path, cluster.monitor_urls) as running:
        address = running.url.removeprefix("http://")
        labelled = {
            "job_name": "jetstream-exporter",
            "static_configs": [{"targets": [address], "labels": {"server": "pod-1"}}],
        }
        async with prometheus(tmp_path, address, scrape=labelled) as scraping:

            async def is_scraped() -> bool:
                return bool(await scraping.query("jetstream_exporter_build_info"))

            await eventually("a scrape", is_scraped)
            _, said = await doctor(target, f"--prometheus={scraping.url}")

    found = {row[0]: row for row in said}
    assert found["scrape"][1] == "ok"
    assert "renamed the label `server`" in found["label"][2]
    assert "honor_labels: true" in found["label"][3]
    assert found["rules"][1] == "warning"


async def test_a_prometheus_that_has_no_such_target_is_found(tmp_path: Path) -> None:
    async with prometheus(tmp_path, "127.0.0.1:1") as idle:
        _, said = await doctor("--target=http://127.0.0.1:1", f"--prometheus={idle.url}")

    errors = {row[2]: row[3] for row in problems(said) if row[0] == "scrape"}
    assert any("serviceMonitorSelector" in advice for advice in errors.values())
