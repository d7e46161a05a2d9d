"""Turns a connection's settings into a client's options. Files and environment are read anew for each connection."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import nkeys
from yarl import URL

from jetstream_exporter.config.context import Context, read_context
from jetstream_exporter.config.decode import ConfigError
from jetstream_exporter.config.nats import Nats, System
from jetstream_exporter.config.schema import Cluster
from jetstream_exporter.config.tls import client_context
from jetstream_exporter.config.urls import CLIENT, check_url

AnyNats = TypeVar("AnyNats", bound=Nats)
LOGINS = (
    ("credentials_file", ("credentials_file",)),
    ("nkey_seed_file", ("nkey_seed_file", "jwt_file")),
    ("username", ("username", "password_file", "password_env")),
    ("a token", ("token_file", "token_env")),
)


def connections(cluster: Cluster) -> Iterator[tuple[tuple[str | int, ...], Nats]]:
    """Every connection to NATS that a cluster is configured with, and its place in the configuration."""
    if cluster.system != System():
        yield ("system",), cluster.system
    for i, account in enumerate(cluster.accounts):
        yield ("accounts", i), account
    for i, advisories in enumerate(cluster.advisories):
        yield ("advisories", i), advisories


def in_folder(cluster: Cluster, folder: Path) -> Cluster:
    """The cluster with its connections' files relative to the folder."""
    return msgspec.structs.replace(
        cluster,
        system=_in_folder(cluster.system, folder),
        accounts=[_in_folder(account, folder) for account in cluster.accounts],
        advisories=[_in_folder(advisories, folder) for advisories in cluster.advisories],
    )


def _in_folder(settings: AnyNats, folder: Path) -> AnyNats:
    names = [name for name in settings.__struct_fields__ if name.endswith("_file")]
    files = {name: getattr(settings, name) for name in names}
    changed = {name: str(folder / file) for name, file in files.items() if file}
    return msgspec.structs.replace(settings, **changed)


class Login(msgspec.Struct, frozen=True):
    """What one connection needs; `options` are keyword arguments of the client's `connect`."""

    urls: list[str]
    options: dict[str, Any]
    domain: str = ""
    api_prefix: str = ""

    @property
    def secure(self) -> bool:
        """Whether to ask the server for TLS. A web socket and `tls_first` have it from the start."""
        early = self.options.get("tls_handshake_first") or any(
            URL(url).scheme in ("ws", "wss") for url in self.urls
        )
        return "tls" in self.options and not early


def read_login(nats: Nats, place: str) -> Login:
    """Read the files and names that the settings point to; `place` begins the sentence of an error."""
    context = _context(nats.context, place) if nats.context else Context()
    given_urls = nats.urls or context.urls
    if not given_urls:
        raise ConfigError(f"{place}: names no URL; write one like nats://nats:4222")
    urls = [_in_full(url) for url in given_urls]
    for i, url in enumerate(urls):
        where = f"{place}: urls[{i}]" if nats.urls else f"{place}: the context's url"
        check_url(url, CLIENT, where, login_allowed=not nats.urls)
    given = [name for name, keys in LOGINS if any(getattr(nats, key) for key in keys)]
    if len(given) > 1:
        raise ConfigError(f"{place}: {' and '.join(given)} exclude each other: one login is enough")
    login = _own_login(nats, place) if given else _context_login(context, place)
    options = login | _tls(nats, context, urls, place)
    prefix = nats.inbox_prefix or context.inbox_prefix
    if prefix:
        options["inbox_prefix"] = prefix.removesuffix(".>").removesuffix(".")
    return Login(urls, options, context.jetstream_domain, context.jetstream_api_prefix)


def _context(name: str, place: str) -> Context:
    try:
        return read_context(name)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def _in_full(url: str) -> str:
    """An address without a scheme is `nats://`, as in every NATS client."""
    return url if "://" in url else f"nats://{url}"


def _own_login(nats: Nats, place: str) -> dict[str, Any]:
    if nats.credentials_file:
        return {
            "user_credentials": _credentials(nats.credentials_file, f"{place}: credentials_file")
        }
    if nats.nkey_seed_file:
        return _nkey(nats, place)
    if nats.jwt_file:
        raise ConfigError(f"{place}: jwt_file needs nkey_seed_file beside it")
    if nats.token_file or nats.token_env:
        return {"token": _secret(nats, "token", place)}
    if not nats.username:
        raise ConfigError(f"{place}: a password needs a username")
    return {"user": nats.username, "password": _secret(nats, "password", place)}


