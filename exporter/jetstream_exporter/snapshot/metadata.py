"""The metadata of a stream or a consumer as a row: its thresholds, its team, and the labels that are configured."""

from collections.abc import Callable, Mapping, Sequence

from jetstream_exporter.snapshot.rows.metadata import NO_METADATA, ObjectMetadata, Threshold
from jetstream_exporter.snapshot.thresholds import OURS

RESERVED = "_nats."  # keys that servers write themselves begin with it
TEAM = f"{OURS}team"
LONGEST_VALUE = 128  # characters of a label's value; what is longer is cut

Found = tuple[tuple[Threshold, ...], tuple[str, ...]]


def object_metadata(
    metadata: Mapping[str, str] | None,
    thresholds: Callable[[Mapping[str, str]], Found],
    keys: Sequence[str] = (),
) -> ObjectMetadata:
    """`keys` are the metadata keys whose values become labels. The same object for all without any of these."""
    if not metadata or all(key.startswith(RESERVED) and key not in keys for key in metadata):
        return NO_METADATA
    found, invalid = thresholds(metadata)
    labels = [(key, _value(metadata, key)) for key in keys]
    return ObjectMetadata(
        thresholds=found,
        invalid=invalid,
        team=_value(metadata, TEAM),
        labels=tuple((key, value) for key, value in labels if value),
    )


def _value(metadata: Mapping[str, str], key: str) -> str:
    return metadata.get(key, "").strip()[:LONGEST_VALUE].rstrip()
