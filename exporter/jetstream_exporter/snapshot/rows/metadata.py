"""What operators write into the metadata of a stream or a consumer, as far as it is exported."""

from typing import NamedTuple

import msgspec


class Threshold(NamedTuple):
    """One threshold in base units. `severity` is that of the alert; none where another rule judges."""

    check: str
    severity: str
    value: float


class ObjectMetadata(msgspec.Struct, gc=False, frozen=True):
    """The thresholds of an object, the checks whose value cannot be read, and who owns it.

    `labels` are the configured keys that the object has, each with its value.
    """

    thresholds: tuple[Threshold, ...] = ()
    invalid: tuple[str, ...] = ()
    team: str = ""
    labels: tuple[tuple[str, str], ...] = ()


NO_METADATA = ObjectMetadata()
