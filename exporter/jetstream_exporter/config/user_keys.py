"""Logins by nkey, JWT and `.creds` file: the secrets are read, judged, and turned into what signs for a user."""

import base64
from typing import Any

from jetstream_exporter.config.errors import SecretError, Where
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.config.redaction import file_name
from jetstream_exporter.config.secrets import read_secret
from jetstream_exporter.config.seed import (
    JWT,
    credentials,
    credentials_fault,
    find_seed,
    seed_fault,
)


def read_credentials(file: str, place: str, *, bare: bool = True) -> tuple[str, str]:
    """JWT and seed of a `.creds` file; SecretError where they cannot be used. `bare` is that of `file_name`."""
    text = read_secret(file, place, bare=bare)
    found, fault = credentials(text), credentials_fault(text)
    if found is None or fault is not None:
        raise SecretError(f"{place}: {file_name(file, bare=bare)} {fault}")
    return found


def credentials_login(file: str, place: str, *, bare: bool = True) -> dict[str, Any]:
    """The file's name: the client reads it for each connection."""
    read_credentials(file, place, bare=bare)
    return {"user_credentials": file}


def nkey_login(nats: Nats, where: Where) -> dict[str, Any]:
    """A login by the seed alone, or by a JWT and the seed that signs for it."""
    login = seed_login(nats.nkey_seed_file, where("nkey_seed_file"))
    if not nats.jwt_file:
        return login
    jwt = read_secret(nats.jwt_file, where("jwt_file")).strip()
    if not JWT.fullmatch(jwt):
        raise SecretError(f"{where('jwt_file')}: {file_name(nats.jwt_file)} contains no JWT")
    return jwt_login(jwt, login["nkeys_seed_str"], where("nkey_seed_file"))


def seed_login(file: str, place: str, *, bare: bool = True) -> dict[str, Any]:
    """The seed in a file, which may hold comments around it."""
    seed = find_seed(read_secret(file, place, bare=bare))
    _check_seed(seed, f"{place}: {file_name(file, bare=bare)}")
    return {"nkeys_seed_str": seed}


def jwt_login(jwt: str, seed: str, place: str) -> dict[str, Any]:
    """A login by JWT. Without a seed it must be a bearer token, for which nothing is signed."""
    if not seed:
        return {"user_jwt_cb": lambda: bytearray(jwt.encode()), "signature_cb": lambda _: b""}
    _check_seed(seed, f"{place}:")
    return {
        "user_jwt_cb": lambda: bytearray(jwt.encode()),
        "signature_cb": lambda nonce: sign(seed, nonce),
    }


def sign(seed: str, nonce: str) -> bytes:
    """The nonce, signed for a server."""
    import nkeys  # noqa: PLC0415 - a library that most never need

    return base64.b64encode(nkeys.from_seed(seed.encode()).sign(nonce.encode()))


def _check_seed(seed: str, whose: str) -> None:
    fault = seed_fault(seed)
    if fault is not None:
        raise SecretError(f"{whose} {fault}")
