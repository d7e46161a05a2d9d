"""Every login and every TLS setting against a real server, and against one that wants another."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nkeys
import pytest
import trustme
from tests.support.closing import closing

from jetstream_exporter.config.nats import AccountApi
from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.report import Outcome, ScrapeRequest
from jetstream_exporter.sources.nats.account import AccountSource

SEED = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER).decode()
PUBLIC = nkeys.from_seed(SEED.encode()).public_key.decode()
SECRET = "hunter2-"
NAME = "nats.example.org"
DEAD = "nats://127.0.0.1:1"


class Bare(Cluster):
    """One server with no other accounts than its text says; nobody waits for it with a login."""

    def __init__(self, text: str) -> None:
        super().__init__(size=1, extra=text)

    def _account_settings(self) -> dict[str, Any]:
        return {}

    async def until_ready(self, deadline: float | None = None) -> None:
        await self[0].until_answering("/healthz", deadline or self._deadline)


async def ask(settings: AccountApi, seconds: float = 8) -> Outcome:
    async with closing(AccountSource(settings, "here", "")) as source:
        (outcome,) = await source.ask(
            ScrapeRequest(asyncio.get_running_loop().time() + seconds, with_config=False)
        )
    assert SECRET not in repr(outcome)
    assert SEED not in repr(outcome)
    return outcome


async def error(**settings: Any) -> str | None:
    return (await ask(AccountApi(**settings))).error


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("LOGIN_SECRET", SECRET)
    monkeypatch.setenv("LOGIN_WRONG", "wrong")
    (tmp_path / "seed").write_text(f"{SEED}\n")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "nats" / "context").mkdir(parents=True)
    return tmp_path


def context(folder: Path, **fields: Any) -> str:
    (folder / "nats" / "context" / "prod.json").write_text(json.dumps(fields))
    return "prod"


async def test_password_nkey_inbox_prefix_context_and_a_dead_first_url(folder: Path) -> None:
    narrow = {"subscribe": ["_INBOX_mon.>"], "publish": [">"]}
    users = [
        {"user": "p", "password": SECRET},
        {"nkey": PUBLIC},
        {"user": "narrow", "password": SECRET, "permissions": narrow},
    ]
    block = account("a")
    block["users"] += users
    async with Cluster(size=1, accounts={"A": block}) as cluster:
        urls = cluster.urls
        secret, seed = str(folder / "secret"), str(folder / "seed")
        by_password = {"username": "p", "password_file": secret}
        logins: list[dict[str, Any]] = [
            {"urls": urls, **by_password},
            {"urls": urls, "username": "p", "password_env": "LOGIN_SECRET"},
            {"urls": urls, "nkey_seed_file": seed},
            {"urls": [DEAD, *urls], **by_password},
            {"urls": [urls[0].removeprefix("nats://")], **by_password},
            {
                "urls": urls,
                "username": "narrow",
                "password_file": secret,
                "inbox_prefix": "_INBOX_mon",
            },
        ]
        for login in logins:
            assert await error(**login) is None, login
        contexts: list[dict[str, Any]] = [
            {"url": ",".join([DEAD, *urls]), "user": "p", "password": SECRET},
            {"url": urls[0].removeprefix("nats://"), "nkey": seed},
            {"url": urls[0].replace("//", f"//p:{SECRET}@")},
            {
                "url": urls[0],
                "user": "narrow",
                "password": "env://LOGIN_SECRET",
                "inbox_prefix": "_INBOX_mon",
            },
        ]
        for fields in contexts:
            assert await error(context=context(folder, **fields)) is None, fields
        wrong = {"urls": urls, "username": "p", "password_env": "LOGIN_WRONG"}
        assert "the server refuses the login" in str(await error(**wrong))
        outside = {"urls": urls, "username": "narrow", "password_file": secret}
        assert "the user may not" in str(await error(**outside))


async def test_a_token_from_a_file_the_environment_and_a_context(folder: Path) -> None:
    async with Bare(f'authorization: {{token: "{SECRET}"}}') as server:
        urls = server.urls
        assert await error(urls=urls, token_file=str(folder / "secret")) is None
        assert await error(urls=urls, token_env="LOGIN_SECRET") is None
        assert await error(context=context(folder, url=urls[0], token=SECRET)) is None
        outcome = await ask(AccountApi(urls=urls, token_env="LOGIN_WRONG"))
        assert "the server refuses the login" in str(outcome.error)
        assert "the server refuses the login" in str(await error(urls=urls))


@asynccontextmanager
async def over_tls(
    folder: Path, extra: str = "", **more: str
) -> AsyncIterator[tuple[list[str], dict[str, str]]]:
    """A server that shows and wants certificates of one authority; gives its URLs and what a client needs."""
    authority = trustme.CA()
    files = {name: str(folder / f"{name}.pem") for name in ("ca", "server", "client")}
    authority.cert_pem.write_to_path(files["ca"])
    authority.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(files["server"])
    authority.issue_cert("exporter").private_key_and_cert_chain_pem.write_to_path(files["client"])
    tls = {"cert_file": files["server"], "key_file": files["server"], "ca_file": files["ca"]}
    settings = ", ".join(
        [*(f'{key}: "{file}"' for key, file in tls.items()), "verify: true"]
        + [f"{key}: {value}" for key, value in more.items()]
    )
    async with Bare(f"tls: {{{settings}}}\n{extra}") as server:
        ours = {"ca_file": files["ca"], "cert_file": files["client"], "key_file": files["client"]}
        yield server.urls, ours


async def test_authority_client_certificate_and_server_name_are_used_and_missed(
    folder: Path,
) -> None:
    async with over_tls(folder) as (urls, files):
        named: dict[str, Any] = {"urls": urls, "server_name": NAME}
        assert await error(**named, **files) is None
        secure = [url.replace("nats://", "tls://") for url in urls]
        assert await error(**named | {"urls": secure}, **files) is None
        without_ca = {key: file for key, file in files.items() if key != "ca_file"}
        assert await error(**named, **without_ca, insecure_skip_verify=True) is None
        said = await error(**named, **without_ca)
        assert said == "not connected: TLS failed: CERTIFICATE_VERIFY_FAILED"
        said = await error(**named, ca_file=files["ca_file"])
        assert said is not None
        assert said.startswith("not connected: ")
        said = await error(urls=urls, **files)
        assert said == "not connected: TLS failed: CERTIFICATE_VERIFY_FAILED"
        fields = {"url": urls[0], "ca": files["ca_file"]}
        fields |= {"cert": files["cert_file"], "key": files["key_file"]}
        assert await error(context=context(folder, **fields), server_name=NAME) is None


async def test_tls_first_is_spoken_where_the_server_wants_it(folder: Path) -> None:
    async with over_tls(folder, handshake_first="true") as (urls, files):
        first = {"urls": urls, "server_name": NAME, "tls_first": True, **files}
        assert await error(**first) is None
        fields = {"url": urls[0], "ca": files["ca_file"], "tls_first": True}
        fields |= {"cert": files["cert_file"], "key": files["key_file"]}
        assert await error(context=context(folder, **fields), server_name=NAME) is None
        outcome = await ask(AccountApi(**first | {"tls_first": False}), 5)
        assert str(outcome.error).startswith("not connected: ")


async def test_nothing_is_said_to_a_server_without_tls_where_tls_is_configured(
    folder: Path,
) -> None:
    heard: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"N","version":"2.15.1","auth_required":true}\r\n')
        heard.append(await reader.read())
        writer.close()

    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    login = {"username": "p", "password_env": "LOGIN_SECRET"}
    refusal = "not connected: the server offers no TLS, which the configuration requires"
    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for settings in (
            {"urls": [f"tls://{address}"]},
            {"urls": [f"nats://{address}"], "ca_file": str(folder / "ca.pem")},
        ):
            assert await error(**settings, **login) == refusal
    assert heard == [b"", b""]


async def test_tls_is_spoken_where_the_server_leaves_the_choice(folder: Path) -> None:
    async with over_tls(folder, "allow_non_tls: true") as (urls, files):
        assert await error(urls=urls) is None
        assert await error(urls=urls, server_name=NAME, **files) is None
        said = await error(urls=urls, **files)
        assert said == "not connected: TLS failed: CERTIFICATE_VERIFY_FAILED"
