"""Lists of streams and consumers: a form to search and filter, heads that sort, and pages."""

from collections.abc import Mapping, Sequence

from jetstream_exporter.metrics.streams import storage_ratio
from jetstream_exporter.snapshot import Consumer, Stream
from jetstream_exporter.status import lists, states
from jetstream_exporter.status.consumers import subscribers
from jetstream_exporter.status.lists import BY_STATE, Listed, Page, Query
from jetstream_exporter.status.numbers import size
from jetstream_exporter.web.status.frame import (
    Shown,
    ago,
    badge,
    cell,
    document,
    href,
    integer,
    table,
)
from jetstream_exporter.web.status.html import Html, el, join, link, url

# Each column: its title, and the name by which it is sorted.
STREAM_COLUMNS = (
    ("State", BY_STATE),
    ("Stream", "name"),
    ("Account", "account"),
    ("Messages", "messages"),
    ("Size", "bytes"),
    ("Consumers", "consumers"),
    ("Leader", "leader"),
    ("Replicas", ""),
    ("Last message", "last"),
)
CONSUMER_COLUMNS = (
    ("State", BY_STATE),
    ("Consumer", "name"),
    ("Stream", "stream"),
    ("Account", "account"),
    ("Pending", "pending"),
    ("Ack pending", "ack_pending"),
    ("Redelivered", "redelivered"),
    ("Waiting", "waiting"),
    ("Last delivery", "last"),
    ("Leader", "leader"),
)
# Turned around at the first click: who sorts by a number looks for the largest.
LARGEST_FIRST = frozenset(
    ("messages", "bytes", "consumers", "last", "pending", "ack_pending", "redelivered", "waiting")
)


def streams_page(shown: Shown, query: Query) -> str:
    found = lists.page_of(shown.view.listed_streams, lists.STREAM_SORTS, states.GROUP, query)
    rows = [stream_row(each, shown) for each in found.rows]
    return document("Streams", _list(STREAM_COLUMNS, rows, found, query), shown, here="/streams")


def consumers_page(shown: Shown, query: Query) -> str:
    found = lists.page_of(shown.view.listed_consumers, lists.CONSUMER_SORTS, states.CONSUMER, query)
    rows = [consumer_row(each, shown) for each in found.rows]
    body = _list(CONSUMER_COLUMNS, rows, found, query)
    return document("Consumers", body, shown, here="/consumers")


def few_streams(shown: Shown, count: int) -> Html:
    rows = shown.view.listed_streams
    found = lists.page_of(rows, lists.STREAM_SORTS, states.GROUP, Query())
    shown_rows = [stream_row(each, shown) for each in found.rows[:count]]
    return _few("Streams", "/streams", STREAM_COLUMNS, shown_rows, found)


def few_consumers(shown: Shown, count: int) -> Html:
    rows = shown.view.listed_consumers
    found = lists.page_of(rows, lists.CONSUMER_SORTS, states.CONSUMER, Query())
    shown_rows = [consumer_row(each, shown) for each in found.rows[:count]]
    return _few("Consumers", "/consumers", CONSUMER_COLUMNS, shown_rows, found)


def _few(
    title: str,
    path: str,
    columns: Sequence[tuple[str, str]],
    rows: list[Html],
    found: "Page[Stream] | Page[Consumer]",
) -> Html:
    head: list[Html | str] = [name for name, _ in columns]
    search = form(path, found, Query())
    if not rows:
        return el("section", el("h2", title), el("p", f"There are no {title.lower()}."))
    what = f"The worst {len(rows)} of {found.total:,}." if found.total > len(rows) else ""
    every = link(path, f"All {title.lower()} ({found.total:,})")
    return el(
        "section", el("h2", title), search, el("p", what, " ", every), table(head, rows, title)
    )


def _list(
    columns: Sequence[tuple[str, str]],
    rows: list[Html],
    found: "Page[Stream] | Page[Consumer]",
    query: Query,
) -> Html:
    title = columns[1][0] + "s"
    path = f"/{title.lower()}"
    head = [_head(path, name, sort, query) for name, sort in columns]
    first = (found.number - 1) * lists.PAGE
    place = f"{first + 1:,} to {first + len(rows):,} of {found.found:,}" if rows else "None"
    all_of = "" if found.found == found.total else f", out of {found.total:,} {title.lower()}"
    return join(
        (
            form(path, found, query),
            el("p", f"{place}{all_of}.", role="status"),
            table(list(head), rows, title, sortable=True),
            pager(path, found, query),
        )
    )


