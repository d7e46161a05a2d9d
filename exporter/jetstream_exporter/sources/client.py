"""The NATS library's client, made to insist on TLS where TLS is configured, and its errors as sentences."""

import asyncio
import contextlib
import os
import socket
import ssl
from typing import Any

import nats.errors
from nats.aio.client import Client

from jetstream_exporter.sources.http import SourceError


class SecureClient(Client):
    """If `secure`, uses TLS wherever the server offers it, and refuses a server that does not.

    The library by itself uses TLS only where the server demands it, and sends the login in the clear elsewhere.
    """

    def __init__(self, *, secure: bool) -> None:
        super().__init__()
        self._secure = secure

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """Judge the server's first word. The library reads `tls_required` of this dictionary next."""
        if initial_connection and self._secure:
            if not (info.get("tls_required") or info.get("tls_available")):
                raise nats.errors.SecureConnWantedError
            info["tls_required"] = True
        await super()._process_info(info, initial_connection)


async def end(client: Client) -> None:
    """Close, whatever state it is in, without waiting for a server that does not answer."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1):
            await client.close()


def words(error: BaseException) -> str:
    """What went wrong, for an operator."""
    said = str(error).removeprefix("nats: ").strip("'\" \r\n")
    match error:
        case SourceError():
            text = said
        case ssl.SSLError():
            text = f"TLS failed: {error.reason or error}"
        case nats.errors.SecureConnWantedError():
            text = "the server offers no TLS, which the configuration asks for"
        case nats.errors.NoRespondersError():
            text = "nobody answers there: the user's account does not have it"
        case nats.errors.AuthorizationError():
            text = "the server refuses the login"
        case nats.errors.Error() if "uthorization" in said or "uthentication" in said:
            text = f"the server refuses the login: {said}"
        case TimeoutError():
            text = "no answer in time"
        case socket.gaierror():
            text = f"cannot connect: {error.strerror}"
        case OSError():
            reason = os.strerror(error.errno) if error.errno else str(error)
            text = f"cannot connect: {reason}"
        case nats.errors.Error():
            text = said or type(error).__name__
        case _:
            text = f"{type(error).__name__}: {error}".removesuffix(": ")
    return text
