"""A connection to NATS that fails says why, is tried again with its files read anew, and takes the next server."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import nats.errors
import nkeys
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.closing import closing
from tests.support.fake_server import INFO, FakeServer, fake_server, frozen, pongs
from tests.support.waiting import until

from jetstream_exporter.config.login import Login
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats import client as clients
from jetstream_exporter.sources.nats import connection as connections
from jetstream_exporter.sources.nats import connector, dialling
from jetstream_exporter.sources.nats.client import info_fault
from jetstream_exporter.sources.nats.connection import Connection, LostError
from jetstream_exporter.sources.nats.dialling import Candidate, candidates
from jetstream_exporter.sources.nats.errors import error_text

SEED = nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_USER).decode()
CREDS = (
    "-----BEGIN NATS USER JWT-----\nheader.claims.signature\n------END NATS USER JWT------\n"
    "-----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n"
)
DEADLINE = 10.0
PAUSE = 0.05  # seconds before the first attempt that follows a failure


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "PAUSE", PAUSE)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with fake_server() as fake:
        yield fake


@pytest.fixture
async def other() -> AsyncIterator[FakeServer]:
    async with fake_server() as fake:
        yield fake


async def ready(connection: Connection, seconds: float = DEADLINE) -> clients.SecureClient:
    return await connection.ready(asyncio.get_running_loop().time() + seconds)


async def refusal(connection: Connection, seconds: float = DEADLINE) -> str:
    with pytest.raises(SourceError) as caught:
        await ready(connection, seconds)
    return str(caught.value)


async def healed(connection: Connection) -> clients.SecureClient:
    """A client, as soon as one is made: an attempt that began before the server was mended fails first."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await ready(connection)
            except SourceError:
                await asyncio.sleep(0.05)


TLS_ALONE = "a TLS that is wanted and not there"
ODD_INFOS: dict[str, Any] = {
    "null": None,
    "a list": [],
    "a number": 5,
    "a string": "x",
    "addresses that are a number": INFO | {"connect_urls": 5},
    "an address that is null": INFO | {"connect_urls": [None]},
    "a size that is a string": INFO | {"max_payload": "x"},
    "a size of 400 digits": INFO | {"max_payload": 10**400},
    "a version that is a list": INFO | {"version": []},
    "a name that is an object": INFO | {"server_name": {}},
    "a nonce that is a number": INFO | {"nonce": 5, "auth_required": True},
    TLS_ALONE: INFO | {"tls_required": True},
    "deep": INFO | {"x": "[" * 5},
}
HARMLESS = ("deep",)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.waits) if name == TLS_ALONE else name
        for name in ODD_INFOS
    ],
)
async def test_an_odd_first_line_is_a_reason_and_heals(name: str, server: FakeServer) -> None:
    server.info = ODD_INFOS[name]
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        if name in HARMLESS:
            await ready(connection)
            return
        started = time.monotonic()
        said = await refusal(connection)
        assert said.startswith("not connected: "), said
        assert "Traceback" not in said
        assert time.monotonic() - started < DEADLINE
        server.info = INFO
        assert (await healed(connection)).works