def address(path: str, query: Query, **changed: str) -> str:
    parameters = {
        "q": query.q,
        "state": query.state,
        "sort": "" if query.sort == BY_STATE else query.sort,
        "page": "" if query.page == 1 else str(query.page),
    }
    return url(path, {**parameters, **changed})


def form(path: str, found: "Page[Stream] | Page[Consumer]", query: Query) -> Html:
    """Search by words, all of which must stand in the names, and filter by state."""
    kind = path.strip("/")
    options = [el("option", "any state", value="")]
    counts: Mapping[str, int] = {**({query.state: 0} if query.state else {}), **found.states}
    for state, count in counts.items():
        chosen = state == query.state
        options.append(el("option", f"{state} ({count:,})", value=state, selected=chosen))
    search = el("input", type="search", name="q", value=query.q, id=f"q-{kind}", maxlength="200")
    sort = query.sort != BY_STATE
    return el(
        "form",
        el("label", f"Search {kind} by name", for_=f"q-{kind}"),
        search,
        el("label", "State", for_=f"state-{kind}"),
        el("select", *options, name="state", id=f"state-{kind}"),
        el("input", type="hidden", name="sort", value=query.sort) if sort else None,
        el("button", "Search", type="submit"),
        action=path,
        method="get",
        role="search",
        aria_label=kind.capitalize(),
    )


def _head(path: str, name: str, sort: str, query: Query) -> Html:
    if not sort:
        return el("th", name, scope="col")
    is_now = query.sort.removeprefix("-") == sort
    is_turned = query.sort.startswith("-")
    down = not is_turned if is_now else sort in LARGEST_FIRST
    wanted = f"-{sort}" if down else sort
    target = address(path, query, sort="" if wanted == BY_STATE else wanted, page="")
    order = ("descending" if is_turned else "ascending") if is_now else None
    mark = {"ascending": " ↑", "descending": " ↓", None: ""}[order]
    return el("th", link(target, name), mark, scope="col", aria_sort=order)


def pager(path: str, found: "Page[Stream] | Page[Consumer]", query: Query) -> Html | None:
    if found.pages == 1:
        return None
    links: list[Html | str] = []
    if found.number > 1:
        before = address(path, query, page=str(found.number - 1))
        links.append(el("a", "Previous page", href=before, rel="prev"))
    links.append(f" Page {found.number:,} of {found.pages:,} ")
    if found.number < found.pages:
        after = address(path, query, page=str(found.number + 1))
        links.append(el("a", "Next page", href=after, rel="next"))
    return el("nav", *links, aria_label="Pages of the list", class_="pager")


def stream_row(each: Listed[Stream], shown: Shown) -> Html:
    row = each.row
    figures, raft = row.figures, row.raft
    size_of = raft.size
    replicas = "1" if size_of is None else f"{integer(raft.current)} of {size_of}"
    return el(
        "tr",
        cell("State", badge(each.state)),
        cell("Stream", link(href(each.object), row.name)),
        cell("Account", row.account),
        cell("Messages", integer(figures.messages if figures else None), number=True),
        cell("Size", _size(row), number=True),
        cell("Consumers", integer(row.consumers), number=True),
        cell("Leader", raft.leader or "–"),
        cell("Replicas", replicas, number=True),
        cell("Last message", ago(figures.last_time if figures else None, shown.view.time)),
    )


def _size(row: Stream) -> str:
    if row.figures is None or row.figures.bytes is None:
        return "–"
    share = storage_ratio(row)
    return size(row.figures.bytes) + ("" if share is None else f" ({share:.1%})")


def consumer_row(each: Listed[Consumer], shown: Shown) -> Html:
    row = each.row
    stream = href(each.object._replace(kind="stream", names=each.object.names[:3]))
    return el(
        "tr",
        cell("State", badge(each.state)),
        cell("Consumer", link(href(each.object), row.name)),
        cell("Stream", link(stream, row.stream)),
        cell("Account", row.account),
        cell("Pending", integer(row.pending), number=True),
        cell("Ack pending", integer(row.ack_pending), number=True),
        cell("Redelivered", integer(row.redelivered), number=True),
        cell("Waiting", integer(subscribers(row)), number=True),
        cell("Last delivery", ago(row.last_delivery, shown.view.time)),
        cell("Leader", row.raft.leader or "–"),
    )
