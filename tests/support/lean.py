"""Promtool's input as the lean profile would export it: the series that it leaves out, and samples where it has none.

The steps of one consumer's series stand for the rows of a snapshot, and the profile's own conditions choose among them.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from tests.support.rules import duration

from jetstream_exporter.metrics import TABLES
from jetstream_exporter.metrics.lean import CONDITIONS, chosen_of
from jetstream_exporter.snapshot import Consumer, Snapshot
from jetstream_exporter.snapshot.incarnation import Incarnation
from jetstream_exporter.snapshot.rows import ConsumerSettings, Raft
from jetstream_exporter.snapshot.rows.metadata import NO_METADATA, ObjectMetadata, Threshold
from jetstream_exporter.state.deliveries import RecentDeliveries
from jetstream_exporter.state.object_state import LATELY

Body = dict[str, Any]
Sample = float | str | None  # a string is one that promtool knows, such as stale
Samples = list[Sample]
PIECE = re.compile(r"(?P<value>[^x]+?)(?:(?P<step>[+-][^x+-]+))?(?:x(?P<times>\d+))?")
SERIES = re.compile(r"(?P<name>[^{]+)(?:\{(?P<labels>.*)\})?")
LABEL = re.compile(r'(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"')
OF_FAMILY = {
    "server",
    "check",
    "severity",
    "group",
}  # labels that some families have besides the consumer's own
PREFIX = "jetstream_consumer_"
LEFT_OUT = frozenset(
    family.name for table in TABLES for family in table.families if not family.in_lean
)


def lean_case(case: Body) -> Body:
    """The case with the input of the profile."""
    kept = [one for one in case["input_series"] if _name(one) not in LEFT_OUT]
    by_consumer: dict[frozenset[tuple[str, str]], dict[str, Samples]] = {}
    for one in kept:
        if _name(one).startswith(PREFIX):
            found = by_consumer.setdefault(_consumer(one), {})
            found.setdefault(_name(one), samples(str(one["values"])))
    step = duration(case["interval"])
    chosen = {key: dict(_chosen(found, step)) for key, found in by_consumer.items()}
    return {**case, "input_series": [_thinned(one, chosen) for one in kept]}


def _thinned(one: Body, chosen: dict[Any, dict[str, list[Any]]]) -> Body:
    choice = chosen.get(_consumer(one), {}).get(_name(one))
    if choice is None:
        return one
    found = samples(str(one["values"]))
    kept = [value if keep else None for value, keep in zip(found, choice, strict=False)]
    return one if kept == found else {**one, "values": _text(kept)}


def _chosen(found: dict[str, Samples], step: float) -> Iterator[tuple[str, list[Any]]]:
    """Of each of a consumer's families, at which steps the profile has a sample."""
    rows = _rows({name.removeprefix(PREFIX): values for name, values in found.items()}, step)
    recent = {row.key for row in _delivered_lately(rows, step)}
    for name in found:
        if name in CONDITIONS:
            yield name, chosen_of(CONDITIONS[name], rows, recent)


def _delivered_lately(rows: list[Consumer], step: float) -> Iterator[Consumer]:
    """Those of the steps at which the consumer counts as one to which something was delivered."""
    state = RecentDeliveries()
    for place, row in enumerate(rows):
        one = msgspec.structs.replace(row, key=("", "", "", ""))
        if state.annotate(Snapshot(consumers=[one]), place * step).delivered_lately:
            yield row


def _rows(found: dict[str, Samples], step: float) -> list[Consumer]:
    count = max(map(len, found.values()))

    def values(name: str) -> list[float | None]:
        return _values(found.get(name, []), count)

    def flags(name: str) -> list[bool | None]:
        return [None if value is None else value == 1 for value in values(name)]

    metadata = NO_METADATA
    if "threshold" in found:
        metadata = ObjectMetadata(thresholds=(Threshold("waiting", "critical", 1.0),))
    settings: dict[Any, ConsumerSettings] = {}
    columns = zip(
        *map(flags, ("has_leader", "has_quorum", "paused")),
        *map(values, ("pending_messages", "ack_pending_messages", "redelivered_messages")),
        *map(values, ("delivered_sequence", "ack_floor_sequence", "deliveries_total")),
        *map(values, ("ack_wait_seconds", "backoff_max_seconds", "max_ack_pending")),
        _lately(values("leader_changes_total"), step),
        _lately(values("created_timestamp_seconds"), step),
        strict=True,
    )
    rows = []
    for place, column in enumerate(columns):
        led, quorum, paused, pending, held, again, delivered, floor, deliveries, *rest = column
        wait, backoff, limit, elected, recreated = rest
        key = wait, backoff, limit
        if key not in settings:
            settings[key] = _settings(metadata, wait, backoff, limit)
        rows.append(
            Consumer(
                "", "", "", "", "", ("", "", "", str(place)), Incarnation(None, ""),
                Raft(None if pending is held is None else "n1", None, None, 0, led, quorum, changed_lately=elected),
                settings[key], pending=pending, ack_pending=held, redelivered=again,
                delivered_sequence=delivered, ack_floor_sequence=floor, deliveries=deliveries, paused=paused,
                recreated_lately=recreated,
            )
        )  # fmt: skip
    return rows


def _settings(
    metadata: ObjectMetadata, wait: float | None, backoff: float | None, limit: float | None
) -> ConsumerSettings:
    return ConsumerSettings(
        True, False, False, "explicit", "all", wait, None, limit, None,
        backoff_max=backoff, metadata=metadata,
    )  # fmt: skip


def _values(found: Samples, count: int) -> list[float | None]:
    given = [one if isinstance(one, float) else None for one in found]
    return given + [None] * (count - len(given))


def _lately(values: list[float | None], step: float) -> list[bool]:
    """Whether the value changed a little while ago; a gap is no change."""
    found, last, since = [], None, None
    for place, value in enumerate(values):
        if value is not None:
            since = place if last is not None and value != last else since
            last = value
        found.append(since is not None and (place - since) * step < LATELY)
    return found


def samples(text: str) -> Samples:
    """promtool's notation, written out: `0+10x3` are four samples, `_` is none, `stale` and the like stay."""
    found: Samples = []
    for piece in text.split():
        match = PIECE.fullmatch(piece)
        assert match, piece
        times = int(match["times"] or 0)
        if match["value"] == "_":
            found += [None] * max(times, 1)
        elif match["value"] == "stale":
            found.append("stale")
        else:
            first, step = float(match["value"]), float(match["step"] or 0)
            found += [first + step * number for number in range(times + 1)]
    return found


def _text(found: Samples) -> str:
    """Prometheus marks a series as stale where a scrape does not have it any more."""
    pieces, there = [], False
    for value in found:
        pieces.append(
            "stale" if value is None and there else "_" if value is None else _number(value)
        )
        there = value is not None and value != "stale"
    return " ".join(pieces)


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else repr(value).removesuffix(".0")


def _name(one: Body) -> str:
    match = SERIES.fullmatch(one["series"])
    assert match, one
    return match["name"]


def _consumer(one: Body) -> frozenset[tuple[str, str]]:
    """Which consumer of which exporter."""
    match = SERIES.fullmatch(one["series"])
    assert match, one
    found = LABEL.findall(match["labels"] or "")
    return frozenset((name, value) for name, value in found if name not in OF_FAMILY)
