"""When single messages were stored, as a server says if it is asked. Off unless `exact_lag` is configured."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, get_args

import msgspec

from jetstream_exporter.report.events import ObjectKey

# How a lookup went. `too_large` ones are not sent.
LookupResult = Literal["found", "missing", "refused", "too_large", "failed"]
LOOKUP_RESULTS: tuple[str, ...] = get_args(LookupResult)


class StoredMessage(msgspec.Struct, frozen=True, gc=False):
    """The first message that a consumer wants from sequence `asked` on: its own `sequence`, and when it was `stored`.

    `stored` is seconds since the epoch on the server's clock; `when` is our monotonic clock before it was asked for.
    """

    asked: int
    sequence: int
    stored: float
    when: float


class LookedUp(msgspec.Struct, frozen=True, gc=False):
    """What was looked up for one incarnation of a consumer."""

    created: datetime | None
    raft_group: str
    messages: tuple[StoredMessage, ...]


class LookupCounts(dict[str, int]):
    """By result, how often one source has looked messages up since it was made. Equal to nothing but itself."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__  # type: ignore[assignment]  # dict has none


class Lookups(msgspec.Struct, gc=False):
    """What a source has looked up, how often it has, by result, and whom to tell which consumers are wanted next.

    `want` may be called from any thread. What it starts is done in the background, for a later scrape.
    """

    found: Mapping[ObjectKey, LookedUp]
    counts: LookupCounts
    want: Callable[[frozenset[ObjectKey]], None]