def _context_login(context: Context, place: str) -> dict[str, Any]:
    """The context's one login, chosen as the `nats` program chooses."""
    token = {"token": context.token} if context.token else {}
    if context.user:
        return {"user": context.user, "password": context.password} | token
    if context.creds:
        return {
            "user_credentials": _credentials(context.creds, f"{place}: the context's creds")
        } | token
    if context.nkey:
        return {"nkeys_seed_str": _seed(context.nkey, f"{place}: the context's nkey")} | token
    if context.user_jwt:
        where = f"{place}: the context's user_seed"
        return _with_jwt(context.user_jwt, context.user_seed, where) | token
    return token


def _nkey(nats: Nats, place: str) -> dict[str, Any]:
    seed = _seed(nats.nkey_seed_file, f"{place}: nkey_seed_file")
    if not nats.jwt_file:
        return {"nkeys_seed_str": seed}
    return _with_jwt(_text(nats.jwt_file, f"{place}: jwt_file"), seed, place)


def _with_jwt(jwt: str, seed: str, place: str) -> dict[str, Any]:
    """A login by JWT. Without a seed it must be a bearer token, for which nothing is signed."""
    if not seed:
        return {"user_jwt_cb": lambda: bytearray(jwt.encode()), "signature_cb": lambda _: b""}

    def sign(nonce: str) -> bytes:
        return base64.b64encode(nkeys.from_seed(seed.encode()).sign(nonce.encode()))

    _check_seed(seed, place)
    return {"user_jwt_cb": lambda: bytearray(jwt.encode()), "signature_cb": sign}


def _seed(file: str, place: str) -> str:
    """The seed in a file, which may hold comments around it."""
    lines = [line.strip() for line in _text(file, place).splitlines()]
    seed = next((line for line in lines if line.startswith("S")), "")
    _check_seed(seed, f"{place}: {file}")
    return seed


def _check_seed(seed: str, place: str) -> None:
    try:
        nkeys.from_seed(seed.encode())
    except Exception:  # the library raises what its parts raise
        raise ConfigError(f"{place}: holds no nkey seed; it begins with SU") from None


def _secret(nats: Nats, kind: str, place: str) -> str:
    file, name = getattr(nats, f"{kind}_file"), getattr(nats, f"{kind}_env")
    if file and name:
        raise ConfigError(f"{place}: {kind}_file and {kind}_env exclude each other")
    if file:
        secret = _text(file, f"{place}: {kind}_file")
        if not secret:
            raise ConfigError(f"{place}: {kind}_file: {file} is empty")
        return secret
    if name and name not in os.environ:
        raise ConfigError(f"{place}: {kind}_env: that environment variable is not set")
    return os.environ.get(name, "")


def _text(file: str, place: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise ConfigError(f"{place}: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{place}: {file} is not UTF-8 text") from None
    except ValueError:
        raise ConfigError(f"{place}: {file!r} is no file's name") from None


def _credentials(file: str, place: str) -> str:
    """The file's name; the client itself reads it for each connection."""
    text = _text(file, place)
    if "BEGIN NATS USER JWT" not in text or "BEGIN USER NKEY SEED" not in text:
        raise ConfigError(f"{place}: {file} holds no JWT and seed, as `nsc generate creds` writes")
    return file


def _tls(nats: Nats, context: Context, urls: list[str], place: str) -> dict[str, Any]:
    ca = nats.ca_file or context.ca
    cert, key = nats.cert_file or context.cert, nats.key_file or context.key
    first = nats.tls_first or context.tls_first
    if bool(cert) != bool(key):
        raise ConfigError(f"{place}: cert_file and key_file go together")
    secure = any(URL(url).scheme in ("tls", "wss") for url in urls)
    if not (secure or ca or cert or first or nats.server_name or nats.insecure_skip_verify):
        return {}
    try:
        tls = client_context(ca, cert, key, insecure=nats.insecure_skip_verify)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None
    named = {"tls_hostname": nats.server_name} if nats.server_name else {}
    return {"tls": tls, "tls_handshake_first": first, **named}
