"""Answers of the right shape with unlikely contents, made of the types that read them. Mutations seldom find those."""

import types
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from jetstream_exporter import wire

NUMBERS = st.sampled_from(
    [0, 1, -1, 5, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63)]
)
NAMES = st.sampled_from(
    ["", "n1", "n2", "C", "S", "c", "$G", "KV_b", "$MQTT_x", "x" * 256, 'a"\n\\', "é"]
)
MOMENTS = st.sampled_from(
    [
        "0001-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.999999999+14:00",
        "9999-12-31T23:59:59.999999999-14:00",
    ]
)
ODD: st.SearchStrategy[Any] = st.sampled_from([None, True, [], {}, "", 1e308, -1, "x" * 257])
FEW = 3  # items of a list
KINDS: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "monitoring": (wire.Varz, wire.Jsz, wire.Healthz),
    "system": (wire.JszAnswer, wire.VarzAnswer),
    "account": (
        wire.ApiStreams,
        wire.ApiConsumers,
        wire.AccountInfo,
        wire.ApiStream,
        wire.ApiConsumer,
    ),
    "events": (wire.Advisory,),
    "info": (wire.ServerInfo,),
}


def bodies(target: str) -> st.SearchStrategy[bytes]:
    """What one of the target's kinds of answer may look like."""
    return st.one_of([_values(kind) for kind in KINDS[target]]).map(msgspec.json.encode)


@cache
def _values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type as JSON has them; one in some is of another type."""
    return st.one_of(_right(kind), _right(kind), _right(kind), _right(kind), ODD)


def _right(kind: Any) -> st.SearchStrategy[Any]:
    if get_origin(kind) is Annotated or hasattr(kind, "__metadata__"):
        return _right(kind.__origin__)
    if get_origin(kind) in (Union, types.UnionType):
        return st.one_of([_right(each) for each in get_args(kind)])
    if get_origin(kind) in (list, tuple):
        return st.lists(_values(get_args(kind)[0]), max_size=FEW)
    if get_origin(kind) is dict:
        return st.dictionaries(NAMES, _values(get_args(kind)[1]), max_size=FEW)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _objects(kind)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        int: NUMBERS,
        float: st.sampled_from([0.0, -1.5, 1e308]),
        str: NAMES,
        bool: st.booleans(),
        datetime: MOMENTS,
        type(None): st.none(),
    }
    return plain[kind]


@cache
def _objects(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """Most fields, with names that several objects share: only what belongs together leads far."""
    fields = [field for field in msgspec.structs.fields(kind) if field.encode_name]
    needed = {
        f.encode_name: _right(f.type) for f in fields if f.encode_name in ("name", "server_id")
    }
    rest = {f.encode_name: _values(f.type) for f in fields if f.encode_name not in needed}
    return st.fixed_dictionaries(needed, optional=rest)
