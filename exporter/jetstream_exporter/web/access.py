"""TLS and passwords of our own endpoints, in the format that Prometheus exporters share (`--web.config.file`)."""

import asyncio
import base64
import binascii
import hashlib
import os
import re
import ssl
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Literal

import bcrypt
import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from msgspec import Meta

from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.decode import Locator, decode, read_text

OPEN = ("/-/healthy", "/-/ready")  # a kubelet has no password
REMEMBERED = 100
LOOK_EVERY = 30.0  # seconds between looks at the certificate's files
_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
MIN_COST, MAX_COST = (
    4,
    15,
)  # each step doubles the time; 15 is two seconds of a processor for every wrong password
log = structlog.get_logger()

ClientAuth = Literal[
    "NoClientCert",
    "RequestClientCert",
    "RequireAnyClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
]


class TlsServer(msgspec.Struct, forbid_unknown_fields=True):
    """TLS. Files are relative to this file's folder."""

    cert_file: Annotated[str, Meta(description="Certificate (PEM).")] = ""
    key_file: Annotated[str, Meta(description="The certificate's key (PEM).")] = ""
    client_auth_type: Annotated[
        ClientAuth,
        Meta(
            description="Whether clients need a certificate. `RequestClientCert` and `RequireAnyClientCert` check "
            "nothing and are refused."
        ),
    ] = "NoClientCert"
    client_ca_file: Annotated[
        str, Meta(description="Certificate authorities (PEM) that clients' certificates come from.")
    ] = ""
    min_version: Annotated[
        Literal["TLS12", "TLS13"], Meta(description="The oldest TLS that is spoken.")
    ] = "TLS12"


class WebConfig(msgspec.Struct, forbid_unknown_fields=True):
    """Who may read, and over what."""

    tls_server_config: Annotated[TlsServer | None, Meta(description="TLS; plain HTTP without.")] = (
        None
    )
    basic_auth_users: Annotated[
        dict[str, str],
        Meta(
            description="Users and their bcrypt hashes, as `htpasswd -nBC 10 USER` makes them; anybody may read "
            "without."
        ),
    ] = {}


def load_web_config(path: str) -> WebConfig:
    """Read and check the file; ConfigError names the place. Files in it are relative to its folder."""
    if not path:
        return WebConfig()
    config, locator = decode(read_text(path), path, WebConfig)
    for user, hashed in config.basic_auth_users.items():
        if not user or ":" in user:
            what = "a user's name cannot be empty or hold a colon"
            raise locator.error(("basic_auth_users",), what)
        _check_hash(user, hashed, locator)
    tls = config.tls_server_config
    if tls is not None:
        _resolve(tls, Path(path).parent)
        _check_tls(tls, locator)
    return config


def _check_hash(user: str, hashed: str, locator: Locator) -> None:
    match = _HASH.fullmatch(hashed)
    if match is None:
        what = "is not a bcrypt hash; make one with `htpasswd -nBC 10 USER`"
        raise locator.error(("basic_auth_users", user), what)
    if not MIN_COST <= int(match[1]) <= MAX_COST:
        what = f"has a cost of {match[1]}; allowed are {MIN_COST} to {MAX_COST}"
        raise locator.error(("basic_auth_users", user), what)


def _resolve(tls: TlsServer, folder: Path) -> None:
    for key in ("cert_file", "key_file", "client_ca_file"):
        value = getattr(tls, key)
        if value:
            setattr(tls, key, str(folder / value))


