"""Passwords of the exporter's pages."""

import asyncio
import base64
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from unittest import mock

import bcrypt
import pytest
from tests.support.fake_nats import FakeNats
from tests.support.waiting import until
from tests.support.web import Web
from tests.support.web import web as serving_web
from tests.support.web_login import HASH, NEEDED, basic

from jetstream_exporter.web import auth as auth_module
from jetstream_exporter.web.auth import BasicAuth, BusyError
from jetstream_exporter.web.config import load_web_config


@pytest.fixture
async def site(fake: FakeNats) -> AsyncIterator[Web]:
    async with serving_web([fake.url], users={"prometheus": HASH}) as site:
        yield site


@pytest.mark.parametrize("path", ["/", "/metrics", "/sd", "/debug/sources", "/probe", "/nothing"])
async def test_nothing_is_told_without_a_password(path: str, fake: FakeNats, site: Web) -> None:
    async with site.client.get(path) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert await response.text() == NEEDED
    assert fake.questions == []


async def test_nothing_is_reloaded_without_a_password(site: Web) -> None:
    async with site.client.post("/-/reload") as response:
        assert response.status == 401


@pytest.mark.parametrize(
    "headers",
    [
        basic("prometheus", "hunter3"),
        basic("prometheus", ""),
        basic("Prometheus", "hunter2"),
        basic("", ""),
        basic("prometheus", "hunter2\0"),
        basic("prometheus", "hunter2" + "x" * 100),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:hunter2").decode()},
        {"Authorization": "Bearer hunter2"},
        {"Authorization": "Basic " + base64.b64encode(b"hunter2").decode()},
    ],
)
async def test_a_wrong_password_is_refused_and_not_repeated(
    headers: dict[str, str], site: Web, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await site.text("/metrics", 401, headers) == NEEDED
    assert "hunter" not in caplog.text


async def test_the_right_password_opens(site: Web) -> None:
    for _ in range(2):
        assert "nats_server_up" in await site.text("/metrics", 200, basic("prometheus", "hunter2"))


async def test_a_kubelet_needs_no_password(site: Web) -> None:
    await site.text("/-/healthy")
    await site.text("/-/ready", 503)


async def test_a_right_password_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """bcrypt is slow by design, and Prometheus comes every fifteen seconds."""
    checked = []

    def check(password: bytes, hashed: bytes) -> bool:
        checked.append(password)
        return password == b"hunter2"

    monkeypatch.setattr(bcrypt, "checkpw", check)
    auth = BasicAuth({"prometheus": HASH})
    for _ in range(3):
        assert await auth.is_authorized(basic("prometheus", "hunter2")["Authorization"])
        assert not await auth.is_authorized(basic("prometheus", "hunter3")["Authorization"])
    assert checked == [b"hunter2", b"hunter3", b"hunter3", b"hunter3"]


async def test_an_unknown_name_takes_as_long_as_a_known_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """bcrypt's time tells the cost of the hash that was tried, and with it whether there is such a user."""
    dear = HASH.replace("$04$", "$12$")
    work = []

    def check(_password: bytes, hashed: bytes) -> bool:
        work.append(2 ** int(hashed.split(b"$")[2]))
        return False

    monkeypatch.setattr(bcrypt, "checkpw", check)
    auth = BasicAuth({"cheap": HASH, "dear": dear})
    for user in ("nobody", "cheap", "dear"):
        work.clear()
        assert not await auth.is_authorized(basic(user, "hunter2")["Authorization"])
        assert sum(work) == 2**12, user


async def test_a_password_longer_than_bcrypt_reads_is_right() -> None:
    long = "x" * 100
    auth = BasicAuth({"a": bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()})
    assert await auth.is_authorized(basic("a", long)["Authorization"])


async def test_without_a_login_nothing_is_compared(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = mock.Mock(return_value=False)
    monkeypatch.setattr(bcrypt, "checkpw", compare)
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic aHVudGVy"}):
        assert await site.text("/metrics", 401, headers) == NEEDED
    assert compare.call_count == 0


@pytest.mark.parametrize("header", [b"Basic \xe9\xff", b"\xc3\xa9", b"Basic aGk6aGk\xe9="])
async def test_a_byte_that_no_header_may_hold_is_refused(header: bytes, site: Web) -> None:
    """And not an error of ours, with a traceback in the log."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.client.server.port)
    with contextlib.closing(writer):
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: ")
        writer.write(header + b"\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 20)
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_more_logins_than_can_wait_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: gate.wait(20) and False)
    monkeypatch.setattr(auth_module, "QUEUE", 3)
    auth = BasicAuth({"prometheus": HASH})
    waiting = [
        asyncio.create_task(auth.is_authorized(basic("prometheus", str(number))["Authorization"]))
        for number in range(3)
    ]
    await until(lambda: auth._waiting == 3, 20)
    with pytest.raises(BusyError):
        await auth.is_authorized(basic("prometheus", "hunter2")["Authorization"])
    gate.set()
    assert await asyncio.gather(*waiting) == [False] * 3


async def test_guesses_of_clients_that_are_gone_keep_nobody_waiting(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three hundred wrong logins, sent and forgotten, must not lock out the right one."""
    tried = []

    def check(password: bytes, _hashed: bytes) -> bool:
        tried.append(password)
        time.sleep(0.05)
        return password == b"hunter2"

    monkeypatch.setattr(bcrypt, "checkpw", check)
    header = basic("prometheus", "wrong")["Authorization"]
    for _ in range(300):
        _, writer = await asyncio.open_connection("127.0.0.1", site.client.server.port)
        writer.write(
            f"GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: {header}\r\n\r\n".encode()
        )
        await writer.drain()
        writer.transport.abort()
    await until(lambda: len(site.connections) <= 1, 20)
    before = len(tried)
    await site.text("/metrics", 200, basic("prometheus", "hunter2"))
    assert len(tried) <= before + 2


async def test_a_crowd_of_guesses_is_told_to_wait(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_module, "QUEUE", 0)
    text = await site.text("/metrics", 429, basic("prometheus", "hunter2"))
    assert text == "too many logins at once; try again later\n"
    await site.text("/-/healthy")


async def test_more_requests_than_the_rate_limit_are_told_to_wait(
    fake: FakeNats, tmp_path: Path
) -> None:
    (tmp_path / "web.yaml").write_text("rate_limit: {interval: 1h, burst: 2}")
    config = load_web_config(str(tmp_path / "web.yaml"))
    async with serving_web([fake.url], config=config) as site:
        statuses = []
        for _ in range(4):
            async with site.client.get("/sd") as response:
                statuses.append(response.status)
        assert statuses == [200, 200, 429, 429]
        await site.text("/-/healthy")


async def test_configured_headers_replace_ours_on_every_answer(
    fake: FakeNats, tmp_path: Path
) -> None:
    (tmp_path / "web.yaml").write_text(
        "http_server_config: {headers: {X-Frame-Options: DENY, Content-Security-Policy: sandbox}}"
    )
    config = load_web_config(str(tmp_path / "web.yaml"))
    async with serving_web([fake.url], config=config) as site:
        for path in ("/", "/metrics", "/-/healthy", "/nothing"):
            async with site.client.get(path) as response:
                assert response.headers["X-Frame-Options"] == "DENY"
                assert response.headers["Content-Security-Policy"] == "sandbox"
