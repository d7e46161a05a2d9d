"""The configuration file as a JSON Schema, for editors and for the values of the chart; made from the structs."""

from __future__ import annotations

import msgspec
from msgspec import inspect

from jetstream_exporter.config.json_rules import KEYS, STRUCTS, VALUES, Json
from jetstream_exporter.config.schema import Config

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "Configuration of jetstream-exporter"


def schema(kind: type[msgspec.Struct] = Config) -> Json:
    """Every key with its description, and no other key. Defaults are in the reference of the configuration."""
    definitions: dict[str, Json] = {}
    top = _of(inspect.type_info(kind), definitions)
    name = top["$ref"].rpartition("/")[2]
    return {
        "$schema": DRAFT,
        "title": TITLE,
        **definitions.pop(name),
        "$defs": dict(sorted(definitions.items())),
    }


def _of(node: inspect.Type, definitions: dict[str, Json]) -> Json:
    match node:
        case inspect.Metadata():
            found = _of(node.type, definitions)
            return {**found, **(node.extra_json_schema or {})}
        case inspect.StructType():
            return _of_struct(node, definitions)
        case inspect.ListType() | inspect.DictType() | inspect.UnionType():
            return _of_container(node, definitions)
        case inspect.CustomType():
            return dict(VALUES[node.cls])
        case _:
            return _of_scalar(node)


def _of_container(
    node: inspect.ListType | inspect.DictType | inspect.UnionType, definitions: dict[str, Json]
) -> Json:
    match node:
        case inspect.ListType():
            return {"type": "array", "items": _of(node.item_type, definitions)}
        case inspect.DictType():
            values = _of(node.value_type, definitions)
            return {"type": "object", "additionalProperties": values}
        case inspect.UnionType():
            return {"anyOf": [_of(each, definitions) for each in node.types]}


def _of_struct(node: inspect.StructType, definitions: dict[str, Json]) -> Json:
    name = node.cls.__name__
    if name not in definitions:
        definitions[name] = {}  # a struct may hold itself
        fields = {
            each.encode_name: _of(each.type, definitions) | KEYS.get((node.cls, each.name), {})
            for each in node.fields
        }
        rules = STRUCTS.get(node.cls)
        required = [each.encode_name for each in node.fields if each.required]
        definitions[name] = {
            "type": "object",
            "description": " ".join((node.cls.__doc__ or "").split()),
            "properties": fields,
            "additionalProperties": False,
            **({"required": required} if required else {}),
            **({"allOf": rules} if rules else {}),
        }
    return {"$ref": f"#/$defs/{name}"}


def _of_scalar(node: inspect.Type) -> Json:
    match node:
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.IntType():
            return _without_none({"type": "integer", "minimum": node.ge, "maximum": node.le})
        case inspect.FloatType():
            return _without_none({"type": "number", "minimum": node.ge, "maximum": node.le})
        case inspect.StrType():
            return _without_none({"type": "string", "pattern": node.pattern})
        case inspect.LiteralType():
            return {"enum": list(node.values)}
        case inspect.NoneType():
            return {"type": "null"}
        case _:
            raise NotImplementedError(type(node).__name__)


def _without_none(found: Json) -> Json:
    return {key: value for key, value in found.items() if value is not None}
