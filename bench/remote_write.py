"""Prometheus' remote-write protocol 1.0, as far as writing samples needs it."""

from __future__ import annotations

import struct
import urllib.request
from collections.abc import Iterable


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def snappy(data: bytes) -> bytes:
    """Snappy's block format, with everything as literals."""
    out = bytearray(varint(len(data)))
    for start in range(0, len(data), 1 << 16):
        piece = data[start : start + (1 << 16)]
        out += b"\xf4" + struct.pack("<H", len(piece) - 1) + piece
    return bytes(out)


def samples(values: Iterable[float], start: int, spacing: int) -> bytes:
    """The samples of one series: field 2 of the message TimeSeries. Times are in seconds."""
    return b"".join(
        field(
            2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint((start + spacing * n) * 1000)
        )
        for n, value in enumerate(values)
    )


def labels(pairs: dict[str, str]) -> bytes:
    """The labels of one series: field 1 of the message TimeSeries."""
    return b"".join(
        field(1, field(1, name.encode()) + field(2, value.encode()))
        for name, value in sorted(pairs.items())
    )


def post(url: str, body: bytes) -> None:
    headers = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    request = urllib.request.Request(f"{url}/api/v1/write", body, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        answer.read()
