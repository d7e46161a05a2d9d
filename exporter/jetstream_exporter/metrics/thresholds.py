"""Families of what operators write into the metadata of streams and consumers: thresholds, and who owns an object."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from jetstream_exporter.metrics import consumers, streams
from jetstream_exporter.metrics.families import AnyTable, Table, gauge
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows.metadata import NO_METADATA, ObjectMetadata, Threshold

OTHER = re.compile(r"[^a-zA-Z0-9_]")


class Settings(Protocol):
    @property
    def metadata(self) -> ObjectMetadata: ...


class Object(Protocol):
    """A stream or a consumer."""

    @property
    def settings(self) -> Settings | None: ...


class Set(NamedTuple):
    """One threshold of one object."""

    of: Object
    threshold: Threshold


class Invalid(NamedTuple):
    """One check of one object whose value cannot be read."""

    of: Object
    check: str


Row = TypeVar("Row")
Labels = Mapping[str, Callable[[Row], str]]


def label_name(key: str) -> str:
    """The label of a metadata key. Two keys can have the same."""
    return f"label_{OTHER.sub('_', key)}"


def _with_metadata(rows: Iterable[Object]) -> list[tuple[Object, ObjectMetadata]]:
    """The objects whose metadata says anything, of which there are few."""
    return [
        (row, row.settings.metadata)
        for row in rows
        if row.settings is not None and row.settings.metadata is not NO_METADATA
    ]


def _of(labels: Mapping[str, Callable[..., str]]) -> dict[str, Callable[..., str]]:
    """The labels of the object that a row is about."""

    def reader(read: Callable[..., str]) -> Callable[..., str]:
        return lambda row: read(row.of)

    return {name: reader(read) for name, read in labels.items()}


def _thresholds(
    kind: str,
    rows: Callable[[Snapshot], Iterable[Object]],
    labels: Mapping[str, Callable[..., str]],
) -> tuple[AnyTable, AnyTable]:
    values: Table[Set] = Table(
        name=f"{kind.capitalize()}s: thresholds",
        rows=lambda snapshot: [
            Set(row, threshold)
            for row, metadata in _with_metadata(rows(snapshot))
            for threshold in metadata.thresholds
        ],
        labels={
            **_of(labels),
            "check": lambda row: row.threshold.check,
            "severity": lambda row: row.threshold.severity,
        },
        families=(
            gauge(
                f"jetstream_{kind}_threshold",
                f"Threshold that the metadata of the {kind} sets, in seconds, messages or other base units. Absent "
                "if it is not set, or 0 or less.",
                lambda row: row.threshold.value,
                "config.metadata",
                f'jetstream_{kind}_threshold{{severity="critical"}}',
            ),
        ),
    )
    invalid: Table[Invalid] = Table(
        name=f"{kind.capitalize()}s: thresholds that cannot be read",
        rows=lambda snapshot: [
            Invalid(row, check)
            for row, metadata in _with_metadata(rows(snapshot))
            for check in metadata.invalid
        ],
        labels={**_of(labels), "check": lambda row: row.check},
        families=(
            gauge(
                f"jetstream_{kind}_threshold_invalid_info",
                f"Always 1. The metadata of the {kind} has a value for the check that is no number, duration or flag, "
                "so that nothing is checked. The value itself is not exported.",
                lambda _: 1,
                "config.metadata",
                f"jetstream_{kind}_threshold_invalid_info",
            ),
        ),
    )
    return values, invalid


def _labels(
    kind: str,
    rows: Callable[[Snapshot], Iterable[Object]],
    labels: Mapping[str, Callable[..., str]],
    keys: Sequence[str],
) -> AnyTable:
    def label(key: str) -> Callable[[Object], str]:
        # By its name: a reload changes the keys, and what was read before stays until it is read again.
        return lambda row: dict(_metadata(row).labels).get(key, "")

    return Table(
        name=f"{kind.capitalize()}s: owner and labels",
        rows=lambda snapshot: [
            row
            for row, metadata in _with_metadata(rows(snapshot))
            if metadata.team or metadata.labels
        ],
        labels={
            **labels,
            "team": lambda row: _metadata(row).team,
            **{label_name(key): label(key) for key in keys},
        },
        families=(
            gauge(
                f"jetstream_{kind}_labels",
                f"Always 1. The label `team` is the metadata `io.jetstream-exporter.team` of the {kind}; each metadata "
                "key of `labels.metadata` is a label `label_<key>`. Absent without any of them.",
                lambda _: 1,
                "config.metadata",
                f'jetstream_{kind}_labels{{team="payments"}}',
            ),
        ),
    )


def _metadata(row: Object) -> ObjectMetadata:
    assert row.settings is not None
    return row.settings.metadata


def _streams(snapshot: Snapshot) -> Iterable[Object]:
    return snapshot.streams


def _consumers(snapshot: Snapshot) -> Iterable[Object]:
    return snapshot.consumers


def tables(keys: Sequence[str] = ()) -> tuple[AnyTable, ...]:
    """`keys` are the metadata keys that become labels. No two may have the same `label_name`."""
    return (
        *_thresholds("stream", _streams, streams.LABELS),
        _labels("stream", _streams, streams.LABELS, keys),
        *_thresholds("consumer", _consumers, consumers.LABELS),
        _labels("consumer", _consumers, consumers.LABELS, keys),
    )
