"""From YAML text to a struct, or to one sentence that names the file, the line and the key, and what is allowed."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from jetstream_exporter.config.errors import ConfigError
from jetstream_exporter.config.hints import did_you_mean, did_you_mean_elsewhere
from jetstream_exporter.config.values import read_value
from jetstream_exporter.config.yaml_tree import YAML_KINDS, KeyPath, Locator, read_yaml, steps

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)

Section = TypeVar("Section", bound=msgspec.Struct)


def decode(text: str, name: str, kind: type[Section]) -> tuple[Section, Locator]:
    """Decode a file's text; `name` is what sentences call the file."""
    data, locator = read_yaml(text, name)
    try:
        value = msgspec.convert(
            {} if data is None else data, kind, dec_hook=read_value, strict=True
        )
    except msgspec.ValidationError as error:
        raise ConfigError(_sentence(str(error), locator, kind)) from None
    return value, locator


def _sentence(message: str, locator: Locator, kind: Any) -> str:
    """msgspec's message with the file's line, and with the keys that are allowed."""
    match = _PLACE.match(message)
    what = match["what"] if match else message
    written = (match["path"] if match else None) or "$"
    # msgspec does not say which key it is of a mapping with free keys, so the path ends there.
    path = steps(written.removeprefix("$").split("[...]", maxsplit=1)[0])
    unknown = re.fullmatch(r"Object contains unknown field `(?P<key>.*)`", what, re.DOTALL)
    if unknown:
        key, allowed = unknown["key"], allowed_keys(kind, path)
        hint = did_you_mean(key, allowed) or did_you_mean_elsewhere(key, key_places(kind))
        place = locator.place((*path, key))
        return f"{place}: unknown key; allowed here: {', '.join(allowed)}{hint}"
    return f"{locator.place(path)}: {_plain_english(what)}{_choices(kind, path, what)}"


def _plain_english(what: str) -> str:
    kinds = re.compile(r"`([a-z]+)(?: \| null)?`")
    what = kinds.sub(lambda match: YAML_KINDS.get(match[1], match[0]), what)
    what = what.replace(">= 0", "that is not negative").replace("<= ", "of at most ")
    what = what.replace("Invalid enum value", "unknown value")
    return what[0].lower() + what[1:]


def _choices(kind: Any, path: KeyPath, what: str) -> str:
    if not what.startswith("Invalid enum value"):
        return ""
    choices = get_args(_kind_at(kind, path))
    return f"; allowed here: {', '.join(str(choice) for choice in choices)}"


def allowed_keys(kind: Any, path: KeyPath) -> list[str]:
    """The keys of the mapping at this place of the schema."""
    return [field.name for field in msgspec.structs.fields(_kind_at(kind, path))]


def key_places(kind: Any, above: str = "") -> Iterator[str]:
    """Every key of the schema with its place: `clusters[].targets`."""
    for field in msgspec.structs.fields(kind):
        place = f"{above}{field.name}"
        yield place
        inner = _bare(field.type)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            below = "[]." if _is_list(field.type) else "."
            yield from key_places(inner, f"{place}{below}")


def _is_list(kind: Any) -> bool:
    return get_origin(kind.__origin__ if hasattr(kind, "__metadata__") else kind) is list


def _kind_at(kind: Any, path: KeyPath) -> Any:
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
