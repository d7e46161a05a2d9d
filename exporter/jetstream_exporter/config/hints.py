"""What the writer of a wrong word may have meant."""

import difflib
from collections.abc import Iterable

# What other exporters and Prometheus call it.
ALIASES = {
    "ca_file": ("client_ca_file",),
    "creds": ("credentials_file",),
    "credentials": ("credentials_file",),
    "host": ("targets",),
    "hosts": ("targets",),
    "nats_url": ("targets",),
    "nkey": ("nkey_seed_file",),
    "seed": ("nkey_seed_file",),
    "scrape_timeout": ("timeout",),
    "server": ("targets",),
    "servers": ("targets",),
    "tls_config": ("tls_server_config", "ca_file"),
    "tls": ("http",),
    "basic_auth": ("basic_auth_users", "username"),
    "url": ("urls", "targets"),
    "urls": ("targets",),
    "user": ("username",),
    "users": ("basic_auth_users",),
}
FLAGS = {
    "log": "--log.level",
    "web": "--web.listen-address",
    "listen_address": "--web.listen-address",
}
CLOSE = 0.8  # of 1, how alike two words have to be


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` where one of the known words is close, and nothing otherwise."""
    known = sorted(known)
    for alias in ALIASES.get(word, ()):
        if alias in known:
            return f"; did you mean {alias}?"
    plain = {_plain(each): each for each in known}
    if _plain(word) in plain:
        return f"; did you mean {plain[_plain(word)]}?"
    longer = [each for each in known if each.startswith(f"{word}_")]
    if longer:
        return f"; did you mean {' or '.join(longer[:2])}?"
    found = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=CLOSE)
    return f"; did you mean {plain[found[0]]}?" if found else ""


def _plain(word: str) -> str:
    """The word without what is often written otherwise: case, dashes, and the plural's s."""
    return word.lower().replace("-", "").replace("_", "").replace(".", "").removesuffix("s")


def did_you_mean_elsewhere(key: str, places: Iterable[str]) -> str:
    """The same for a key that has its place elsewhere in the file, `clusters[].targets`."""
    by_key: dict[str, list[str]] = {}
    for place in places:
        by_key.setdefault(place.rpartition(".")[2], []).append(place)
    if key in FLAGS:
        return f"; that is a flag: {FLAGS[key]}"
    aliases = [alias for alias in ALIASES.get(key, ()) if alias in by_key]
    found = aliases[-1:] or [name for name in by_key if _plain(name) == _plain(key)]
    found = found or difflib.get_close_matches(key, by_key, n=1, cutoff=CLOSE)
    if not found:
        return ""
    return f"; did you mean {' or '.join(by_key[found[0]][:2])}?"
