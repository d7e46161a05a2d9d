"""Passwords and TLS of our own pages, and the file that sets them."""

import asyncio
import base64
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest import mock

import bcrypt
import pytest
import trustme
from aiohttp import ClientConnectorError, ClientError, ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs
from tests.support.fake_nats import FakeNats, fake_nats
from tests.support.tls import client_context
from tests.support.waiting import until
from tests.support.web import Web
from tests.support.web import web as serving_web

from jetstream_exporter.config import ConfigError
from jetstream_exporter.service import Service
from jetstream_exporter.web import access
from jetstream_exporter.web.access import Gate, load_web_config, renew, tls_context
from jetstream_exporter.web.app import make_app

HASH = "$2b$04$hQcpx9wvsYJDLvHtgEHZAOcMgwMOYWeeFVE7DR8ud3Angqg3SZ5H."  # of hunter2
NEEDED = "a user and a password are needed\n"


def basic(user: str, password: str) -> dict[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeNats]:
    async with fake_nats() as server:
        yield server


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
    gate = Gate({"prometheus": HASH})
    for _ in range(3):
        assert await gate.admits(basic("prometheus", "hunter2")["Authorization"])
        assert not await gate.admits(basic("prometheus", "hunter3")["Authorization"])
    assert checked == [b"hunter2", b"hunter3", b"hunter3", b"hunter3"]


async def test_an_unknown_name_takes_as_long_as_a_known_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """bcrypt's time tells the cost of the hash that was tried, and with it whether there is such a user."""
    dear = HASH.replace("$04$", "$12$")
    tried = mock.Mock(return_value=True)
    monkeypatch.setattr(bcrypt, "checkpw", tried)
    gate = Gate({"cheap": HASH, "dear": dear})
    assert not await gate.admits(basic("nobody", "hunter2")["Authorization"])
    tried.assert_called_once_with(b"hunter2", dear.encode())


async def test_a_password_longer_than_bcrypt_reads_is_right() -> None:
    long = "x" * 100
    gate = Gate({"a": bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()})
    assert await gate.admits(basic("a", long)["Authorization"])


