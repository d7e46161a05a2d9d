"""Passwords of our own pages. Guesses cost a bounded time of one thread, and their time tells nothing."""

import asyncio
import base64
import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

import bcrypt
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

OPEN = ("/-/healthy", "/-/ready")  # a kubelet has no password
REMEMBERED = 100  # accepted passwords, by their digests
QUEUE = 16  # logins that wait to be checked; more are turned away with 429
PATIENCE = 5.0  # seconds that a login may have to wait, judged by what the last one took
NOTICE = 0.2  # seconds in which it is noticed that waiting clients are gone
BCRYPT_READS = 72  # bytes of a password
_DUMMY = "$2b${:02}$hQcpx9wvsYJDLvHtgEHZAOcMgwMOYWeeFVE7DR8ud3Angqg3SZ5H."  # whose result is not looked at


class BusyError(Exception):
    """Too many logins wait to be checked."""


class Login(NamedTuple):
    user: str
    password: bytes


class BasicAuth:
    """Checks passwords. bcrypt is slow by design, so accepted passwords are remembered by their digests."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = {user: hashed.encode() for user, hashed in users.items()}
        self._dearest = max(map(_cost, self._users.values()))
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._checking = asyncio.Semaphore(1)  # guesses must not take the threads that scrapes need
        self._waiting = 0
        self._took = 0.0  # seconds, the last check

    async def is_authorized(self, header: str | None) -> bool:
        """Whether the `Authorization` header is right. BusyError where too many wait.

        What is no login at all is refused at once; everything else takes the same work, whether the user exists or
        not. A client that goes away meanwhile is cancelled, and leaves the queue.
        """
        login = _read(header)
        if login is None:
            return False
        digest = self._digest(login)
        if digest in self._good:
            self._good.move_to_end(digest)
            return True
        if self._is_full:
            await asyncio.sleep(NOTICE)
            if self._is_full:
                raise BusyError
        if not await self._check(login):
            return False
        self._good[digest] = None
        while len(self._good) > REMEMBERED:
            self._good.popitem(last=False)
        return True

    @property
    def _is_full(self) -> bool:
        waiting = self._waiting
        return waiting >= QUEUE or (waiting > 0 and waiting * self._took > PATIENCE)

    def _digest(self, login: Login) -> bytes:
        hashed = self._users.get(login.user, b"")
        return hashlib.sha256(b"\0".join((login.user.encode(), hashed, login.password))).digest()

    async def _check(self, login: Login) -> bool:
        self._waiting += 1
        try:
            async with self._checking:
                started = time.monotonic()
                # The thread goes on where the client has gone away; the next check waits for it.
                check = asyncio.ensure_future(asyncio.to_thread(self._compare, login))
                try:
                    return await asyncio.shield(check)
                except asyncio.CancelledError:
                    await asyncio.wait([check])
                    raise
                finally:
                    self._took = time.monotonic() - started
        finally:
            self._waiting -= 1

    def _compare(self, login: Login) -> bool:
        """Compare, and make up the work of a cheap hash: a step in cost doubles it, so 2^4 + 2^4 + 2^5 … is 2^n."""
        password = login.password[:BCRYPT_READS]
        hashed = self._users.get(login.user)
        if hashed is None:
            bcrypt.checkpw(password, _DUMMY.format(self._dearest).encode())
            return False
        right = bcrypt.checkpw(password, hashed)
        if not right:
            for cost in range(_cost(hashed), self._dearest):
                bcrypt.checkpw(password, _DUMMY.format(cost).encode())
        return right


def _cost(hashed: bytes) -> int:
    return int(hashed.split(b"$")[2])


def _read(header: str | None) -> Login | None:
    """The login in a header; None where it holds none that could be right."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return Login(user.decode(), password) if colon else None
    except ValueError:  # not base64, not UTF-8, or a byte that no header may hold
        return None


def basic_auth(auth: BasicAuth) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN:
            return await handler(request)
        try:
            authorized = await auth.is_authorized(request.headers.get("Authorization"))
        except BusyError:
            text = "too many logins at once; try again later\n"
            return web.Response(status=429, text=text, headers={"Retry-After": "1"})
        if authorized:
            return await handler(request)
        challenge = {"WWW-Authenticate": 'Basic realm="jetstream-exporter", charset="UTF-8"'}
        return web.Response(
            status=401, text="a username and a password are required\n", headers=challenge
        )

    return check
