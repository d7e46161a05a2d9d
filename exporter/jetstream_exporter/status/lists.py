"""Lists of streams and consumers: searched, filtered by state, sorted, and cut into pages. Pure."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from jetstream_exporter.snapshot import Consumer, Stream
from jetstream_exporter.status.consumers import subscribers
from jetstream_exporter.status.facts import Object

PAGE = 50  # rows
BY_STATE = "state"
Row = TypeVar("Row", Stream, Consumer)
Value = float | str | None


class Listed(NamedTuple, Generic[Row]):
    """A row with its state."""

    row: Row
    object: Object
    state: str

    @property
    def text(self) -> str:
        """In which names are searched."""
        return "\0".join(self.object.names).lower()


Sorts = Mapping[str, Callable[[Row], Value]]
STREAM_SORTS: Sorts[Stream] = {
    "name": lambda s: s.name,
    "account": lambda s: s.account,
    "messages": lambda s: s.figures.messages if s.figures else None,
    "bytes": lambda s: s.figures.bytes if s.figures else None,
    "consumers": lambda s: s.consumers,
    "leader": lambda s: s.raft.leader,
    "last": lambda s: s.figures.last_time if s.figures else None,
}
CONSUMER_SORTS: Sorts[Consumer] = {
    "name": lambda c: c.name,
    "stream": lambda c: c.stream,
    "account": lambda c: c.account,
    "pending": lambda c: c.pending,
    "ack_pending": lambda c: c.ack_pending,
    "redelivered": lambda c: c.redelivered,
    "waiting": subscribers,
    "last": lambda c: c.last_delivery,
    "leader": lambda c: c.raft.leader,
}


class Query(NamedTuple):
    """What is asked of a list. A leading minus in `sort` turns its order around; pages count from 1."""

    q: str = ""
    state: str = ""
    sort: str = BY_STATE
    page: int = 1


class Page(NamedTuple, Generic[Row]):
    """One page of a list, and what there is besides it: `states` are the counts before the filter by state."""

    rows: Sequence[Listed[Row]]
    number: int
    pages: int
    found: int
    total: int
    states: Mapping[str, int]


def page_of(
    rows: Sequence[Listed[Row]], sorts: Sorts[Row], order: Sequence[str], query: Query
) -> Page[Row]:
    """A page that is beyond the last one is the last one."""
    words = query.q.lower().split()
    matching = [each for each in rows if _matches(each.text, words)] if words else rows
    shown = [each for each in matching if query.state in ("", each.state)]
    ordered = _sorted(shown, sorts, order, query.sort)
    pages = max(1, -(-len(ordered) // PAGE))
    number = min(query.page, pages)
    found = ordered[(number - 1) * PAGE : number * PAGE]
    return Page(found, number, pages, len(ordered), len(rows), counted(matching, order))


def _matches(text: str, words: Iterable[str]) -> bool:
    return all(word in text for word in words)


def counted(rows: Iterable[Listed[Row]], order: Sequence[str]) -> dict[str, int]:
    """How many rows have each state that any has."""
    counts = Counter(each.state for each in rows)
    return {state: counts[state] for state in order if counts[state]}


def _sorted(
    rows: Sequence[Listed[Row]], sorts: Sorts[Row], order: Sequence[str], sort: str
) -> list[Listed[Row]]:
    """Rows without a value come last, whichever way it is sorted."""
    name, is_turned = sort.removeprefix("-"), sort.startswith("-")
    if name == BY_STATE:
        places = {state: place for place, state in enumerate(order)}
        return sorted(rows, key=lambda each: places[each.state], reverse=is_turned)
    read = sorts[name]
    with_value = [(value, each) for each in rows if (value := read(each.row)) is not None]
    without = [each for each in rows if read(each.row) is None]
    with_value.sort(key=lambda pair: pair[0], reverse=is_turned)
    return [each for _, each in with_value] + without


def is_sort(name: str, sorts: Collection[str]) -> bool:
    """Whether a list can be sorted by it, with or without the minus."""
    return name.removeprefix("-") in (BY_STATE, *sorts)
