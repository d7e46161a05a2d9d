"""A context of the `nats` program: where it lies, and what of it is understood."""

import os
from pathlib import Path

import msgspec

from jetstream_exporter.config.decode import ConfigError


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


def read_context(name: str) -> Context:
    """Read a context by its name or its file; ConfigError where it cannot be used."""
    file = Path(name) if "/" in name or name.endswith(".json") else _folder() / f"{name}.json"
    try:
        context = msgspec.json.decode(file.read_bytes(), type=Context)
    except OSError as error:
        raise ConfigError(f"context {name}: {file} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"context {name}: {file} is not a context: {error}") from None
    if context.nsc:
        raise ConfigError(
            f"context {name}: its login comes from the program nsc; "
            "write it to a file with `nsc generate creds` and set credentials_file"
        )
    if context.socks_proxy:
        raise ConfigError(f"context {name}: a SOCKS proxy cannot be used here")
    return context


def _folder() -> Path:
    parent = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(parent) / "nats" / "context"
