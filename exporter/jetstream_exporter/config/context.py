"""A context of the `nats` program: where its file is, and which of its fields are used.

It is read as that program reads it: `~` and `$NAME` in the names of files, `env://NAME` for secrets, its default URL.
"""

import os
from pathlib import Path

import msgspec

from jetstream_exporter.config.decode import ConfigError

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


def read_context(name: str) -> Context:
    """Read a context by its name or its file; ConfigError where it cannot be used."""
    file = Path(name) if "/" in name or name.endswith(".json") else _folder() / f"{name}.json"
    try:
        context = msgspec.json.decode(file.read_bytes(), type=Context)
    except OSError as error:
        raise ConfigError(f"context {name}: {file} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"context {name}: {file} is not a context: {error}") from None
    if context.socks_proxy:
        raise ConfigError(f"context {name}: a SOCKS proxy cannot be used here")
    if context.nsc or any(_scheme(getattr(context, key)) in ELSEWHERE for key in FILES + SECRETS):
        raise ConfigError(
            f"context {name}: its login comes from another program's store; "
            "write it to a file, as with `nsc generate creds`, and set credentials_file"
        )
    files = {key: _path(getattr(context, key)) for key in FILES}
    secrets = {key: _secret(getattr(context, key), name) for key in SECRETS}
    return msgspec.structs.replace(context, url=context.url or DEFAULT_URL, **files, **secrets)


def _scheme(text: str) -> str:
    return text.partition(":")[0].lower() if ":" in text else ""


def _path(text: str) -> str:
    path = text.removeprefix("file://")
    return os.path.expanduser(os.path.expandvars(path)) if path else ""


def _secret(text: str, name: str) -> str:
    if _scheme(text) == "file":
        return _read(_path(text), name)
    if _scheme(text) != "env":
        return text
    variable = text.partition("://")[2]
    if variable not in os.environ:
        raise ConfigError(f"context {name}: the environment variable {variable} is not set")
    return os.environ[variable]


def _read(file: str, name: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"context {name}: {file} cannot be read") from None


def _folder() -> Path:
    parent = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(parent) / "nats" / "context"
