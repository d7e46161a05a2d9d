"""Numbers from 2^63 to 2^64-1, which msgspec cannot bound: taken out of what was decoded, and put in afterwards."""

from typing import Any, get_args

import msgspec

from jetstream_exporter.wire import UINT64, Wire
from jetstream_exporter.wire.part import INT64, Unsigned

Path = tuple[str | int, ...]  # fields and places in lists, from the answer on
WideNumber = tuple[Path, int]


def narrowed(data: Any, path: Path, wide: list[WideNumber]) -> Any:
    """What was decoded with 0 in place of each such number, which is added to `wide`."""
    match data:
        case dict():
            return {key: narrowed(value, (*path, key), wide) for key, value in data.items()}
        case list():
            return [narrowed(value, (*path, i), wide) for i, value in enumerate(data)]
        case int() if INT64 < data <= UINT64:
            wide.append((path, data))
            return 0
        case _:
            return data


def put(answer: Any, path: Path, number: int) -> bool:
    """Set a field by its path in the answer, unless nobody reads it there. False if it takes no such number."""
    kind: Any = type(answer)
    holder = answer
    name = ""
    for step in path:
        if isinstance(step, int):
            holder = holder[step] if name == "" else getattr(holder, name)[step]
            kind, name = type(holder), ""
            continue
        if name:
            holder, name = getattr(holder, name), ""
        if not isinstance(holder, Wire):
            return True
        fields = {field.encode_name: field for field in msgspec.structs.fields(holder)}
        if step not in fields:
            return True
        kind, name = fields[step].type, fields[step].name
    if not name or not (kind == Unsigned or Unsigned in get_args(kind) or kind is int):
        return False
    setattr(holder, name, number)
    return True
