"""A context of the `nats` program: where its file is, and which of its fields are used.

It is read as that program reads it: `~` and `$NAME` in the names of files, `env://NAME` for secrets, its default URL.
"""

import os
from pathlib import Path

import msgspec

from jetstream_exporter.config.errors import ConfigError, SecretError
from jetstream_exporter.config.secrets import (
    FileError,
    about,
    read_bytes,
    read_secret,
    read_variable,
)

DEFAULT_URL = "nats://127.0.0.1:4222"
FILES = ("creds", "nkey", "cert", "key", "ca")
SECRETS = ("token", "password", "user_jwt", "user_seed")
ELSEWHERE = ("nsc", "op", "data")  # stores that only the program itself can open


class Context(msgspec.Struct):
    """The fields of `~/.config/nats/context/<name>.json` that concern a connection."""

    url: str = ""
    token: str = ""
    user: str = ""
    password: str = ""
    creds: str = ""
    nkey: str = ""
    user_jwt: str = ""
    user_seed: str = ""
    nsc: str = ""
    cert: str = ""
    key: str = ""
    ca: str = ""
    tls_first: bool = False
    inbox_prefix: str = ""
    socks_proxy: str = ""
    jetstream_domain: str = ""
    jetstream_api_prefix: str = ""

    @property
    def urls(self) -> list[str]:
        return [url.strip() for url in self.url.split(",") if url.strip()]


def read_context(name: str, place: str = "") -> Context:
    """Read a context by its name or its file; ConfigError where it cannot be used. `place` begins its sentence."""
    file = Path(name) if "/" in name or name.endswith(".json") else _folder() / f"{name}.json"
    where = f"{place}: context {name}".removeprefix(": ")
    try:
        context = msgspec.json.decode(read_bytes(str(file)), type=Context)
    except FileError as error:
        raise SecretError(f"{where}: {about(str(file), error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SecretError(f"{where}: {file} is not a context: {error}") from None
    if context.socks_proxy:
        raise ConfigError(f"{where}: SOCKS proxies are not supported")
    if context.nsc or any(_scheme(getattr(context, key)) in ELSEWHERE for key in FILES + SECRETS):
        raise ConfigError(
            f"{where}: its login is stored by another program; "
            "write it to a file, as with `nsc generate creds`, and set credentials_file"
        )
    files = {key: _path(getattr(context, key)) for key in FILES}
    secrets = {key: _secret(getattr(context, key), f"{where}: {key}") for key in SECRETS}
    return msgspec.structs.replace(context, url=context.url or DEFAULT_URL, **files, **secrets)


def _scheme(text: str) -> str:
    return text.partition(":")[0].lower() if ":" in text else ""


def _path(text: str) -> str:
    path = text.removeprefix("file://")
    return os.path.expanduser(os.path.expandvars(path)) if path else ""


def _secret(text: str, place: str) -> str:
    """The secret itself, or what it refers to: `file://NAME` or `env://NAME`."""
    if _scheme(text) == "file":
        return read_secret(_path(text), place, bare=False)
    if _scheme(text) == "env":
        return read_variable(text.partition("://")[2], place)
    return text


def _folder() -> Path:
    parent = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(parent) / "nats" / "context"
