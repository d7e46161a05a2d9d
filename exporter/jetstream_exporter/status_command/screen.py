"""The status as text: worst first, as wide as the terminal, and honest about what does not fit."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from jetstream_exporter.runtime.terminal import one_line, painted
from jetstream_exporter.snapshot import Consumer, Server, Stream
from jetstream_exporter.status import lists, states
from jetstream_exporter.status.consumers import subscribers
from jetstream_exporter.status.facts import of_cluster, of_server
from jetstream_exporter.status.findings import Finding
from jetstream_exporter.status.lists import Listed, Row
from jetstream_exporter.status.numbers import short_span, size
from jetstream_exporter.status.view import View

COLOURS = {"critical": "1;31", "warning": "33", "info": "36", "ok": "32"}
GAP = "  "
ONCE = "A single look misses what has to last for some minutes; --watch sees it, too."
LEAST = 60  # columns, however narrow the terminal is


class Form(NamedTuple):
    """How it is shown. Without `height` nothing is cut; `every` shows what is well, too.

    `once` says that nobody looked before: what needs some minutes to be known cannot be there.
    """

    width: int = 80
    height: int | None = None
    colour: bool = False
    every: bool = False
    once: bool = False


class Part(NamedTuple):
    """A part of the screen: its head, and pieces of one or more lines. `called` is what a piece is."""

    head: list[str]
    pieces: list[list[str]]
    called: str


def screen(view: View, form: Form) -> str:
    form = form._replace(width=max(LEAST, form.width))
    parts = [_findings(view, form), _servers(view, form), *_objects(view, form)]
    lines = [_title(view, form), *([ONCE] if form.once else []), *_metas(view, form)]
    left = None if form.height is None else form.height - len(lines) - 1  # the prompt's line
    lines += list(_fitted([part for part in parts if part.pieces or part.head], left))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _fitted(parts: Sequence[Part], left: int | None) -> Iterator[str]:
    """The parts in as many lines as there are; each says how many of its pieces are not shown.

    What is left of one part's share goes to the next ones, and the first parts may take more than theirs.
    """
    for place, part in enumerate(parts):
        later = parts[place + 1 :]
        kept = sum(min(len(each.head) + 3, _height(each)) + 1 for each in later)
        room = None if left is None else max(0, left - kept)
        lines = ["", *_cut(part, room)]
        if left is not None:
            left -= len(lines)
        yield from lines


def _height(part: Part) -> int:
    return len(part.head) + sum(map(len, part.pieces))


def _cut(part: Part, room: int | None) -> list[str]:
    """At least one piece is shown, however little room there is."""
    if room is None or _height(part) + 1 <= room:
        return [*part.head, *(line for piece in part.pieces for line in piece)]
    lines, shown = list(part.head), 0
    for piece in part.pieces:
        if shown and len(lines) + len(piece) + 2 > room:
            break
        lines += piece
        shown += 1
    hidden = len(part.pieces) - shown
    if hidden:
        plural = "" if hidden == 1 else "s"
        lines.append(f"... and {hidden:,} more {part.called}{plural} (--all shows everything)")
    return lines


def _painted(text: str, level: str, form: Form) -> str:
    return painted(text, COLOURS[level]) if form.colour else text


def _title(view: View, form: Form) -> str:
    when = datetime.fromtimestamp(view.time, UTC)
    counts = view.counts
    words = [f"{counts[each]} {each}" for each in ("critical", "warning") if counts[each]]
    said = ", ".join(words) or "nothing is known to be wrong"
    return f"JetStream status at {when:%Y-%m-%d %H:%M:%S} UTC: " + _painted(said, view.worst, form)


def _metas(view: View, form: Form) -> Iterator[str]:
    for row in view.snapshot.metas:
        word = view.metas[of_cluster(row.cluster)]
        led = f"{one_line(row.leader)} leads" if row.leader else "no leader is known"
        state = _painted(word, states.level(word), form)
        yield f"cluster {one_line(row.cluster) or '(no name)'}: {state}; {led}, {states.members(row)}"


def _findings(view: View, form: Form) -> Part:
    found = [each for each in view.findings if form.every or each.alert.severity != "info"]
    return Part([], [_finding(each, view, form) for each in found], "finding")


def _finding(found: Finding, view: View, form: Form) -> list[str]:
    severity, held = found.alert.severity, view.held(found)
    lasts = f", for at least {held}" if held else ""
    head = f"{severity.upper():<8} {found.alert.name}{lasts}"
    body = textwrap.wrap(one_line(found.sentence), form.width - 9, break_on_hyphens=False)
    return [_painted(head[: form.width], severity, form), *(f"{'':9}{line}" for line in body)]


def _servers(view: View, form: Form) -> Part:
    rows = sorted(
        view.snapshot.servers,
        key=lambda row: states.SERVER.index(view.servers[of_server(row)]),
    )
    cells = [_server(row, view) for row in rows]
    head = ("STATE", "SERVER", "VERSION", "UPTIME", "FILE STORE", "STREAMS LED")
    return _table(head, cells, "server", form)


def _server(row: Server, view: View) -> tuple[str, ...]:
    process = row.process
    start = process.start if process is not None else None
    file = row.jetstream.file if row.jetstream is not None else None
    used = "-" if file is None or file.used is None else size(file.used)
    if file is not None and file.used is not None and file.limit:
        used += f" ({file.used / file.limit:.0%})"
    return (
        view.servers[of_server(row)],
        row.name,
        process.version if process is not None else "-",
        "-" if start is None else short_span(view.time - start),
        used,
        _number(row.stream_leaders),
    )


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _objects(view: View, form: Form) -> Iterator[Part]:
    streams, consumers = view.listed_streams, view.listed_consumers
    head = ("STATE", "STREAM", "ACCOUNT", "MESSAGES", "SIZE", "CONSUMERS", "LEADER")
    cells = [_stream(each) for each in _worst(streams, states.GROUP, form)]
    yield _list(streams, states.GROUP, head, cells, form)
    heads = ("STATE", "CONSUMER", "STREAM", "PENDING", "ACK", "REDEL", "WAIT", "LAST")
    rows = [_consumer(each, view) for each in _worst(consumers, states.CONSUMER, form)]
    yield _list(consumers, states.CONSUMER, heads, rows, form)


def _worst(rows: Sequence[Listed[Row]], order: Sequence[str], form: Form) -> list[Listed[Row]]:
    shown = [each for each in rows if form.every or each.state != states.OK]
    return sorted(shown, key=lambda each: order.index(each.state))


def _stream(each: Listed[Stream]) -> tuple[str, ...]:
    row, figures = each.row, each.row.figures
    return (
        each.state,
        row.name,
        row.account,
        _number(figures.messages if figures is not None else None),
        "-" if figures is None or figures.bytes is None else size(figures.bytes),
        _number(row.consumers),
        row.raft.leader or "-",
    )


def _consumer(each: Listed[Consumer], view: View) -> tuple[str, ...]:
    row = each.row
    last = row.last_delivery
    return (
        each.state,
        row.name,
        row.stream,
        _number(row.pending),
        _number(row.ack_pending),
        _number(row.redelivered),
        _number(subscribers(row)),
        "-" if last is None else short_span(view.time - last),
    )


def _list(
    rows: Sequence[Listed[Row]],
    order: Sequence[str],
    head: tuple[str, ...],
    cells: Sequence[tuple[str, ...]],
    form: Form,
) -> Part:
    """Those that are not ok, and how many are."""
    kind = head[1].lower()
    states_of = lists.counted(rows, order)
    counts = ", ".join(f"{count:,} {state}" for state, count in states_of.items())
    summary = f"{len(rows):,} {kind}{'' if len(rows) == 1 else 's'}" + (
        f": {counts}" if rows else ""
    )
    if not cells:
        return Part([summary], [], kind)
    part: Part = _table(head, cells, kind, form)
    return Part([summary, *part.head], part.pieces, kind)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], called: str, form: Form) -> Part:
    """Columns as wide as their widest cell; names give way where the line does not hold them."""
    if not rows:
        return Part([], [], called)
    texts = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in [list(head), *texts]) for place in range(len(head))]
    widths = _narrowed(widths, form)
    pieces = [[_line(row, widths, form, states.level(row[0]))] for row in texts]
    return Part([_line(list(head), widths, form, None)], pieces, called)


def _narrowed(widths: list[int], form: Form) -> list[int]:
    """Take from the widest column until the line fits. Only on a terminal: a pipe takes any length."""
    if form.height is None:
        return widths
    widths = list(widths)
    while sum(widths) + len(GAP) * (len(widths) - 1) > form.width and max(widths[1:]) > 8:
        widest = max(range(1, len(widths)), key=lambda place: widths[place])
        widths[widest] -= 1
    return widths


def _line(cells: list[str], widths: list[int], form: Form, level: str | None) -> str:
    padded = [
        _shortened(cell, width).ljust(width) for cell, width in zip(cells, widths, strict=True)
    ]
    if level is not None:
        padded[0] = _painted(padded[0], level, form)
    return GAP.join(padded)


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}~"