@pytest.mark.parametrize("name", ODD_INFOS)
async def test_an_odd_later_line_ends_the_connection_with_a_reason_and_it_is_made_again(
    name: str, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    if name in (*HARMLESS, TLS_ALONE):
        return
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        client = await ready(connection)
        server.send(f"INFO {json.dumps(ODD_INFOS[name])}\r\n".encode())
        await until(client.ended.is_set, DEADLINE)
        assert "the server does not speak the NATS protocol" in client.reason
        assert await ready(connection) is not client
    assert all(record.exc_info is None for record in caplog.records)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_value_in_an_info_is_more_than_a_sentence(value: Any) -> None:
    for name in ("connect_urls", "max_payload", "version", "nonce", "cluster"):
        fault = info_fault({**INFO, name: value})
        assert fault is None or name in fault
    assert info_fault(value) is not None


@pytest.mark.parametrize("line", [b"MSG ", b"INFO {", b"x", b"-ERR '"])
async def test_a_line_without_end_ends_the_connection_and_not_the_memory(
    line: bytes, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "LINE", 2**17)
    sent, connected = 0, asyncio.Event()

    async def endless(
        _: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal sent
        writer.write(f"INFO {json.dumps(INFO)}\r\n".encode())
        answering = asyncio.create_task(pongs(reader, writer))
        await connected.wait()  # the handshake reads lines of its own
        writer.write(line)
        try:
            while True:
                writer.write(b"a" * 2**14)
                sent += 2**14
                await writer.drain()
        finally:
            answering.cancel()

    server.says = endless
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        client = await ready(connection)
        connected.set()
        await until(client.ended.is_set, DEADLINE)
        assert client.reason == f"the server sends a line of more than {2**17} bytes"
    assert sent < 2**24


async def test_a_first_line_without_end_is_a_reason(server: FakeServer) -> None:
    async def endless(
        _: FakeServer, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            writer.write(b"a" * 2**14)
            await writer.drain()

    server.says = endless
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        assert "not connected: the server does not speak the NATS protocol" in await refusal(
            connection
        )


async def test_a_message_larger_than_the_limit_ends_the_connection(server: FakeServer) -> None:
    async with closing(Connection(Nats(urls=[server.url]), "x", max_bytes=1000)) as connection:
        client = await ready(connection)
        server.send(b"MSG s 1 1001\r\nabc")
        await until(client.ended.is_set, DEADLINE)
        assert client.reason == "the server sends a message of more than 1000 bytes"


async def test_an_answer_to_a_ping_that_was_given_up_does_not_end_the_connection(
    server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        client = await ready(connection)
        gone: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        gone.cancel()
        client._pongs.insert(0, gone)
        server.send(b"PONG\r\n")
        assert await ready(connection) is client
        assert client.works
        assert not caplog.records


def test_an_error_inside_the_library_is_one_line_that_says_what_it_means(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise asyncio.InvalidStateError("invalid state")
    except asyncio.InvalidStateError as error:
        logging.getLogger("nats.aio.client").error("nats: encountered error", exc_info=error)
    (record,) = caplog.records
    assert record.getMessage() == (
        "the NATS library failed (InvalidStateError); the exporter reconnects and repeats the requests or "
        "reports them as failed"
    )
    assert record.exc_info is None


async def test_a_frozen_server_is_passed_over_within_a_moment(
    server: FakeServer, other: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "CONNECT", 60)
    monkeypatch.setitem(connector.OPTIONS, "connect_timeout", 60)
    server.says = frozen
    async with closing(Connection(Nats(urls=[server.url, other.url]), "x")) as connection:
        assert (await ready(connection, 20)).url == other.url


@pytest.mark.waits
async def test_a_server_that_freezes_is_left_for_another_one(
    server: FakeServer, other: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ALIVE", 60)
    monkeypatch.setitem(connector.OPTIONS, "ping_interval", 60)
    silent = asyncio.Event()

    async def freezes(
        _: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if silent.is_set():
            await asyncio.Event().wait()
        writer.write(f"INFO {json.dumps(INFO)}\r\n".encode())
        while line := await reader.readline():
            if line.startswith(b"PING") and not silent.is_set():
                writer.write(b"PONG\r\n")

    server.says = freezes
    other.says = frozen
    async with closing(Connection(Nats(urls=[server.url, other.url]), "x")) as connection:
        client = await ready(connection)
        assert client.url == server.url
        other.says = None
        silent.set()
        assert (await ready(connection, 20)).url == other.url


async def test_a_question_ends_with_its_connection(server: FakeServer) -> None:
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        client = await ready(connection)
        now = asyncio.get_running_loop().time()
        answer = client.request("s", b"", timeout=60)
        question = asyncio.create_task(connection.within(answer, "s", now + 60, client))
        await asyncio.sleep(0)
        await server.end()
        with pytest.raises(LostError):
            await asyncio.wait_for(question, DEADLINE)


async def test_what_is_known_to_be_dead_is_waited_for_briefly_and_tried_at_once(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "CONNECT", 0.2)
    monkeypatch.setattr(dialling, "PAUSE", 60)
    monkeypatch.setattr(dialling, "LONGEST_PAUSE", 60)
    server.says = frozen
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        await refusal(connection)
        started = time.monotonic()
        assert await refusal(connection, 60) == "not connected: no answer in time"
        assert time.monotonic() - started < 20
        server.says = None
        assert (await healed(connection)).works  # though the pause is a minute


async def breaks(
    fake: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Take the client, and end the connection."""
    writer.write(f"INFO {json.dumps(fake.info)}\r\n".encode())
    while not (await reader.readline()).startswith(b"PING"):
        pass
    writer.write(b"PONG\r\n")
    await writer.drain()


@pytest.mark.waits
async def test_a_server_that_breaks_each_connection_is_called_ever_less_often(
    server: FakeServer,
) -> None:
    server.says = breaks
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        started = time.monotonic()
        connection.start()
        await until(lambda: server.connections == 5, DEADLINE)
        assert time.monotonic() - started > 7.4 * PAUSE  # the halves of 1, 2, 4 and 8 pauses
        server.says = None
        assert (await healed(connection)).works


async def test_no_scrape_waits_long_for_a_server_that_breaks_each_connection(
    server: FakeServer,
) -> None:
    server.says = breaks
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        started = time.monotonic()
        await refusal(connection, 60)
        assert time.monotonic() - started < 20
        assert server.connections < 10


async def test_a_server_that_takes_a_client_for_good_is_called_at_once_again(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialling, "LASTING", 0.0)
    monkeypatch.setattr(dialling, "LONGEST_BROKEN", 60)
    async with closing(Connection(Nats(urls=[server.url]), "x")) as connection:
        for _ in range(8):
            client = await ready(connection)
            await server.end()
            await client.ended.wait()
        assert (await ready(connection)).works


@pytest.mark.waits
@pytest.mark.parametrize(
    "content", ["", CREDS.format(""), CREDS.format(SEED[:20]), CREDS.format("UA" + SEED[2:]), "é"]
)
async def test_credentials_that_go_bad_while_it_runs_are_a_reason_and_heal(
    content: str, server: FakeServer, tmp_path: Path
) -> None:
    server.info = INFO | {"auth_required": True, "nonce": "abc"}
    file = tmp_path / "app.creds"
    file.write_text(CREDS.format(SEED))
    async with closing(
        Connection(Nats(urls=[server.url], credentials_file=str(file)), "x")
    ) as connection:
        await ready(connection)
        file.write_text(content)
        await server.end()
        said = ""
        while f"credentials_file: {file}" not in said:
            try:
                client = await ready(connection)
                await until(client.ended.is_set, DEADLINE)
            except SourceError as error:
                said = str(error)
        assert SEED[:12] not in said
        file.write_text(CREDS.format(SEED))
        assert (await healed(connection)).works


async def test_every_address_of_a_name_is_a_candidate_and_what_failed_is_last() -> None:
    class Lookup:
        async def addresses(self, host: str) -> list[str]:
            return {"n": ["10.0.0.1", "10.0.0.2"], "one": ["10.0.0.3"]}[host]

        async def services(self, name: str) -> list[tuple[str, int]]:
            raise AssertionError(name)

    found = await candidates(
        ["tls://n:4222", "nats://one", "ws://n", "nats://10.0.0.9"],
        ["tls://10.0.0.1:4222"],
        Lookup(),
    )
    assert found[-1] == Candidate("tls://10.0.0.1:4222", "n")
    assert set(found[:-1]) == {
        Candidate("tls://10.0.0.2:4222", "n"),
        Candidate("nats://one"),
        Candidate("ws://n"),
        Candidate("nats://10.0.0.9"),
    }


def errors_with(secret: str) -> list[BaseException]:
    """Errors of every kind that a connection meets, with a secret in their text."""
    url = f"nats://user:{quote(secret, safe='')}@n:4222"
    return [
        nats.errors.Error(f"nats: invalid connect url {url}"),
        nats.errors.Error(f"nats: 'Authorization Violation for {secret}'"),
        nats.errors.AuthorizationError(),
        OSError(f"Multiple exceptions: {url}"),
        OSError(111, secret),
        ValueError(f"Port could not be cast to integer value as {secret!r}"),
        UnicodeEncodeError("idna", f"user:{secret}", 0, 1, "label too long"),
        KeyError(secret),
        AttributeError(f"no {secret}"),
        TypeError(secret),
        aiohttp.ClientError(url),
        aiohttp.InvalidURL(url),
        AssertionError(secret),
    ]


@given(
    st.text(min_size=6, max_size=30).filter(
        lambda text: not text.isspace() and text.strip() == text
    )
)
def test_no_error_of_a_connection_holds_a_secret(secret: str) -> None:
    connection = Connection(Nats(urls=["nats://n"]), "x")
    connection.connector.login = Login(["nats://n"], {"password": secret})
    for error in errors_with(secret):
        said = connection.connector.without_secrets(error)  # type: ignore[arg-type]
        plain = error_text(type(error)()) if isinstance(error, AssertionError) else ""
        assert secret not in said or secret in plain, (error, said)
    url = f"nats://user:{quote(secret, safe='')}@n:4222"
    connection.connector.login = Login([url], {})
    assert quote(secret, safe="") not in connection.connector.without_secrets(
        nats.errors.Error(f"nats: {url} is odd")
    )
