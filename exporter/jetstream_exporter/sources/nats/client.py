"""The NATS library's client, made safe against servers that misbehave.

What the library lets a server do, and this client does not: send a login in the clear where TLS is configured; send a
line or a message without end; end its reading with one odd line, after which it seems connected and receives nothing.
"""

import asyncio
import contextlib
from typing import Any

import nats.errors
from nats.aio.client import Client, Srv
from nats.aio.msg import Msg
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

from jetstream_exporter.config.user_keys import read_credentials, sign
from jetstream_exporter.runtime.tasks import start
from jetstream_exporter.sources.nats.errors import ODD, error_text
from jetstream_exporter.sources.nats.web_socket import BoundedWebSocket

LINE = 2**20  # bytes; the longest is an INFO with the addresses of all servers
MESSAGE = 2**28  # bytes, where nothing else is configured


class _Checked(Parser):
    """Ends a connection whose server sends a line or a message that is too long, or one that cannot be read."""

    def __init__(self, client: "SecureClient", max_bytes: int) -> None:
        super().__init__(client)
        self._max_bytes = max_bytes

    async def parse(self, data: bytes = b"") -> None:
        if self.state == AWAITING_CONTROL_LINE and self.buf and b"\n" not in data:
            # Nothing ends here. The library would search all of a long line again for every byte that comes.
            self.buf.extend(data)
            self._check()
            return
        try:
            await super().parse(data)
        except (nats.errors.ProtocolError, OSError):
            raise
        except Exception as error:  # the library raises whatever reading the line raised
            self._refuse(error_text(error))
        self._check()

    def _check(self) -> None:
        if self.state == AWAITING_CONTROL_LINE and len(self.buf) > LINE:
            self._refuse(f"the server sends a line of more than {LINE} bytes")
        if self.state != AWAITING_CONTROL_LINE and self.needed > self._max_bytes:
            self._refuse(f"the server sends a message of more than {self._max_bytes} bytes")

    def _refuse(self, why: str) -> None:
        self.nc.reason = why
        self.reset()
        raise nats.errors.ProtocolError


class SecureClient(Client):
    """One connection. `ended` is set as soon as it is of no use any more; `reason` then says why, if it is known.

    If `secure`, uses TLS wherever the server offers it, and refuses a server that does not. The library by itself uses
    TLS only where the server demands it, and sends the login in the clear elsewhere.
    """

    def __init__(self, *, secure: bool, max_bytes: int = MESSAGE) -> None:
        super().__init__()
        self._secure = secure
        self._max_bytes = max_bytes
        self._ps = _Checked(self, max_bytes)
        self.ended = asyncio.Event()
        self.reason = ""
        self.url = ""  # that it was connected with

    @property
    def works(self) -> bool:
        """Whether it is connected, and the library's tasks that read and write still run."""
        tasks = (self._reading_task, self._flusher_task)
        return (
            self.is_connected
            and not self.ended.is_set()
            and not any(task is None or task.done() for task in tasks)
        )

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """Judge the server's first line. The library reads `tls_required` of this dictionary next."""
        fault = info_fault(info)
        if fault is not None:
            raise nats.errors.Error(f"{ODD}: {fault}")
        # Connection knows where to go next. The library compares each of these addresses with all that it knows.
        info.pop("connect_urls", None)
        if initial_connection and self._secure:
            if not (info.get("tls_required") or info.get("tls_available")):
                raise nats.errors.SecureConnWantedError
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)

    async def _process_connect_init(self) -> None:
        """The library takes any line for the answer to its first ping, and then waits for ever to be connected."""
        await super()._process_connect_init()
        if not self.is_connected:
            raise nats.errors.Error(f"{ODD}: another answer to a ping than a pong")

    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        """None where they cannot be read: whoever publishes may send any bytes as headers."""
        with contextlib.suppress(IndexError, ValueError):
            return await super()._process_headers(headers)
        return None

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        """Subjects are any bytes but spaces; the library ends its reading over one that is not UTF-8."""
        subject, reply = (text.decode("utf-8", "replace").encode() for text in (subject, reply))
        message: Msg = super()._build_message(sid, subject, reply, data, headers)
        return message

    async def _connect_to_server(self, server: Srv) -> None:
        if not self._transport and server.uri.scheme in ("ws", "wss"):
            self._transport = BoundedWebSocket(self._max_bytes + LINE)
        await super()._connect_to_server(server)

    async def _process_pong(self) -> None:
        """Whoever pinged may have given up; the library would end its reading over that."""
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
            self._pongs_received += 1
            self._pings_outstanding = 0
            return
        await super()._process_pong()

    async def _read_loop(self) -> None:
        """Read until the connection ends; the library can end its reading and stay connected."""
        try:
            await super()._read_loop()
        finally:
            self.ended.set()

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        """Close, whatever happens meanwhile: a transport that breaks while it is closed is closed too."""
        try:
            await super()._close(status, do_cbs)
        except (OSError, nats.errors.Error, RuntimeError, AttributeError) as error:
            self.reason = self.reason or error_text(error)
        finally:
            self.ended.set()

    def _setup_nkeys_jwt_connect(self) -> None:
        """Read the credentials once, checked; the library's own reading never ends on a file without a JWT."""
        jwt, seed = read_credentials(str(self._user_credentials), "credentials")
        self._user_jwt_cb = lambda: bytearray(jwt.encode())
        self._signature_cb = lambda nonce: sign(seed, nonce)

    def abort(self) -> None:
        """Drop the connection without a word to the server, which may be frozen. Nothing of it is left."""
        self.ended.set()
        for task in (self._reading_task, self._flusher_task, self._ping_interval_task):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()


def info_fault(info: Any) -> str | None:
    """What is wrong with a server's INFO, of that which the library reads; None if nothing is."""
    if not isinstance(info, dict):
        return "its INFO is not an object"
    urls = info.get("connect_urls")
    if urls is not None and not (isinstance(urls, list) and all(isinstance(u, str) for u in urls)):
        return "connect_urls in its INFO is not a list of addresses"
    size = info.get("max_payload", 1)
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size < 2**63:
        return "max_payload in its INFO is not a size"
    texts = ("version", "nonce", "cluster", "server_name", "server_id", "domain", "client_ip")
    odd = [name for name in texts if not isinstance(info.get(name, ""), str)]
    return f"{odd[0]} in its INFO is not a string" if odd else None


async def end(client: SecureClient) -> None:
    """Close, whatever state it is in, without waiting for a server that does not answer.

    It is closed also where whoever awaits this is cancelled: nobody else knows of it any more.
    """
    await asyncio.shield(start(f"close {client.url}", _end(client)))


async def _end(client: SecureClient) -> None:
    try:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                await client.close()
    finally:
        with contextlib.suppress(Exception):
            client.abort()
    if isinstance(client._transport, BoundedWebSocket):
        await client._transport.end()
    await asyncio.sleep(0)  # in which its socket is closed
