"""The Markdown in which the runbooks are written, to HTML: no more of it, and no HTML within it.

Headings, paragraphs, lists of one level, fenced code, tables, and within a line code, bold, emphasis and links. What is
not known stays text.
"""

import re
from collections.abc import Callable, Iterator

from jetstream_exporter.web.status.frame import cell
from jetstream_exporter.web.status.html import Html, el, join, lines, link, text

HEADING = re.compile(r"(#{1,4}) (.+)")
ITEM = re.compile(r"(?:(-)|(\d+)\.) (.*)")
FENCE = "```"
INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*|\[([^\]]+)\]\(([^)\s]+)\)")
Code = Callable[[str, str], str]  # language and code, to the code that is shown
Target = Callable[[str], str | None]  # of a link, to its address; None: only its text is shown


def render(source: str, code: Code, target: Target) -> Html:
    return join(_Blocks(source.splitlines(), code, target).all())


class _Blocks:
    """Reads a document block by block."""

    def __init__(self, rows: list[str], code: Code, target: Target) -> None:
        self._rows = rows
        self._code = code
        self._target = target
        self._at = 0

    def all(self) -> Iterator[Html]:
        while self._at < len(self._rows):
            row = self._rows[self._at]
            if not row.strip():
                self._at += 1
            elif row.startswith(FENCE):
                yield self._fence()
            elif heading := HEADING.fullmatch(row):
                self._at += 1
                yield el(f"h{len(heading[1])}", self._line(heading[2]))
            elif ITEM.match(row):
                yield self._list()
            elif row.startswith("|"):
                yield self._table()
            else:
                yield el("p", self._line(" ".join(self._while(self._is_text))))

    def _while(self, holds: Callable[[str], bool]) -> list[str]:
        """The rows from here on for which it holds; always the first one."""
        begin = self._at
        self._at += 1
        while self._at < len(self._rows) and holds(self._rows[self._at]):
            self._at += 1
        return self._rows[begin : self._at]

    @staticmethod
    def _is_text(row: str) -> bool:
        starts = row.startswith((FENCE, "|")) or HEADING.fullmatch(row) or ITEM.match(row)
        return bool(row.strip()) and not starts

    def _fence(self) -> Html:
        language = self._rows[self._at].removeprefix(FENCE).strip()
        body = self._while(lambda row: not row.startswith(FENCE))[1:]
        self._at += 1  # the end of it
        shown = self._code(language, "\n".join(body))
        return el("pre", el("code", lines(shown)), tabindex="0")

    def _list(self) -> Html:
        """Items that go on in the next row are indented there. A list that a fence interrupts counts on."""
        first = ITEM.match(self._rows[self._at])
        number = first[2] if first else None
        items: list[str] = []
        while self._at < len(self._rows) and (found := ITEM.match(self._rows[self._at])):
            if (found[2] is None) != (number is None):
                break
            more = self._while(lambda row: row.startswith("  ") and bool(row.strip()))[1:]
            items.append(" ".join((found[3], *(row.strip() for row in more))))
        rows = [el("li", self._line(each)) for each in items]
        if number is None:
            return el("ul", *rows)
        return el("ol", *rows, start=number if number != "1" else None)

    def _table(self) -> Html:
        rows = [self._cells(row) for row in self._while(lambda row: row.startswith("|"))]
        head, body = rows[0], rows[2:]  # a row of dashes is between
        return el(
            "table",
            el("thead", el("tr", *(el("th", self._line(each), scope="col") for each in head))),
            el("tbody", *(self._row(head, each) for each in body)),
        )

    def _row(self, head: list[str], cells: list[str]) -> Html:
        pairs = zip(head, cells, strict=False)
        return el("tr", *(cell(name, self._line(each)) for name, each in pairs))

    @staticmethod
    def _cells(row: str) -> list[str]:
        return [each.strip() for each in row.strip().strip("|").split("|")]

    def _line(self, row: str) -> Html:
        return join(self._pieces(row))

    def _pieces(self, row: str) -> Iterator[Html]:
        at = 0
        for found in INLINE.finditer(row):
            yield text(row[at : found.start()])
            at = found.end()
            if found[1]:
                yield el("code", found[1])
            elif found[2]:
                yield el("strong", self._line(found[2]))
            elif found[3]:
                yield el("em", self._line(found[3]))
            else:
                address = self._target(found[5])
                shown = self._line(found[4])
                yield link(address, shown) if address else shown
        yield text(row[at:])
