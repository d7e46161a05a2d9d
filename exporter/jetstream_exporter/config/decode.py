"""From YAML text to a struct, or to one sentence that names the file, the line and the key, and what is allowed."""

import pathlib
import re
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

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
# What may stand in the file. YAML's dates are strings here, and what makes objects of other kinds is refused.
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str"))
_DATE = "tag:yaml.org,2002:timestamp"
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")

_INSIDE = object()  # stands for a value that is being read
_TAGGED = "has a tag; plain mappings, lists, strings, numbers, true and false are allowed"

Path = tuple[str | int, ...]
Part = TypeVar("Part", bound=msgspec.Struct)


class ConfigError(Exception):
    """The configuration is wrong; the message is one sentence that names the place. Exit code 2."""


def decode(text: str, name: str, kind: type[Part]) -> "tuple[Part, Locator]":
    """Decode a file's text; `name` is what sentences call the file."""
    try:
        tree = _tree(text, name)
        data = {} if tree is None else _plain(tree, name, {})
    except RecursionError:
        raise ConfigError(f"{name}: is nested too deeply") from None
    try:
        value = msgspec.convert(
            {} if data is None else data, kind, dec_hook=read_value, strict=True
        )
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
        raise ConfigError(f"{name}{line}: is not YAML: {_problem(error)}") from None
    except yaml.reader.ReaderError as error:
        what = f"the character {error.character!r} is not allowed in it (at {error.position})"
        raise ConfigError(f"{name}: is not text: {what}") from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    """The parser's message without text from the file, since a password may begin with `*` or `&`."""
    problem = error.problem or error.context or "it ends too early"
    if problem.startswith("found undefined alias"):
        return "an alias without its anchor; put quotes around a value that begins with *"
    if problem.startswith("found undefined tag handle"):
        return "an unknown tag"
    if problem.startswith("but found another document"):
        return "it holds two documents"
    return problem.split(";")[0]


def _plain(node: yaml.Node, name: str, seen: dict[int, Any]) -> Any:
    """The node's value. Duplicate keys are refused; YAML would silently keep the last.

    What an alias repeats is read once, since ten lines of aliases can expand to a billion values.
    """
    line = node.start_mark.line + 1
    if id(node) in seen:
        if seen[id(node)] is _INSIDE:
            raise ConfigError(f"{name}:{line}: an alias refers to itself")
        return seen[id(node)]
    seen[id(node)] = _INSIDE
    if isinstance(node, yaml.ScalarNode):
        value: Any = _scalar(node, name)
    elif node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
        raise ConfigError(f"{name}:{line}: {_TAGGED}")
    elif isinstance(node, yaml.MappingNode):
        value = _mapping(node, name, seen)
    else:
        value = [_plain(item, name, seen) for item in node.value]
    seen[id(node)] = value
    return value


def _mapping(node: yaml.MappingNode, name: str, seen: dict[int, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{name}:{line}: a key must be a word")
        if key.value in data:
            raise ConfigError(f"{name}:{line}: the key {key.value!r} stands twice")
        data[key.value] = _plain(value, name, seen)
    return data


def _scalar(node: yaml.ScalarNode, name: str) -> Any:
    if node.tag == _DATE:
        return node.value
    place = f"{name}:{node.start_mark.line + 1}"
    if node.tag not in _TAGS:
        raise ConfigError(f"{place}: {_TAGGED}")
    try:
        value = yaml.SafeLoader("").construct_object(node)
    except (ValueError, KeyError):
        kind = _KINDS[node.tag.removeprefix("tag:yaml.org,2002:")]
        raise ConfigError(f"{place}: is not {kind} that can be read") from None
    if isinstance(value, str) and "\0" in value:
        raise ConfigError(f"{place}: holds a null character, which nothing here may")
    return value


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
        dotted = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in dotted)
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
    kinds = re.compile(r"`([a-z]+)(?: \| null)?`")
    what = kinds.sub(lambda match: _KINDS.get(match[1], match[0]), what)
    what = what.replace(">= 0", "that is not negative").replace(
        "Invalid enum value", "unknown value"
    )
    return what[0].lower() + what[1:]


def _choices(kind: Any, path: Path, what: str) -> str:
    if not what.startswith("Invalid enum value"):
        return ""
    choices = get_args(_kind_at(kind, path))
    return f"; allowed here: {', '.join(str(choice) for choice in choices)}"


def _steps(path: str) -> Path:
    """msgspec's path; of a mapping with free keys it does not say which, so the path ends there."""
    steps: list[str | int] = []
    for key, index in _STEP.findall(path.split("[...]", maxsplit=1)[0]):
        steps.append(key or int(index))
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
    """The struct or the choices inside Annotated[...], list[...] and ... | None."""
    while True:
        if hasattr(kind, "__metadata__"):
            kind = kind.__origin__
        elif get_origin(kind) in (list, UnionType, Union):
            kind = get_args(kind)[0]
        else:
            return kind
