"""From YAML text to a struct, or to one sentence that names the file, the line and the key, and what is allowed."""

import pathlib
import re
from typing import Any, TypeVar, get_args

import msgspec
import yaml

from jetstream_exporter.config.values import read_value

_KINDS = {
    "array": "a list",
    "object": "a mapping",
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "null": "nothing",
}
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]|\[\.\.\.\]")

Path = tuple[str | int, ...]
Part = TypeVar("Part", bound=msgspec.Struct)


class ConfigError(Exception):
    """The configuration is wrong, in one sentence that names the place. Exit code 2."""


def decode(text: str, name: str, kind: type[Part]) -> "tuple[Part, Locator]":
    """Decode a file's text; `name` is what sentences call the file."""
    tree = _tree(text, name)
    try:
        data = {} if tree is None else _plain(tree, name)
        value = msgspec.convert(data, kind, dec_hook=read_value, strict=True)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: is not plain YAML: {error.problem}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(_sentence(str(error), Locator(tree, name), kind)) from None
    return value, Locator(tree, name)


def read_text(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start})") from None


def _tree(text: str, name: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: is not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: is not YAML: {' '.join(str(error).split())}") from None


def _plain(node: yaml.Node, name: str, inside: tuple[int, ...] = ()) -> Any:
    """The node's value. Keys that stand twice are refused: YAML keeps the last, silently."""
    if id(node) in inside:
        raise ConfigError(f"{name}:{node.start_mark.line + 1}: an alias refers to itself")
    inside = (*inside, id(node))
    if isinstance(node, yaml.MappingNode):
        data = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{name}:{line}: a key must be a word")
            if key.value in data:
                raise ConfigError(f"{name}:{line}: the key {key.value!r} stands twice")
            data[key.value] = _plain(value, name, inside)
        return data
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, name, inside) for item in node.value]
    return yaml.SafeLoader("").construct_object(node)


class Locator:
    """Finds the line of a path of keys in the file."""

    def __init__(self, tree: yaml.Node | None, name: str) -> None:
        self._tree = tree
        self._name = name

    def error(self, path: Path, what: str) -> ConfigError:
        return ConfigError(f"{self.place(path)}: {what}")

    def place(self, path: Path) -> str:
        line = _line(self._tree, path)
        dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        where = f"{self._name}:{line}" if line else self._name
        return f"{where}: {dotted.removeprefix('.')}" if dotted else where


def _line(node: yaml.Node | None, path: Path) -> int | None:
    line = node.start_mark.line + 1 if node is not None else None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                return line
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value)
        ):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def _sentence(message: str, locator: Locator, kind: Any) -> str:
    """msgspec's message with the file's line, and with the keys that are allowed."""
    match = _PLACE.match(message)
    what = match["what"] if match else message
    path = _steps((match["path"] if match else None) or "$")
    unknown = re.fullmatch(r"Object contains unknown field `(?P<key>.*)`", what, re.DOTALL)
    if unknown:
        allowed = ", ".join(allowed_keys(kind, path))
        return f"{locator.place((*path, unknown['key']))}: unknown key; allowed here: {allowed}"
    return f"{locator.place(path)}: {_plain_words(what)}{_choices(kind, path, what)}"


def _plain_words(what: str) -> str:
    for name, words in _KINDS.items():
        what = what.replace(f"`{name}`", words)
    return what[0].lower() + what[1:]


def _choices(kind: Any, path: Path, what: str) -> str:
    if not what.startswith("Invalid enum value"):
        return ""
    choices = get_args(_kind_at(kind, path))
    return f"; allowed here: {', '.join(str(choice) for choice in choices)}"


def _steps(path: str) -> Path:
    steps: list[str | int] = []
    for key, index in _STEP.findall(path):
        steps.append(key or (int(index) if index else -1))
    return tuple(steps)


def allowed_keys(kind: Any, path: Path) -> list[str]:
    """The keys of the mapping at this place of the schema."""
    return [field.name for field in msgspec.structs.fields(_kind_at(kind, path))]


def _kind_at(kind: Any, path: Path) -> Any:
    for step in path:
        if isinstance(step, str):
            fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
            kind = _bare(fields[step])
    return kind


def _bare(kind: Any) -> Any:
    """The struct inside Annotated[...] and list[...]."""
    while hasattr(kind, "__metadata__") or getattr(kind, "__origin__", None) is list:
        kind = kind.__origin__ if hasattr(kind, "__metadata__") else kind.__args__[0]
    return kind
