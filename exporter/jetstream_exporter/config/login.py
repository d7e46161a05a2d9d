"""How the exporter authenticates to NATS: a connection's settings as a client's options.

Files and environment are read anew for each connection.
"""

from typing import Any

import msgspec
from yarl import URL

from jetstream_exporter.config.context import Context, read_context
from jetstream_exporter.config.errors import ConfigError, Where
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.config.secrets import secret_of
from jetstream_exporter.config.tls import client_context
from jetstream_exporter.config.urls import CLIENT, check_url
from jetstream_exporter.config.user_keys import (
    credentials_login,
    jwt_login,
    nkey_login,
    seed_login,
)

LOGINS = (
    ("credentials_file", ("credentials_file",)),
    ("nkey_seed_file", ("nkey_seed_file", "jwt_file")),
    ("username", ("username", "password_file", "password_env")),
    ("a token", ("token_file", "token_env")),
)


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


def read_login(nats: Nats, where: Where) -> Login:
    """Read the files and names that the settings point to; `where` begins the sentence of an error."""
    context = read_context(nats.context, where("")) if nats.context else Context()
    urls = _urls(nats, context, where)
    given = [name for name, keys in LOGINS if any(getattr(nats, key) for key in keys)]
    if len(given) > 1:
        what = f"{' and '.join(given)} are mutually exclusive; use one login"
        raise ConfigError(f"{where('')}: {what}")
    login = _own_login(nats, where) if given else _context_login(context, where)
    options = login | _tls(nats, context, urls, where)
    prefix = nats.inbox_prefix or context.inbox_prefix
    if prefix:
        options["inbox_prefix"] = prefix.removesuffix(".>").removesuffix(".")
    return Login(urls, options, context.jetstream_domain, context.jetstream_api_prefix)


def _urls(nats: Nats, context: Context, where: Where) -> list[str]:
    given = nats.urls or context.urls
    if not given:
        raise ConfigError(f"{where('')}: has no URL; set one such as nats://nats:4222")
    urls = [_in_full(url) for url in given]
    for i, url in enumerate(urls):
        place = where(f"urls[{i}]") if nats.urls else f"{where('')}: the context's url"
        check_url(url, CLIENT, place, login_allowed=not nats.urls)
    return urls


def _in_full(url: str) -> str:
    """An address without a scheme is `nats://`, as in every NATS client."""
    return url if "://" in url else f"nats://{url}"


def _own_login(nats: Nats, where: Where) -> dict[str, Any]:
    if nats.credentials_file:
        return credentials_login(nats.credentials_file, where("credentials_file"))
    if nats.nkey_seed_file:
        return nkey_login(nats, where)
    if nats.jwt_file:
        raise ConfigError(f"{where('')}: jwt_file requires nkey_seed_file")
    if token := secret_of(nats, "token", where):
        return {"token": token}
    password = secret_of(nats, "password", where)
    if not nats.username:
        raise ConfigError(f"{where('')}: a password requires a username")
    if not password:
        raise ConfigError(f"{where('')}: a username requires password_file or password_env")
    return {"user": nats.username, "password": password}


def _context_login(context: Context, where: Where) -> dict[str, Any]:
    """The context's one login, chosen as the `nats` program chooses."""
    place = f"{where('')}: the context's"
    token = {"token": context.token} if context.token else {}
    login: dict[str, Any] = {}
    if context.user:
        login = {"user": context.user, "password": context.password}
    elif context.creds:
        login = credentials_login(context.creds, f"{place} creds", bare=False)
    elif context.nkey:
        login = seed_login(context.nkey, f"{place} nkey", bare=False)
    elif context.user_jwt:
        login = jwt_login(context.user_jwt, context.user_seed, f"{place} user_seed")
    return login | token


def _tls(nats: Nats, context: Context, urls: list[str], where: Where) -> dict[str, Any]:
    ca = nats.ca_file or context.ca
    cert, key = nats.cert_file or context.cert, nats.key_file or context.key
    first = nats.tls_first or context.tls_first
    if bool(cert) != bool(key):
        raise ConfigError(f"{where('')}: cert_file and key_file must be set together")
    secure = any(URL(url).scheme in ("tls", "wss") for url in urls)
    if not (secure or ca or cert or first or nats.server_name or nats.insecure_skip_verify):
        return {}

    def whose(name: str) -> str:
        is_own = not name or getattr(nats, name)
        return where(name) if is_own else f"{where('')}: the context's {name.removesuffix('_file')}"

    tls = client_context(ca, cert, key, whose, insecure=nats.insecure_skip_verify)
    named = {"tls_hostname": nats.server_name} if nats.server_name else {}
    return {"tls": tls, "tls_handshake_first": first, **named}
