"""HTML that cannot be forged: every text is escaped, unless it was made here."""

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlencode

from jetstream_exporter.runtime.terminal import one_line, printable

VOID = frozenset(("br", "input", "link", "meta", "hr"))


class Html(str):
    """Markup that was made here."""

    __slots__ = ()


Child = Html | str | None
NOTHING = Html()


def text(value: str) -> Html:
    """Escaped, and with control characters written out: pages are read with curl in a terminal too."""
    return value if isinstance(value, Html) else Html(escape(one_line(value)))


def join(children: Iterable[Child]) -> Html:
    return Html("".join(text(each) for each in children if each is not None))


def el(name: str, /, *children: Child, **attributes: str | bool | None) -> Html:
    """An element. An attribute that is None or False is left out; `class_` and `for_` lose their underscore."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{text(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def url(path: str, parameters: Mapping[str, str]) -> str:
    """The path with those parameters that have a value."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{query}" if query else path


def link(target: str, *children: Child) -> Html:
    return el("a", *children, href=target)


def lines(value: str) -> Html:
    """As `text`, with line feeds left as they are."""
    return Html(escape(printable(value)))