def _check_tls(tls: TlsServer, locator: Locator) -> None:
    place = "tls_server_config"
    for key in ("cert_file", "key_file"):
        if not getattr(tls, key):
            raise locator.error((place,), f"{key} is missing")
    if tls.client_auth_type.startswith(("Verify", "RequireAndVerify")) and not tls.client_ca_file:
        raise locator.error((place, "client_auth_type"), "needs client_ca_file")
    if tls.client_auth_type in ("RequestClientCert", "RequireAnyClientCert"):
        what = f"{tls.client_auth_type} checks nothing and is not supported; use RequireAndVerifyClientCert"
        raise locator.error((place, "client_auth_type"), what)
    for key in ("cert_file", "key_file", "client_ca_file"):
        file = getattr(tls, key)
        if file and not os.path.isfile(file):
            raise locator.error((place, key), f"there is no file {file}")
    try:
        tls_context(tls)
    except (OSError, ssl.SSLError) as error:
        tls_error = isinstance(error, ssl.SSLError)
        why = "not PEM, or not a certificate and its key" if tls_error else error.strerror
        raise locator.error((place,), f"its files cannot be loaded: {why}") from None


def tls_context(tls: TlsServer) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = (
        ssl.TLSVersion.TLSv1_3 if tls.min_version == "TLS13" else ssl.TLSVersion.TLSv1_2
    )
    context.load_cert_chain(tls.cert_file, tls.key_file)
    if tls.client_ca_file and tls.client_auth_type != "NoClientCert":
        context.load_verify_locations(tls.client_ca_file)
        required = tls.client_auth_type == "RequireAndVerifyClientCert"
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


async def renew(tls: TlsServer, context: ssl.SSLContext) -> None:
    """Load certificates anew when their files change; later handshakes use them. Does not return."""
    seen = _stamps(tls)
    while True:
        await asyncio.sleep(LOOK_EVERY)
        now = _stamps(tls)
        if now == seen or None in now:
            continue
        seen = now
        try:
            tls_context(tls)  # a pair that does not fit would spoil the context in use
            context.load_cert_chain(tls.cert_file, tls.key_file)
        except (OSError, ssl.SSLError):
            log.error("new certificate not taken; the one before is kept", file=tls.cert_file)
        else:
            log.info("new certificate taken", file=tls.cert_file)


def _stamps(tls: TlsServer) -> list[int | None]:
    """When the files were written; None for one that is missing."""
    stamps: list[int | None] = []
    for file in (tls.cert_file, tls.key_file):
        try:
            stamps.append(Path(file).stat().st_mtime_ns)
        except OSError:
            stamps.append(None)
    return stamps


class Gate:
    """Checks passwords. bcrypt is slow by design, so accepted passwords are remembered by their digests."""

    def __init__(self, users: dict[str, str]) -> None:
        self._users = {user: hashed.encode() for user, hashed in users.items()}
        self._nobody = max(
            self._users.values(), key=_cost
        )  # an unknown name takes as long as a known one
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._checking = asyncio.Semaphore(1)  # guesses must not take the threads that scrapes need

    async def admits(self, header: str) -> bool:
        user, password = _credentials(header)
        hashed = self._users.get(user, self._nobody)
        digest = hashlib.sha256(b"\0".join((user.encode(), hashed, password))).digest()
        if digest in self._good:
            return True
        async with self._checking:
            right = await asyncio.to_thread(bcrypt.checkpw, password[:72], hashed)
        if not right or user not in self._users:
            return False
        self._good[digest] = None
        while len(self._good) > REMEMBERED:
            self._good.popitem(last=False)
        return True


def _cost(hashed: bytes) -> bytes:
    return hashed.split(b"$")[2]


def _credentials(header: str) -> tuple[str, bytes]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", b""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).partition(b":")
        return user.decode(), password
    except (binascii.Error, UnicodeDecodeError):
        return "", b""


def basic_auth(gate: Gate) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN or await gate.admits(request.headers.get("Authorization", "")):
            return await handler(request)
        challenge = {"WWW-Authenticate": 'Basic realm="jetstream-exporter", charset="UTF-8"'}
        return web.Response(
            status=401, text="a user and a password are needed\n", headers=challenge
        )

    return check


__all__ = [
    "ConfigError",
    "Gate",
    "WebConfig",
    "basic_auth",
    "load_web_config",
    "renew",
    "tls_context",
]
