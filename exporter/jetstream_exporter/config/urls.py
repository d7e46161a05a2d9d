"""Checks the URLs of a configuration. Errors do not repeat what may be a password."""

import re
from typing import NamedTuple

from yarl import URL

from jetstream_exporter.config.decode import ConfigError

_NUMBER = re.compile(r":-?[0-9]+/?$")  # what else stands where a port belongs may be a password


class Kind(NamedTuple):
    """A kind of URL: its schemes, an example, and where a password belongs instead."""

    schemes: tuple[str, ...]
    example: str
    login: str


MONITORING = Kind(("http", "https"), "http://nats:8222", "use http.username and http.password_file")
CLIENT = Kind(("nats", "tls", "ws", "wss"), "nats://nats:4222", "use username and password_file")


def check_url(written: str, kind: Kind, place: str, *, login_allowed: bool = False) -> None:
    """ConfigError if this is no URL of that kind. What may hold a password is not repeated."""
    shown = "this" if any(mark in written for mark in "@?#") else repr(written)
    try:
        url = URL(written)
        port = url.port
    except ValueError as error:
        url, port = URL(), 0 if "port" in str(error).lower() else None
        shown = shown if _NUMBER.search(written) else "this"
    if (url.user or url.password) and not login_allowed:
        raise ConfigError(f"{place}: a URL must not hold a user or a password; {kind.login}")
    if port == 0:
        raise ConfigError(f"{place}: {shown} has a wrong port; allowed are 1 to 65535")
    has_path = url.scheme in ("nats", "tls") and url.path.strip("/")
    right = url.scheme in kind.schemes and url.host and written.isprintable() and not has_path
    if not right or " " in written or "\\" in written:
        raise ConfigError(f"{place}: {shown} is not a URL like {kind.example}")
    if url.query_string or url.fragment:
        raise ConfigError(f"{place}: a URL must not have a query or a fragment here")
