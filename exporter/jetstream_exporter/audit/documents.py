"""Reads YAML as Kubernetes does. The YAML is not trusted: an error in it is one sentence that names its place."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

from jetstream_exporter.config.secrets import (
    LARGEST_DOCUMENT,
    FileError,
    as_text,
    read_stream,
    read_text,
)

STDIN = "-"
# As many nodes may aliases stand for; kubectl, too, refuses a document that is mostly aliases.
MOST_ALIASED = 100_000

# What YAML 1.1 sees more in than a string, and Kubernetes does not.
STRINGS = ("value", "timestamp")

Document = Mapping[str, Any]


class ManifestError(Exception):
    """What was given is not manifests; one sentence."""


def read(paths: Sequence[str]) -> Iterator[tuple[str, Document]]:
    """Every object of these files and folders, with the file it stands in."""
    for path in paths:
        for file in _files(path):
            name = "standard input" if file == STDIN else file
            for document in parse(_text(file, name), name):
                yield name, document


def _files(path: str) -> list[str]:
    place = Path(path)
    if path == STDIN or (place.exists() and not place.is_dir()):  # it may be a pipe of the shell
        return [path]
    if not place.exists():
        raise ManifestError(f"{path}: no such file or directory")
    found = sorted(
        file
        for ending in ("*.yaml", "*.yml")
        for file in place.rglob(ending)
        if _is_file(file) and not _hidden(file, place)
    )
    if not found:
        raise ManifestError(f"{path}: the directory contains no *.yaml or *.yml file")
    return [str(file) for file in found]


def _is_file(file: Path) -> bool:
    """Not a folder and not a pipe. A broken link counts, so that reading it reports the error."""
    return file.is_file() or (file.is_symlink() and not file.exists())


def _hidden(file: Path, folder: Path) -> bool:
    """Below a folder like .git or .venv, or like the ..data of a mounted ConfigMap, whose files stand beside it."""
    return any(part.startswith(".") for part in file.relative_to(folder).parts[:-1])


def _text(file: str, name: str) -> str:
    try:
        if file == STDIN:
            return as_text(read_stream(sys.stdin.buffer, LARGEST_DOCUMENT))
        return read_text(file, LARGEST_DOCUMENT)
    except FileError as error:
        raise ManifestError(f"{name}: {error}") from None


def parse(text: str, file: str) -> Iterator[Document]:
    """The objects of a text, those of a List among them; documents that are no objects are passed over."""
    for document in _documents(text, file):
        if isinstance(document, Mapping) and document.get("kind") == "List":
            yield from _items(document)
        elif isinstance(document, Mapping) and "kind" in document:
            yield document


def _items(document: Document) -> list[Document]:
    items = document.get("items")
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _documents(text: str, file: str) -> list[Any]:
    try:
        return list(yaml.load_all(text, _Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(
            error, "reason", "the document cannot be read"
        )
    except RecursionError:
        line, problem = "", "the document is nested too deeply"
    hint = "; render templates first (helm template)" if "{{" in text else ""
    raise ManifestError(f"{file}{line}: not valid Kubernetes YAML: {problem}{hint}")


def loader(base: Any) -> Any:
    """A loader: safe, a bare = and a date are strings as they are to Kubernetes, and aliases are few."""

    class Loader(base):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {
            key: [(tag, regex) for tag, regex in resolvers if tag.rpartition(":")[2] not in STRINGS]
            for key, resolvers in base.yaml_implicit_resolvers.items()
        }

        def construct_document(self, node: yaml.Node) -> Any:
            _check_aliases(node)
            return super().construct_document(node)

        def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep)
            except (ValueError, KeyError):  # a number of 5000 digits, `!!bool maybe`
                problem = f"{str(node.value)[:40]!r} is not a valid {node.tag.rpartition(':')[2]}"
                raise _refusal(problem, node) from None

    return Loader


def _check_aliases(document: yaml.Node) -> None:
    """Refuse a document that contains itself, or that is much larger with every alias written out."""
    weights: dict[
        int, int
    ] = {}  # nodes below and with each, by identity; 0 while it is not known yet
    if _weigh(document, weights) - len(weights) > MOST_ALIASED:
        raise _refusal(f"the aliases expand to more than {MOST_ALIASED} nodes", document)


def _weigh(node: yaml.Node, weights: dict[int, int]) -> int:
    known = weights.get(id(node))
    if known == 0:
        raise _refusal("an alias refers to a node that contains it", node)
    if known is None:
        weights[id(node)] = 0
        weights[id(node)] = known = 1 + sum(_weigh(below, weights) for below in _below(node))
    return known


def _below(node: yaml.Node) -> Iterable[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return (part for pair in node.value for part in pair)
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _refusal(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


# libyaml's, where there is one: ten times as fast.
_Loader = loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
