"""What DNS and the machine's resolver know of a name: its addresses, and the servers of a service."""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Protocol

import aiodns
from pycares import SRVRecordData

LOOKUP_ERRORS = (OSError, TimeoutError, aiodns.error.DNSError, UnicodeError)


class Lookup(Protocol):
    async def addresses(self, host: str) -> list[str]: ...
    async def services(self, name: str) -> list[tuple[str, int]]: ...


class SystemLookup:
    """The machine's resolver for addresses (hosts file and search domains included), DNS for SRV records.

    That resolver cannot be interrupted and may hang for half a minute. So it runs in a thread of its
    own, not in one of those that scrapes need, and never twice at once for a name.
    """

    def __init__(self) -> None:
        self._pending: dict[str, asyncio.Future[list[str]]] = {}

    async def addresses(self, host: str) -> list[str]:
        pending = self._pending.get(host)
        if pending is None:
            pending = self._pending[host] = _in_thread(_addresses, host)
            pending.add_done_callback(lambda _: self._pending.pop(host, None))
        return await asyncio.shield(pending)

    async def services(self, name: str) -> list[tuple[str, int]]:
        resolver = aiodns.DNSResolver()
        try:
            answer = await resolver.query_dns(name, "SRV")
        finally:
            await resolver.close()
        records = [entry.data for entry in answer.answer if isinstance(entry.data, SRVRecordData)]
        return sorted((record.target.rstrip("."), record.port) for record in records)


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(entry[4][0]) for entry in found})


def _in_thread(work: Callable[[str], list[str]], host: str) -> "asyncio.Future[list[str]]":
    """Run it in a daemon thread, which the process does not wait for when it exits."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[str]] = loop.create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def settle(value: list[str] | None, error: OSError | UnicodeError | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value or [])

    def run() -> None:
        value, error = None, None
        try:
            value = work(host)
        except (OSError, UnicodeError) as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name=f"lookup {host}", daemon=True).start()
    return future


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
