"""What the JSON Schema of the configuration says beyond types and names: of single keys, and of keys together.

A schema that refuses what the exporter accepts is worse than one that is silent, so each rule is at most as strict as
the exporter. Patterns use what ECMA 262, Go and Python read alike: the values of the chart are checked by Helm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from jetstream_exporter.config.expect import LONGEST, ExpectedAccount
from jetstream_exporter.config.exported import Labels
from jetstream_exporter.config.load import ENDPOINTS
from jetstream_exporter.config.login import LOGINS
from jetstream_exporter.config.nats import AccountApi, Advisories, System
from jetstream_exporter.config.schema import Cluster, Collect, Http, Status
from jetstream_exporter.config.shard import Shard
from jetstream_exporter.config.urls import SEVERAL
from jetstream_exporter.config.values import Duration, Pattern, Size

Json = dict[str, Any]

# Parts of a duration, the largest first. Python's \d is any digit, so it is not used here.
_PARTS = [
    *(f"([0-9]+{unit})?" for unit in "dhm"),
    r"([0-9]+(\.[0-9]+)?s)?",
    "([0-9]+ms)?",
]
_SOME = "0*[1-9][0-9]*"
# A second at least: some of a larger unit, a second, a thousand milliseconds, or fractions that may be one together.
_ONE_SECOND = (
    *((i, f"{_SOME}{unit}") for i, unit in enumerate("dhm")),
    (3, rf"{_SOME}(\.[0-9]+)?s"),
    (4, "0*[1-9][0-9]{3,}ms"),
    (4, r"0+\.[0-9]+s[0-9]+ms"),
)
_LONG = ["".join([*_PARTS[:i], some, *_PARTS[i + 1 :]]) for i, some in _ONE_SECOND]
EXAMPLES = {"examples": ["30s", "5m", "1h30m"]}

# What no reading of a regular expression accepts: in front of it there is no comment, set or group.
_PLAIN = r"^([^\\\[\]()#]|\\.)*"
_NO_REGEX = (
    "^[*+?]",  # nothing to repeat, as in a shell's pattern
    rf"{_PLAIN}\*\*",
    rf"{_PLAIN}\[[^\]]*$",  # a set without its end
    rf"{_PLAIN}\)",
    rf"{_PLAIN}\(([^\\\[\]()#]|\\.)*$",  # a group without its end
    r"^([^\\]|\\.)*\\$",
)
REGEX: Json = {"type": "string", "not": {"pattern": "|".join(_NO_REGEX)}}

# What YAML has no type for. An empty text would match the pattern of a duration; 0 needs no unit.
VALUES: dict[type, Json] = {
    Duration: {
        "anyOf": [
            {"type": "string", "minLength": 2, "pattern": f"^{''.join(_PARTS)}$"},
            {"const": 0},
        ],
        **EXAMPLES,
    },
    Size: {
        "anyOf": [
            {
                "type": "string",
                "pattern": r"^0*[1-9][0-9]*[ \t\n\r\f\v]*(B|KB|MB|GB|KiB|MiB|GiB)?$",
            },
            {"type": "integer", "minimum": 1},
        ],
        "examples": [1048576, "64KiB", "256MiB"],
    },
    Pattern: REGEX,
}

_HTTP = "[Hh][Tt][Tt][Pp][Ss]?://"
_HOST = r"(\[[^\]]*\]|[^\x00-\x24\x26-\x2c/:-@\[-^`{-\x7f]+)"  # of ASCII only what is in names
_TARGET = rf"^(srv\+)?{_HTTP}(:?@)?{_HOST}(:[^A-Za-z/?#@\s\\]*)?(/[^?#\s\\]*)?\??#?$"
_PORT = (
    "(0+|0*([7-9][0-9]{4}|6[6-9][0-9]{3}|65[6-9][0-9]{2}|655[4-9][0-9]|6553[6-9]|[1-9][0-9]{5,}))"
)
_NO_TARGET = "|".join(
    (
        SEVERAL,
        r"://\.|://[^/?#]*\.\.",  # a part of the name is empty
        f"://[^/?#]*:{_PORT}([/?#]|$)",
        r"^srv\+.{1,9}//[^/?#\[]*:[0-9]",
        f"[^/]/({'|'.join(sorted(ENDPOINTS))})/*[?#]*$",
    )
)
_USER = r"^([A-Za-z]+://)?[^/?#@]*[^/?#@:][^/?#@]*@"
_NO_URL = rf"^$|^{_HTTP}|{SEVERAL}|[\s\\]|{_USER}"
_NAME = r"[^. *\\/>\t\r\n\f]+"


def _items(**rules: Any) -> Json:
    return {"items": {"type": "string", **rules}}


# Of single keys. The lists of connections are told apart by their struct.
KEYS: Mapping[tuple[type, str], Json] = {
    (Collect, "timeout"): {
        "anyOf": [{"type": "string", "pattern": f"^({'|'.join(_LONG)})$"}],
        **EXAMPLES,
    },
    (Labels, "dead_letter"): REGEX,
    (Cluster, "targets"): _items(pattern=_TARGET, **{"not": {"pattern": _NO_TARGET}}),
    (Http, "username"): {"pattern": "^[^:]*$"},
    (Status, "dashboard_url"): {"pattern": rf"^({_HTTP}\S+)?$"},
    (ExpectedAccount, "streams"): _items(pattern=f"^{_NAME}$", maxLength=LONGEST),
    (ExpectedAccount, "consumers"): _items(pattern=f"^{_NAME}/{_NAME}$"),
    **{
        (kind, "urls"): _items(**{"not": {"pattern": _NO_URL}})
        for kind in (System, AccountApi, Advisories)
    },
}


def _set(*keys: str) -> Json:
    """One of these keys is set and not empty."""
    return {
        "anyOf": [
            {
                "required": [key],
                "properties": {
                    key: {
                        "anyOf": [
                            {"type": "string", "minLength": 1},
                            {"type": "array", "minItems": 1},
                        ]
                    }
                },
            }
            for key in keys
        ]
    }


def _requires(key: Json, other: Json) -> Json:
    return {"if": key, "then": other}


def _never(*keys: Json) -> Json:
    return {"not": {"allOf": list(keys)}}


def _together(one: str, other: str, *, unless: Iterable[str] = ()) -> list[Json]:
    where = [_set(key) for key in unless]
    return [
        _requires(_set(a), {"anyOf": [_set(b), *where]}) for a, b in ((one, other), (other, one))
    ]


_PASSWORD = [
    _never(_set("password_file"), _set("password_env")),
    _requires(_set("password_file", "password_env"), _set("username")),
    _requires(_set("username"), _set("password_file", "password_env")),
]
_CONNECTION = [
    *_PASSWORD,
    *_together("cert_file", "key_file", unless=["context"]),
    _never(_set("token_file"), _set("token_env")),
    _requires(_set("jwt_file"), _set("nkey_seed_file")),
    *(_never(_set(*one), _set(*other)) for (_, one), (_, other) in combinations(LOGINS, 2)),
]
_HAS_URL = _set("urls", "context")
_ORDINAL: Json = {"required": ["ordinal"], "properties": {"ordinal": {"type": "integer"}}}
_DIVIDED: Json = {"required": ["total"], "properties": {"total": {"type": "integer", "minimum": 2}}}

# Of keys together.
STRUCTS: Mapping[type, list[Json]] = {
    Http: [*_PASSWORD, *_together("cert_file", "key_file")],
    System: _CONNECTION,
    AccountApi: [*_CONNECTION, _HAS_URL],
    Advisories: [*_CONNECTION, _HAS_URL],
    Shard: [
        _never(_ORDINAL, _set("ordinal_env")),
        _requires(_DIVIDED, {"anyOf": [_ORDINAL, _set("ordinal_env")]}),
    ],
    Cluster: [
        {
            "anyOf": [
                _set("targets"),
                _set("accounts"),
                {"required": ["system"], "properties": {"system": _HAS_URL}},
            ]
        }
    ],
}
