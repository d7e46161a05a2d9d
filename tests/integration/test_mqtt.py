"""What a healthy fleet of MQTT clients costs: the rule on API errors leaves out 1.5 errors a connect."""

import asyncio
import struct
from contextlib import closing

import aiohttp

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.ports import Port

CLIENTS = 20
ACCEPTED = bytes([0x20, 2, 0, 0])  # CONNACK without a session


def connect(client: str) -> bytes:
    """A CONNECT of MQTT 3.1.1 with a clean session, for clients of a short name."""
    name = client.encode()
    body = b"\x00\x04MQTT\x04\x02" + struct.pack("!HH", 60, len(name)) + name
    return bytes([0x10, len(body)]) + body


async def join(port: int, client: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(connect(client))
        assert await asyncio.wait_for(reader.readexactly(4), 20) == ACCEPTED
        writer.write(b"\xe0\x00")  # DISCONNECT
        await writer.drain()
    await writer.wait_closed()


async def figures(url: str, session: aiohttp.ClientSession) -> tuple[int, int]:
    """API errors and accepted connections."""
    async with session.get(f"{url}/jsz") as jsz, session.get(f"{url}/varz") as varz:
        return (await jsz.json())["api"]["errors"], (await varz.json())["total_connections"]


async def test_a_client_that_connects_costs_about_one_error_of_the_api() -> None:
    port = Port()
    extra = f'mqtt {{listen: "127.0.0.1:{port.number}"}}'
    async with Cluster(size=1, extra=extra) as cluster, aiohttp.ClientSession() as session:
        (url,) = cluster.monitor_urls
        await join(port.number, "first")  # for whom the streams of MQTT are made
        errors, connections = await figures(url, session)
        for number in range(CLIENTS):
            await join(port.number, f"c{number}")
        errors_then, connections_then = await figures(url, session)
    port.release()
    assert connections_then - connections == CLIENTS
    assert CLIENTS <= errors_then - errors <= 1.5 * CLIENTS