class TestFile:
    """The file of `--web.config.file`."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "web.yaml"

    def test_none_means_open(self) -> None:
        assert load_web_config("").basic_auth_users == {}

    def test_hashes_of_every_kind_are_taken(self, file: Path) -> None:
        lines = "".join(f"  {kind}: '{HASH.replace('$2b$', f'$2{kind}$')}'\n" for kind in "aby")
        file.write_text(f"basic_auth_users:\n{lines}")
        assert list(load_web_config(str(file)).basic_auth_users) == ["a", "b", "y"]

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            (
                "basic_auth: {}",
                "1: basic_auth: unknown key; allowed here: tls_server_config, basic_auth_users",
            ),
            (
                f"basic_auth_users: {{'prometheus:hunter2': '{HASH}'}}",
                "1: basic_auth_users: a user's name cannot be empty or hold a colon",
            ),
            (
                "basic_auth_users:\n  prometheus: hunter2",
                "2: basic_auth_users.prometheus: is not a bcrypt hash; make one with `htpasswd -nBC 10 USER`",
            ),
            (
                f"basic_auth_users: {{prometheus: '{HASH.replace('$04$', '$31$')}'}}",
                "1: basic_auth_users.prometheus: has a cost of 31; allowed are 4 to 15",
            ),
            (
                "basic_auth_users: {a: 3}",
                "1: basic_auth_users: expected a string, got a whole number",
            ),
            ("basic_auth_users: [a]", "1: basic_auth_users: expected a mapping, got a list"),
            (
                "tls_server_config: yes",
                "1: tls_server_config: expected a mapping, got true or false",
            ),
            (
                "tls_server_config:\n  cert: a",
                "2: tls_server_config.cert: unknown key; allowed here: cert_file, key_file, client_auth_type, "
                "client_ca_file, min_version",
            ),
            ("tls_server_config: {cert_file: a}", "1: tls_server_config: key_file is missing"),
            (
                "tls_server_config: {cert_file: a, key_file: b, min_version: TLS10}",
                "1: tls_server_config.min_version: unknown value 'TLS10'; allowed here: TLS12, TLS13",
            ),
            (
                "tls_server_config: {cert_file: /nowhere/a, key_file: /nowhere/b}",
                "1: tls_server_config.cert_file: there is no file /nowhere/a",
            ),
            (
                f"tls_server_config: {{cert_file: '{__file__}', key_file: '{__file__}'}}",
                "1: tls_server_config: its files cannot be loaded: not PEM, or not a certificate and its key",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert}",
                "1: tls_server_config.client_auth_type: needs client_ca_file",
            ),
            (
                "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAnyClientCert}",
                "1: tls_server_config.client_auth_type: RequireAnyClientCert checks nothing and is not supported; "
                "use RequireAndVerifyClientCert",
            ),
        ],
    )
    def test_a_mistake_is_told_in_one_sentence(self, text: str, sentence: str, file: Path) -> None:
        file.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load_web_config(str(file))
        assert str(caught.value) == f"{file}:{sentence}"
        assert "hunter2" not in str(caught.value)


class TestTls:
    """Our pages over TLS, with and without client certificates."""

    @asynccontextmanager
    async def serving(self, folder: Path, more: str = "") -> AsyncIterator[str]:
        file = folder / "web.yaml"
        file.write_text(f"tls_server_config: {{cert_file: cert.pem, key_file: key.pem{more}}}")
        settings = load_web_config(str(file)).tls_server_config
        assert settings is not None
        service = Service("", ["http://127.0.0.1:1"])
        server = TestServer(make_app(service), scheme="https")
        await server.start_server(ssl=tls_context(settings))
        try:
            yield f"https://127.0.0.1:{server.port}/-/healthy"
        finally:
            await server.close()
            await service.close()

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Iterator[trustme.CA]:
        authority = trustme.CA()
        pair = authority.issue_cert("127.0.0.1")
        pair.private_key_pem.write_to_path(tmp_path / "key.pem")
        pair.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        return authority

    async def ask(self, url: str, context: ssl.SSLContext) -> int:
        async with (
            ClientSession(connector=TCPConnector(ssl=context)) as session,
            session.get(url) as response,
        ):
            return response.status

    async def test_the_certificate_is_served(self, tmp_path: Path, authority: trustme.CA) -> None:
        async with self.serving(tmp_path) as url:
            assert await self.ask(url, client_context(authority)) == 200
            with pytest.raises(ClientConnectorError):
                await self.ask(url, client_context(trustme.CA()))

    async def test_old_tls_is_refused(self, tmp_path: Path, authority: trustme.CA) -> None:
        context = client_context(authority)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        async with self.serving(tmp_path, ", min_version: TLS13") as url:
            with pytest.raises(ClientConnectorError):
                await self.ask(url, context)

    async def test_a_client_certificate_is_required_where_the_file_says_so(
        self, tmp_path: Path, authority: trustme.CA
    ) -> None:
        more = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem"
        async with self.serving(tmp_path, more) as url:
            with pytest.raises((ClientError, OSError)):
                await self.ask(url, client_context(authority))
            stranger = client_context(authority)
            trustme.CA().issue_cert("stranger.example").configure_cert(stranger)
            with pytest.raises((ClientError, OSError)):
                await self.ask(url, stranger)
            known = client_context(authority)
            authority.issue_cert("prometheus.example").configure_cert(known)
            assert await self.ask(url, known) == 200

    async def test_a_renewed_certificate_is_served_without_a_restart(
        self, tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Certificates live for weeks, the exporter for months. A broken renewal keeps the old one."""
        monkeypatch.setattr(access, "LOOK_EVERY", 0.02)
        settings = access.TlsServer(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
        context = tls_context(settings)
        renewal = asyncio.create_task(renew(settings, context))
        server = TestServer(web.Application(), scheme="https")
        await server.start_server(ssl=context)
        before = await self.certificate(server.port)
        with capture_logs() as lines:
            pair = authority.issue_cert("127.0.0.1")
            (tmp_path / "key.pem").write_bytes(b"half a key")
            await until(lambda: len(lines) > 0, 20)
            assert before == await self.certificate(server.port)
            pair.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
            pair.private_key_pem.write_to_path(tmp_path / "key.pem")
            await until(lambda: lines[-1]["log_level"] == "info", 20)
        assert before != await self.certificate(server.port)
        assert lines[0]["event"] == "new certificate not taken; the one before is kept"
        assert lines[-1]["event"] == "new certificate taken"
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)
        await server.close()

    async def certificate(self, port: int | None) -> str:
        return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port or 0))
