"""Reads the thresholds in the metadata of streams and consumers.

The keys `io.nats.monitor.*` are those of the NATS tools and are read as they read them (jsm.go, `monitor/stream.go` and
`monitor/consumer.go`). The keys `io.jetstream-exporter.*` are ours. A value of 0 or less switches a check off.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import NamedTuple

from jetstream_exporter.snapshot.rows.metadata import Threshold

NATS = "io.nats.monitor."
OURS = "io.jetstream-exporter."
MONITOR = f"{OURS}monitor"
ENABLED = f"{NATS}enabled"
LONGEST = 64  # characters of a value; none that means anything is longer

INT64, UINT64 = 2**63 - 1, 2**64 - 1
# What Go's strconv.ParseBool takes for a flag.
FLAGS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
HOUR = 3_600_000_000_000
UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5 and U+03BC, as Go
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": HOUR,
    **dict.fromkeys("dD", 24 * HOUR),
    **dict.fromkeys("wW", 7 * 24 * HOUR),
    "M": 30 * 24 * HOUR,
    **dict.fromkeys("yY", 365 * 24 * HOUR),
}
# Not anchored: what stands between two parts is skipped, as the NATS tools do ("1h 30m").
_PART = re.compile(r"([-+]?)([0-9.]+)([a-zA-Zµμ]+)")
_PARTS = re.compile(r"0|-?(?:[0-9.]+[a-zA-Zµμ]+\s*)+")
_NUMBER = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_UNSIGNED = re.compile(r"[0-9]+")
_SIGNED = re.compile(r"[+-]?[0-9]+")
_OBJECTIVE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%\s*<\s*(.+)")


def unsigned(text: str) -> int:
    """Go's strconv.ParseUint. ValueError for a sign, and above 64 bits."""
    value = int(text) if _UNSIGNED.fullmatch(text) else -1
    if not 0 <= value <= UINT64:
        raise ValueError("no unsigned number")
    return value


def signed(text: str) -> int:
    """Go's strconv.Atoi. ValueError beyond 64 bits."""
    if not _SIGNED.fullmatch(text):
        raise ValueError("no number")
    value = int(text)
    if not -INT64 - 1 <= value <= INT64:
        raise ValueError("number out of range")
    return value


def flag(text: str) -> int:
    """1 or 0. ValueError for all that is no flag to Go."""
    if text not in FLAGS:
        raise ValueError("no flag")
    return int(FLAGS[text])


def duration(text: str) -> float:
    """Seconds, from parts such as 1h30m or 1.5d. ValueError without a part, and for an unknown unit.

    The sign of the first part is the sign of all.
    """
    if text == "0":
        return 0.0
    parts = _PART.findall(text)
    if not parts:
        raise ValueError("no duration")
    nanoseconds = 0
    for _, number, unit in parts:
        if not _NUMBER.fullmatch(number) or unit not in UNITS:
            raise ValueError("no duration")
        nanoseconds += int(Fraction(number.rstrip(".")) * UNITS[unit])
        if nanoseconds > INT64:
            raise ValueError("duration out of range")
    return (-1 if parts[0][0] == "-" else 1) * nanoseconds / 1_000_000_000


def plain_duration(text: str) -> float:
    """Seconds, as `duration`, but ValueError for anything besides the parts."""
    if not _PARTS.fullmatch(text.strip()):
        raise ValueError("no plain duration")
    return duration(text.strip())


def objective(text: str) -> tuple[float, float]:
    """The share and the seconds of an objective such as `99.9% < 30s`. ValueError unless both are possible."""
    found = _OBJECTIVE.fullmatch(text.strip())
    if found is None:
        raise ValueError("no objective")
    share, limit = float(Fraction(found[1]) / 100), plain_duration(found[2])
    if not 0 < share < 1 or limit <= 0:
        raise ValueError("no possible objective")
    return share, limit


class Key(NamedTuple):
    check: str
    severity: str
    read: Callable[[str], float]


def _keys(prefix: str, **readers: Callable[[str], float]) -> dict[str, Key]:
    """The keys of these names. Their ending says the severity; one without such an ending is critical."""
    found = {}
    for word, read in readers.items():
        name = word.replace("_", "-")
        check = name.removesuffix("-critical").removesuffix("-warn")
        found[prefix + name] = Key(check, "warning" if name.endswith("-warn") else "critical", read)
    return found


STREAM_KEYS = _keys(
    NATS,
    lag_critical=unsigned,
    seen_critical=duration,
    min_sources=signed,
    max_sources=signed,
    peer_expect=signed,
    peer_lag_critical=unsigned,
    peer_seen_critical=duration,
    msgs_warn=unsigned,
    msgs_critical=unsigned,
    subjects_warn=signed,
    subjects_critical=signed,
)
CONSUMER_KEYS = {
    **_keys(
        NATS,
        outstanding_ack_critical=signed,
        waiting_critical=signed,
        unprocessed_critical=signed,
        redelivery_critical=signed,
        last_delivery_critical=duration,
        last_ack_critical=duration,
        pinned=flag,
    ),
    **_keys(OURS, lag_warn=plain_duration, lag_critical=plain_duration),
}
SLO_LAG = f"{OURS}slo-lag"


def stream_thresholds(
    metadata: Mapping[str, str],
) -> tuple[tuple[Threshold, ...], tuple[str, ...]]:
    """The thresholds of a stream, and the checks whose values cannot be read, both sorted."""
    return _read(metadata, STREAM_KEYS)


def consumer_thresholds(
    metadata: Mapping[str, str],
) -> tuple[tuple[Threshold, ...], tuple[str, ...]]:
    """The thresholds of a consumer, and the checks whose values cannot be read, both sorted."""
    found, invalid = _read(metadata, CONSUMER_KEYS)
    text = metadata.get(SLO_LAG)
    if text is None:
        return found, invalid
    try:
        share, limit = objective(_bounded(text))
    except ValueError:
        return found, tuple(sorted({*invalid, "slo-lag"}))
    slo = (Threshold("slo-lag", "none", limit), Threshold("slo-lag-ratio", "none", share))
    return tuple(sorted((*found, *slo))), invalid


def _read(
    metadata: Mapping[str, str], keys: Mapping[str, Key]
) -> tuple[tuple[Threshold, ...], tuple[str, ...]]:
    found, invalid = [], set()
    for name, key in keys.items():
        text = metadata.get(name)
        if text is None:
            continue
        try:
            value = key.read(_bounded(text))
        except ValueError:
            invalid.add(key.check)
            continue
        if value > 0:
            found.append(Threshold(key.check, key.severity, value))
    invalid |= {
        name for name, text in _flags(metadata).items() if text is not None and text not in FLAGS
    }
    return tuple(sorted(found)), tuple(sorted(invalid))


def _bounded(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError("longer than any value")
    return text


def _flags(metadata: Mapping[str, str]) -> dict[str, str | None]:
    ours = metadata.get(MONITOR)
    return {"enabled": metadata.get(ENABLED), "monitor": ours.strip() if ours else None}


def monitored(metadata: Mapping[str, str]) -> bool | None:
    """Whether the object may raise alerts, as its operator says; None where nothing is said."""
    return FLAGS.get(metadata.get(MONITOR, "").strip())
