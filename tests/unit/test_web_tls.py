"""TLS of the exporter's web server."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import ClientConnectorError, ClientError, ClientSession, TCPConnector
from structlog.testing import capture_logs
from tests.support.tls import client_context
from tests.support.waiting import until
from yarl import URL

from jetstream_exporter.app import App
from jetstream_exporter.web import tls as tls_module
from jetstream_exporter.web.config import load_web_config
from jetstream_exporter.web.listen import Listeners
from jetstream_exporter.web.serve import make_runner, take_certificates
from jetstream_exporter.web.tls import renew, tls_context


class TestTls:
    """Our pages over TLS, with and without client certificates."""

    @asynccontextmanager
    async def serving(self, folder: Path, more: str = "") -> AsyncIterator[str]:
        file = folder / "web.yaml"
        file.write_text(f"tls_server_config: {{cert_file: cert.pem, key_file: key.pem{more}}}")
        config = load_web_config(str(file))
        settings = config.tls_server_config
        assert settings is not None
        service = App("", ["http://127.0.0.1:1"])
        runner = make_runner(service, config)
        await runner.setup()
        listeners = Listeners(runner)
        await listeners.bind([("127.0.0.1", 0)], tls_context(settings))
        renewal = asyncio.create_task(
            renew(settings, lambda new: take_certificates(listeners, runner.connections, new))
        )
        try:
            yield f"https://{listeners.names[0]}/-/healthy"
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
            listeners.close()
            await runner.cleanup()
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
        monkeypatch.setattr(tls_module, "LOOK_EVERY", 0.02)
        async with self.serving(tmp_path) as url:
            port = URL(url).port
            before = await self.certificate(port)
            with capture_logs() as lines:
                pair = authority.issue_cert("127.0.0.1")
                (tmp_path / "key.pem").write_bytes(b"half a key")
                await until(lambda: len(lines) > 0, 20)
                assert before == await self.certificate(port)
                pair.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
                pair.private_key_pem.write_to_path(tmp_path / "key.pem")
                await until(lambda: lines[-1]["log_level"] == "info", 20)
            assert before != await self.certificate(port)
        assert lines[0]["event"] == "certificate not reloaded; the previous one is kept"
        assert lines[-1]["event"] == "certificate reloaded"

    async def test_a_withdrawn_authority_is_trusted_no_more(
        self, tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither for new connections, nor for those that are open, nor for resumed sessions."""
        monkeypatch.setattr(tls_module, "LOOK_EVERY", 0.02)
        more = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem"
        old, new = client_context(authority), client_context(authority)
        authority.issue_cert("prometheus.example").configure_cert(old)
        successor = trustme.CA()
        successor.issue_cert("prometheus.example").configure_cert(new)
        async with self.serving(tmp_path, more) as url:
            connector = TCPConnector(ssl=old, limit=1)
            async with ClientSession(connector=connector) as session:
                async with session.get(url) as response:
                    assert response.status == 200
                with capture_logs() as lines:
                    successor.cert_pem.write_to_path(tmp_path / "ca.pem")
                    await until(lambda: len(lines) > 0, 20)
                with pytest.raises((ClientError, OSError)):
                    async with session.get(url) as response:
                        await response.read()
            assert await self.ask(url, new) == 200

    async def test_a_file_that_keeps_its_time_is_another_all_the_same(
        self, tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As in a volume whose files all have one time, in which a link is turned to another folder."""
        monkeypatch.setattr(tls_module, "LOOK_EVERY", 0.02)
        known = client_context(authority)
        for name in ("new", "old"):
            (tmp_path / name).mkdir()
            clients = trustme.CA()
            clients.cert_pem.write_to_path(tmp_path / name / "clients.pem")
            os.utime(tmp_path / name / "clients.pem", (0, 0))
        (tmp_path / "data").symlink_to("old")
        more = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: data/clients.pem"
        clients.issue_cert("prometheus.example").configure_cert(known)
        async with self.serving(tmp_path, more) as url:
            assert await self.ask(url, known) == 200
            with capture_logs() as lines:
                (tmp_path / "turned").symlink_to("new")
                (tmp_path / "turned").rename(tmp_path / "data")
                await until(lambda: len(lines) > 0, 20)
        assert [line["event"] for line in lines] == ["certificate reloaded"]

    async def test_a_client_needs_one_of_the_allowed_names(
        self, tmp_path: Path, authority: trustme.CA
    ) -> None:
        more = (
            ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, "
            "client_allowed_sans: [prometheus.example, '2001:DB8::1']"
        )
        async with self.serving(tmp_path, more) as url:
            for name, allowed in (
                ("prometheus.example", True),
                ("2001:db8::1", True),
                ("other.example", False),
            ):
                context = client_context(authority)
                authority.issue_cert(name).configure_cert(context)
                if allowed:
                    assert await self.ask(url, context) == 200
                else:
                    with pytest.raises((ClientError, OSError)):
                        await self.ask(url, context)

    async def test_suites_and_the_curve_are_the_configured_ones(
        self, tmp_path: Path, authority: trustme.CA
    ) -> None:
        more = (
            ", max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], curve_preferences: [CurveP384], "
            "prefer_server_cipher_suites: false"
        )
        async with self.serving(tmp_path, more) as url:
            assert await self.ask(url, client_context(authority)) == 200
            for change in ("ECDHE+AES128", "ECDHE+CHACHA20"):
                context = client_context(authority)
                context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.set_ciphers(change)
                with pytest.raises((ClientError, OSError)):
                    await self.ask(url, context)
            newer = client_context(authority)
            newer.minimum_version = ssl.TLSVersion.TLSv1_3
            with pytest.raises((ClientError, OSError)):
                await self.ask(url, newer)
            curve = client_context(authority)
            curve.set_ecdh_curve("prime256v1")
            with pytest.raises((ClientError, OSError)):
                await self.ask(url, curve)

    async def certificate(self, port: int | None) -> str:
        return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port or 0))
