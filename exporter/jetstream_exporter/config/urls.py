"""Checks the URLs of a configuration. Errors do not repeat what may be a password."""

import re
from typing import NamedTuple

from yarl import URL

from jetstream_exporter.config.errors import ConfigError

MARKS = (
    "@",
    "?",
    "#",
    ";",
    "%",
    "\uff20",
    "\ufe6b",
)  # an @ in each way of writing it, and what follows
# A second scheme, or what separates items.
SEVERAL = r"://.*://|^[^@]*[,;]\s*\w"
_NO_HOST = re.compile(r"[\x00-\x7f](?<![\w.:%-])")  # ASCII that is in no name or address
_NUMBER = re.compile(r":-?[0-9]+/?$")  # what else stands where a port belongs may be a password


class UrlKind(NamedTuple):
    """A kind of URL: its schemes, an example, and where a password belongs instead."""

    schemes: tuple[str, ...]
    example: str
    login: str


MONITORING = UrlKind(
    ("http", "https"), "http://nats:8222", "use http.username and http.password_file"
)
CLIENT = UrlKind(("nats", "tls", "ws", "wss"), "nats://nats:4222", "use username and password_file")


def check_url(written: str, kind: UrlKind, place: str, *, login_allowed: bool = False) -> None:
    """ConfigError if this is no URL of that kind. What may hold a password is not repeated."""
    shown = "this" if any(mark in written for mark in MARKS) else repr(written)
    if re.search(SEVERAL, written, re.DOTALL):
        raise ConfigError(f"{place}: {shown} contains several URLs; write one list item for each")
    try:
        url = URL(written)
        port, _ = url.port, url.host  # which reads names like xn--n, and not all can be read
    except ValueError as error:
        url, port = URL(), 0 if "port" in str(error).lower() else None
        shown = shown if _NUMBER.search(written) else "this"
    if (url.user or url.password) and not login_allowed:
        raise ConfigError(f"{place}: a URL must not contain a username or a password; {kind.login}")
    if port == 0:
        raise ConfigError(f"{place}: {shown} has an invalid port; allowed: 1 to 65535")
    has_path = url.scheme in ("nats", "tls") and url.path.strip("/")
    right = url.scheme in kind.schemes and url.host and written.isprintable() and not has_path
    if not right or " " in written or "\\" in written:
        raise ConfigError(f"{place}: {shown} is not a URL like {kind.example}")
    _check_host(url.host or "", shown, place)
    if url.query_string or url.fragment:
        raise ConfigError(f"{place}: a URL must not have a query or a fragment here")


def _check_host(host: str, shown: str, place: str) -> None:
    """ConfigError for what no host is called, such as a variable or a template that nobody replaced."""
    if wrong := _NO_HOST.search(host):
        what = f"the host of {shown} contains {wrong[0]!r}; variables and patterns are not replaced here"
        raise ConfigError(f"{place}: {what}")
    if ".." in host or host.startswith("."):
        raise ConfigError(f"{place}: the host of {shown} has an empty part between its dots")
