"""What the other modules share: the base of every struct, the bounds of numbers, and what several APIs answer with."""

from datetime import datetime
from typing import Annotated

import msgspec

INT64, UINT64 = 2**63 - 1, 2**64 - 1

# Nothing in NATS is beyond 64 bits. A number without sign may reach 2^64-1: msgspec checks no bound above 2^63-1, so
# sources.decoding reads an answer with such a number a second time, and slowly.
Unsigned = Annotated[int, msgspec.Meta(ge=0, le=INT64)]
Signed = Annotated[int, msgspec.Meta(ge=-INT64 - 1, le=INT64)]
# Bounded like Unsigned, for the few fields that hold 2^64-1 in every second answer; see `check_wide`.
Wide = int
# Names become labels of dozens of series each. Streams and consumers have 255 bytes at most (JSMaxNameLen,
# jetstream.go); servers, clusters and accounts have no limit in NATS, and no need of more.
LONGEST_NAME = 256  # characters
Name = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]
Reason = Annotated[str, msgspec.Meta(max_length=4096)]  # a sentence of a server's
# One without a zone would be read as this machine's time, and cannot be compared with another.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Wire(msgspec.Struct, gc=False):
    """A part of an answer. It forms no cycles, so the garbage collector need not track a hundred thousand of them."""


class Refusals(Wire, kw_only=True):
    """An answer with parts. One that cannot be read is left out alone, and `refused` says why."""

    refused: list[str] = msgspec.field(name="", default_factory=list)  # not in the answer


def check_wide(*numbers: int) -> None:
    """ValueError, which msgspec makes a ValidationError, if one is not between 0 and 2^64-1."""
    for number in numbers:
        if not 0 <= number <= UINT64:
            raise ValueError("Expected `int` between 0 and 2^64-1")


class ApiError(Wire):
    code: Signed = 0
    err_code: Signed = 0
    description: str = ""


class ApiStats(Wire):
    total: Unsigned = 0
    errors: Unsigned = 0
    inflight: Unsigned = 0
    level: Signed = 0  # of the API that this version serves, 2.11 and newer
