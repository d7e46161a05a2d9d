"""Reads what is to be migrated, which is not trusted, and writes the result beside nothing that exists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetstream_exporter.config.secrets import FileError, read_bytes

LARGEST = 16 * 2**20
DEEPEST = 200
ENDINGS = (".json", ".yaml", ".yml")
OPEN, CLOSE = frozenset("[{"), frozenset("]}")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read. `place` is where its result goes, below the folder of all results."""

    path: Path
    place: Path


def is_folder(path: Path) -> bool:
    """False also for a name that no file can have; `read` says why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def sources(given: Sequence[str]) -> Iterator[Source]:
    """The files that are named, and those in the folders that are: by name, links among them left alone."""
    for name in given:
        path = Path(name)
        if is_folder(path):
            found = sorted(each for each in path.rglob("*") if each.suffix.lower() in ENDINGS)
            for each in found:
                inner = each.relative_to(path)
                hidden = any(part.startswith(".") for part in inner.parts)
                if not hidden and not each.is_dir():
                    yield Source(each, inner)
        else:
            yield Source(path, Path(path.name))


def read(path: Path) -> str:
    """The text. FileError where there is none that can be used."""
    try:
        if path.is_symlink() and not path.exists():
            raise FileError("is a broken symbolic link")
        if not path.is_file():
            raise FileError(
                "is not a regular file" if path.exists() else "there is no such file or folder"
            )
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None
    content = read_bytes(str(path), LARGEST)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(f"line {line} is not text in UTF-8") from None


def load_json(text: str) -> Any:
    check_depth(text)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise FileError(f"line {error.lineno} is not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"is not JSON: {error}") from None


def check_depth(text: str) -> None:
    """Before a recursive reader sees it. Brackets in strings count as well, which few texts have that many of."""
    depth = 0
    for each in text:
        if each in OPEN:
            depth += 1
            if depth > DEEPEST:
                raise FileError(f"is nested deeper than {DEEPEST} levels")
        elif each in CLOSE:
            depth = max(0, depth - 1)


def target(source: Source, folder: Path) -> Path:
    """Where the result may be written. FileError where something is there, the input first of all."""
    path = folder / source.place
    if path.resolve() == source.path.resolve():
        raise FileError(f"is in {folder} itself and would be overwritten")
    if path.exists() or path.is_symlink():
        raise FileError(f"{path} exists already and is not overwritten")
    return path


def write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Half of a surrogate pair can stand in JSON as an escape only.
        content = text.encode("utf-8", "backslashreplace")
        with path.open("xb") as opened:  # x: somebody may have been faster
            opened.write(content)
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}") from None
