"""How many connections there may be, and who gives way to whom."""

import asyncio
import contextlib
import errno

import pytest
from structlog.testing import capture_logs
from tests.support import fake_nats as fakes
from tests.support.fake_nats import FakeNats
from tests.support.waiting import until
from tests.support.web import Web

from jetstream_exporter.web import connections
from jetstream_exporter.web.descriptors import when_out_of_files


async def connect(site: Web, said: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.client.server.port)
    writer.write(said)
    await writer.drain()
    return reader, writer


async def test_half_requests_give_way_the_oldest_first(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PER_CLIENT", 5)
    crowd = [await connect(site, b"GET / HT") for _ in range(20)]
    await until(lambda: len(site.connections) == 5, 20)
    for reader, _ in crowd[:15]:
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 20) == b""
    assert await site.text("/-/healthy") == "ok\n"
    assert "nats_server_up" in await site.text("/metrics")
    for _, writer in crowd:
        writer.transport.abort()


async def test_where_all_are_busy_a_few_more_may_ask_for_the_health(
    fake: FakeNats, site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PER_CLIENT", 3)
    fake.always(fakes.silent)
    busy = [await connect(site, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(3)]
    await until(lambda: sum(each.is_busy for each in site.connections._open) == 3, 20)
    assert await site.text("/-/healthy") == "ok\n"
    assert await site.text("/sd", 503) == "too many connections; try again later\n"
    for _, writer in busy:
        writer.transport.abort()
    await until(lambda: len(site.connections) <= 1, 20)
    await site.text("/sd")


async def test_running_out_of_descriptors_is_one_line_a_minute(site: Web) -> None:
    loop = asyncio.get_running_loop()
    context = {"message": "accept", "exception": OSError(errno.EMFILE, "too many")}
    with capture_logs() as lines, when_out_of_files(site.connections):
        for _ in range(100):
            loop.call_exception_handler(context)
    assert [line["event"] for line in lines] == ["out of file descriptors; connections are closed"]
