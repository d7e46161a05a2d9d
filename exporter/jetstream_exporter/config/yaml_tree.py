"""From YAML text to plain values, with the line of each. Whatever could be read in two ways is refused."""

import re
from typing import Any

import yaml

from jetstream_exporter.config.errors import ConfigError, Where
from jetstream_exporter.runtime.terminal import one_line

YAML_KINDS = {
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
_STEP = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]")

_HALF = re.compile("[\ud800-\udfff]")
_INSIDE = object()  # stands for a value that is being read
_TAGGED = "YAML tags are not supported; use mappings, lists, strings, numbers, true or false"

KeyPath = tuple[str | int, ...]


def read_yaml(text: str, name: str) -> "tuple[Any, Locator]":
    """The values of a file's text, None where it is empty; `name` is what sentences call the file."""
    try:
        tree = _tree(text, name)
        return (None if tree is None else _plain(tree, name, {})), Locator(tree, name)
    except RecursionError:
        raise ConfigError(f"{name}: is nested too deeply") from None


def steps(path: str) -> KeyPath:
    """The steps of a path as it is written: `system.urls[0]`."""
    return tuple(key or int(index) for key, index in _STEP.findall(path))


def _tree(text: str, name: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        if error.problem and error.problem.startswith("but found another document"):
            raise ConfigError(_two_documents(error, name)) from None
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{name}{line}: is not YAML: {_problem(error)}") from None
    except yaml.reader.ReaderError as error:
        what = f"the character {error.character!r} is not allowed in it (at {error.position})"
        raise ConfigError(f"{name}: is not text: {what}") from None


def _two_documents(error: yaml.MarkedYAMLError, name: str) -> str:
    line = error.problem_mark.line + 1 if error.problem_mark else 1
    what = "a second YAML document starts here; the file must contain only one"
    return f"{name}:{line}: {what}"


def _problem(error: yaml.MarkedYAMLError) -> str:
    """The parser's message without text from the file, since a password may begin with `*` or `&`."""
    problem = error.problem or error.context or "the text ends unexpectedly"
    if problem.startswith("found undefined alias"):
        return "an alias without its anchor; put quotes around a value that begins with *"
    if problem.startswith("found undefined tag handle"):
        return "an unknown tag"
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
            raise ConfigError(f"{name}:{line}: keys must be scalars")
        _check_text(key.value, f"{name}:{line}")
        if key.value in data:
            raise ConfigError(f"{name}:{line}: duplicate key {key.value!r}; remove one of them")
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
        kind = YAML_KINDS[node.tag.removeprefix("tag:yaml.org,2002:")]
        raise ConfigError(f"{place}: cannot be read as {kind}") from None
    if isinstance(value, str):
        _check_text(value, place)
    return value


def _check_text(text: str, place: str) -> None:
    """Escapes in quotes can make what no file and no server can be called."""
    if "\0" in text:
        raise ConfigError(f"{place}: contains a null character, which is not allowed")
    if not text.isascii() and _HALF.search(text):
        raise ConfigError(f"{place}: contains half of a surrogate pair, which is not a character")


class Locator:
    """Finds the line of a path of keys in the file."""

    def __init__(self, tree: yaml.Node | None, name: str) -> None:
        self._tree = tree
        self._name = name

    def error(self, path: KeyPath, what: str) -> ConfigError:
        return ConfigError(f"{self.place(path)}: {what}")

    def holds(self, key: str) -> bool:
        """Whether the file has this key at its top, with a value or without one."""
        pairs = self._tree.value if isinstance(self._tree, yaml.MappingNode) else []
        return any(name.value == key for name, _ in pairs)

    def where(self, path: KeyPath) -> Where:
        """The places in the section at this path, with the lines of its keys."""
        return lambda key: self.place((*path, *steps(key)))

    def place(self, path: KeyPath) -> str:
        line = _line(self._tree, path)
        dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        dotted = one_line(dotted)
        where = f"{self._name}:{line}" if line else self._name
        return f"{where}: {dotted.removeprefix('.')}" if dotted else where


def _line(node: yaml.Node | None, path: KeyPath) -> int | None:
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
