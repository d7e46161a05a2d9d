"""Changes what is well formed into what is not, and what is likely into what is not."""

import random
import re
from collections.abc import Callable

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?|true|false|null')
ODD = [
    b"-1",
    b"0",
    b"1e400",
    b"-1e400",
    b"1.5",
    b"9" * 400,
    b"-" + b"9" * 400,
    b"9" * 5000,
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551615",
    b"18446744073709551616",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b'""',
    b'"\\ud800"',
    b'"\\u0000"',
    b'"\\n\\"\\\\"',
    b'"' + b"x" * 300 + b'"',
    b'"0001-01-01T00:00:00Z"',
    b'"0001-01-01T00:00:00+14:00"',
    b'"9999-12-31T23:59:59.999999999-14:00"',
    b'"2026-01-01T00:00:00"',
    b'"\xff"',
    b"[" * 3000,
    b'{"a":' * 3000,
]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The data with one to six changes."""
    for _ in range(rng.randint(1, 6)):
        data = rng.choice(CHANGES)(data, rng)
    return data


def _replace_token(data: bytes, rng: random.Random) -> bytes:
    tokens = list(TOKEN.finditer(data))
    if not tokens:
        return data
    token = rng.choice(tokens)
    new = rng.choice(ODD) if rng.random() < 0.7 else rng.choice(tokens)[0]
    return data[: token.start()] + new + data[token.end() :]


def _flip(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return bytes([rng.randrange(256)])
    i = rng.randrange(len(data))
    return data[:i] + bytes([data[i] ^ (1 << rng.randrange(8))]) + data[i + 1 :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    i, j = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    return data[:i] + data[j:] if rng.random() < 0.5 else data[:j]


def _double(data: bytes, rng: random.Random) -> bytes:
    i, j = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    return data[:j] + data[i:j] + data[j:] if len(data) < 200_000 else data


def _insert(data: bytes, rng: random.Random) -> bytes:
    i = rng.randint(0, len(data))
    return data[:i] + rng.choice(ODD) + data[i:]


Change = Callable[[bytes, random.Random], bytes]
CHANGES: list[Change] = [*[_replace_token] * 6, _flip, _cut, _double, _insert]
