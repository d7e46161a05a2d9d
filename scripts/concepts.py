"""Draw the pictures of docs/concepts.md into docs/images/.

    python scripts/concepts.py

Each picture is a function that gives shapes. Colours are classes, with one palette for a light page and one for a
dark page; every picture brings its own background, so that it is legible where a viewer knows neither. A test draws
them again and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
WIDTH = 720
CELL, GAP = 44, 6

# The colours by what they paint: page, lines and text, quiet text, and three states with the text upon them.
LIGHT = {
    "page": "#ffffff",
    "ink": "#1f2328",
    "quiet": "#57606a",
    "plain": "#eaeef2",
    "good": "#aceebb",
    "busy": "#ffdf9e",
    "bad": "#ffc1ba",
}
DARK = {
    "page": "#0d1117",
    "ink": "#f0f6fc",
    "quiet": "#9198a1",
    "plain": "#262c36",
    "good": "#12511f",
    "busy": "#5c3f00",
    "bad": "#7a1f1c",
}
FILLS = ("page", "plain", "good", "busy", "bad")

Shapes = list[str]


def palette(colours: dict[str, str]) -> str:
    fills = " ".join(f".{name} {{ fill: {colours[name]}; }}" for name in FILLS)
    return (
        f"{fills} .edge {{ stroke: {colours['ink']}; }} .line {{ stroke: {colours['ink']}; fill: none; }} "
        f".ink {{ fill: {colours['ink']}; }} .quiet {{ fill: {colours['quiet']}; }}"
    )


def picture(title: str, height: int, shapes: Iterable[str]) -> str:
    style = (
        "text { font: 14px sans-serif; } .small { font-size: 12px; } .line { stroke-width: 1.5; } "
        f"{palette(LIGHT)} @media (prefers-color-scheme: dark) {{ {palette(DARK)} }}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    arrow = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="ink" d="M0 0 L8 4 L0 8 z"/></marker></defs>'
    )
    page = f'<rect class="page" width="{WIDTH}" height="{height}"/>'
    lines = [head, f"<title>{escape(title)}</title>", f"<style>{style}</style>", arrow, page]
    return "\n".join([*lines, *shapes, "</svg>"]) + "\n"


def text(x: float, y: float, said: str, kind: str = "ink", anchor: str = "middle") -> str:
    size = " small" if kind == "quiet" else ""
    return f'<text class="{kind}{size}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(said)}</text>'


def box(at: tuple[float, float, float, float], said: str = "", fill: str = "plain") -> Shapes:
    """A box at (x, y, width, height) with a text in its middle."""
    x, y, width, height = at
    rectangle = f'<rect class="{fill} edge" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>'
    return [rectangle, *([text(x + width / 2, y + height / 2 + 5, said)] if said else [])]


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path class="line" marker-end="url(#tip)" d="M{x1:g} {y1:g} L{x2:g} {y2:g}"/>'


def row(x: float, y: float, cells: Iterable[tuple[str, str]]) -> Shapes:
    """Cells side by side, each with its text and its fill."""
    return [
        shape
        for number, (said, fill) in enumerate(cells)
        for shape in box((x + number * (CELL + GAP), y, CELL, 34), said, fill)
    ]


def brace(x: float, count: int, y: float, said: str) -> Shapes:
    """A line under so many cells, and what they are."""
    end = x + count * (CELL + GAP) - GAP
    line = f'<path class="line" d="M{x:g} {y:g} v6 H{end:g} v-6"/>'
    return [line, text((x + end) / 2, y + 24, said)]


def server(x: float, y: float, name: str, what: str, fill: str = "plain") -> Shapes:
    return [*box((x, y, 150, 58), "", fill), text(x + 75, y + 25, name), text(x + 75, y + 45, what)]


def leader() -> tuple[int, Shapes]:
    return 210, [
        *box((30, 20, 130, 40), "publisher", "page"),
        *box((30, 140, 130, 40), "worker", "page"),
        *server(290, 70, "nats-0", "leader", "good"),
        *server(540, 20, "nats-1", "follower"),
        *server(540, 130, "nats-2", "follower"),
        arrow(160, 40, 286, 85),
        arrow(286, 115, 164, 158),
        arrow(440, 90, 536, 52),
        arrow(440, 110, 536, 155),
        text(222, 44, "messages", "quiet"),
        text(222, 160, "deliveries", "quiet"),
        text(480, 56, "copies", "quiet"),
        text(365, 160, "reports the correct values", "quiet"),
    ]


def replica() -> tuple[int, Shapes]:
    shapes: Shapes = []
    rows = [
        ("nats-0, leader", 8, "good"),
        ("nats-1, current", 8, "plain"),
        ("nats-2, behind", 5, "busy"),
    ]
    for number, (name, held, fill) in enumerate(rows):
        y = 20 + 50 * number
        shapes += [text(20, y + 22, name, anchor="start")]
        shapes += row(170, y, [(str(101 + n), fill) for n in range(held)])
    return 200, [*shapes, *brace(170 + 5 * (CELL + GAP), 3, 160, "the lag of nats-2")]


def ack_floor() -> tuple[int, Shapes]:
    acked = {101, 102, 103, 104, 106, 107, 109}
    cells = [(f"{n}✓", "good") if n in acked else (str(n), "busy") for n in range(101, 110)]
    middle = 60 + 3 * (CELL + GAP) + CELL / 2
    return 190, [
        *row(60, 60, cells),
        text(middle, 24, "acknowledgement floor: 104"),
        arrow(middle, 32, middle, 56),
        *brace(60, 4, 104, "all acknowledged"),
        *brace(60 + 4 * (CELL + GAP), 5, 104, "105 holds back the floor"),
        text(360, 170, "✓ acknowledged; the others are delivered, but not acknowledged", "quiet"),
    ]


def pending() -> tuple[int, Shapes]:
    fills = ["good"] * 3 + ["busy"] * 4 + ["plain"] * 6
    return 150, [
        *row(36, 30, [(str(101 + n), fill) for n, fill in enumerate(fills)]),
        *brace(36, 3, 74, "acknowledged"),
        *brace(36 + 3 * (CELL + GAP), 4, 74, "ack pending: 4"),
        *brace(36 + 7 * (CELL + GAP), 6, 74, "pending: 6"),
        text(36 + 5 * (CELL + GAP) - 3, 124, "workers process them", "quiet"),
        text(36 + 10 * (CELL + GAP) - 3, 124, "not delivered yet", "quiet"),
    ]


def redelivered() -> tuple[int, Shapes]:
    steps = [(40, "delivered", "busy"), (290, "delivered again", "busy"), (540, "given up", "bad")]
    shapes = [shape for x, said, fill in steps for shape in box((x, 50, 140, 44), said, fill)]
    return 170, [
        *shapes,
        arrow(180, 72, 286, 72),
        arrow(430, 72, 536, 72),
        text(233, 62, "no ack in time", "quiet"),
        text(483, 62, "max_deliver", "quiet"),
        text(110, 36, "message 105"),
        text(110, 120, "redelivered: 0"),
        text(360, 120, "redelivered: 1"),
        text(610, 120, "redelivered: 1"),
        text(110, 144, "ack pending: 1"),
        text(360, 144, "ack pending: 1"),
        text(610, 144, "ack pending: 0"),
    ]


def quorum() -> tuple[int, Shapes]:
    cases = [
        (3, "works", "1 more may fail"),
        (2, "works", "none may fail"),
        (1, "unavailable", "2 of 3 are needed"),
    ]
    shapes: Shapes = []
    for number, (up, does, may) in enumerate(cases):
        x = 40 + 230 * number
        shapes += row(x, 30, [("up", "good") if n < up else ("down", "bad") for n in range(3)])
        middle = x + 1.5 * (CELL + GAP) - GAP / 2
        shapes += [text(middle, 96, does), text(middle, 118, may, "quiet")]
    return 140, shapes


def advisory() -> tuple[int, Shapes]:
    return 190, [
        *server(40, 60, "nats-0", "gave up 105", "busy"),
        *box((290, 66, 150, 46), "advisory", "page"),
        *box((520, 20, 190, 40), "exporter", "good"),
        *box((520, 76, 190, 40), "capturing stream", "good"),
        *box((520, 132, 190, 40), "exporter that was down", "bad"),
        arrow(190, 89, 286, 89),
        arrow(440, 82, 516, 42),
        arrow(440, 90, 516, 96),
        text(365, 140, "sent once, to the current subscribers", "quiet"),
        text(480, 158, "misses it", "quiet"),
    ]


PICTURES: dict[str, tuple[str, Callable[[], tuple[int, Shapes]]]] = {
    "leader": ("One server leads; the others copy from it", leader),
    "replica": ("Each replica is a copy; one may be behind", replica),
    "ack-floor": ("Below the floor everything is acknowledged", ack_floor),
    "pending": ("Pending and ack pending", pending),
    "redelivered": ("A message that is delivered again, and then given up", redelivered),
    "quorum": ("A majority of the replicas is needed", quorum),
    "advisory": ("An event is sent once", advisory),
}


def drawn(name: str) -> str:
    title, draw = PICTURES[name]
    return picture(title, *draw())


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(drawn(name))


if __name__ == "__main__":
    main()
