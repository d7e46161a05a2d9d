"""The one reader of files and of environment variables that a configuration names: secrets, certificates, documents.

A file that cannot be used costs the same sentence whoever names it. Of a secret, line ends before and after it are
dropped, as editors and `echo` add one; spaces belong to it. All is read anew by each caller, so that it can be
exchanged while the exporter runs.
"""

import os
from typing import BinaryIO

import msgspec

from jetstream_exporter.config.errors import ConfigError, SecretError, Where
from jetstream_exporter.config.redaction import NOT_A_NAME, file_name, variable_name

# Bytes of a secret or a certificate; a bundle of all public authorities has a quarter.
LARGEST = 2**20
# Bytes of a file with settings; YAML becomes some forty times as much in memory.
LARGEST_DOCUMENT = 32 * 2**20

Stamp = tuple[int, ...]


class FileError(Exception):
    """A file cannot be used; the message is the end of a sentence that begins with its name."""


def read_bytes(file: str, largest: int = LARGEST) -> bytes:
    """The file's content. It is never read further than it may be large: it can be a device, or a pipe."""
    try:
        with open(file, "rb") as opened:
            return read_stream(opened, largest)
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None
    except ValueError:  # a null character
        raise FileError(NOT_A_NAME) from None


def read_stream(stream: BinaryIO, largest: int) -> bytes:
    content = stream.read(largest + 1)
    if len(content) > largest:
        raise FileError(f"is larger than {largest >> 20} MiB")
    return content


def read_text(file: str, largest: int = LARGEST) -> str:
    return as_text(read_bytes(file, largest))


def as_text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(f"is not UTF-8 text (line {line})") from None


def read_document(path: str) -> str:
    """The text of a file with settings, which the user named himself."""
    try:
        return read_text(path, LARGEST_DOCUMENT)
    except FileError as error:
        raise ConfigError(f"{path}: {error}") from None


def read_secret(file: str, place: str, *, bare: bool = True) -> str:
    """The secret in a file; `place` begins the sentence of an error, `bare` is that of `file_name`."""
    try:
        secret = read_text(file).strip("\r\n")
        if not secret:
            raise FileError("is empty")
    except FileError as error:
        raise SecretError(f"{place}: {about(file, error, bare=bare)}") from None
    return secret


def read_variable(name: str, place: str) -> str:
    """The secret in an environment variable."""
    secret = os.environ.get(name, "").strip("\r\n")
    if secret:
        return secret
    what = "is empty" if name in os.environ else "is not set"
    raise SecretError(f"{place}: the environment variable {variable_name(name)}{what}")


def secret_of(section: msgspec.Struct, kind: str, where: Where) -> str:
    """The secret that `<kind>_file` or `<kind>_env` of a section name; empty where neither is set."""
    file, variable = getattr(section, f"{kind}_file"), getattr(section, f"{kind}_env")
    if file and variable:
        raise ConfigError(f"{where('')}: {kind}_file and {kind}_env are mutually exclusive")
    if file:
        return read_secret(file, where(f"{kind}_file"))
    return read_variable(variable, where(f"{kind}_env")) if variable else ""


def check_file(file: str, place: str, *, bare: bool = True) -> None:
    """SecretError unless the file can be read, before a library reads it that names no file in its errors."""
    try:
        if not read_bytes(file):
            raise FileError("is empty")
    except FileError as error:
        raise SecretError(f"{place}: {about(file, error, bare=bare)}") from None


def about(file: str, error: FileError, *, bare: bool = True) -> str:
    """The file's name, where it may be repeated, and what is wrong with it."""
    if str(error) == NOT_A_NAME:
        return f"the value {NOT_A_NAME}"
    return f"{file_name(file, bare=bare)} {error}"


def stamp(file: str) -> Stamp | None:
    """Which file this is, None where there is none. The time alone does not say: volumes and copies keep it."""
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
