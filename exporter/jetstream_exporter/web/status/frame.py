"""What all pages have in common: head, navigation, the time of the data, and words for states and times."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import NamedTuple

from jetstream_exporter import __version__
from jetstream_exporter.status import states
from jetstream_exporter.status.document import NAMES
from jetstream_exporter.status.facts import Object
from jetstream_exporter.status.numbers import span
from jetstream_exporter.status.view import View
from jetstream_exporter.web.status.html import NOTHING, Html, el, join, link, text, url

OLD = 60.0  # seconds after which the age of the data is a warning
# Of what has a page, the parameters that name it.
IDENTITY = {kind: NAMES[kind] for kind in ("server", "stream", "consumer")}
SHORT = (
    10  # letters of a word that is not broken: so many in each cell fit where a row is no card yet
)
MARKUP = re.compile(r"<[^>]*>")
WORDS = re.compile(r"[^\s-]+")
MARKS = {"critical": "✖", "warning": "▲", "info": "●", "ok": "✔"}


class Shown(NamedTuple):
    """A view, when it is looked at, and where the boards are (empty: nowhere)."""

    view: View
    now: float
    dashboards: str = ""

    @property
    def age(self) -> float:
        return max(0.0, self.now - self.view.time)


def document(title: str, body: Html, shown: Shown | None = None, *, here: str = "") -> str:
    """A whole page. `here` is the path in the navigation that is this page."""
    head = join(
        (
            Html('<meta charset="utf-8">'),
            el("title", f"{title} · jetstream-exporter"),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html('<meta name="color-scheme" content="light dark">'),
            el("link", rel="stylesheet", href="/static/status.css"),
            Html('<script src="/static/status.js" defer></script>') if shown else None,
        )
    )
    main = el("main", el("h1", title), taken(shown) if shown else None, body, id="main")
    page = el("body", skip(), navigation(here), main, footer())
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>{page}</html>\n'


def skip() -> Html:
    return el("a", "Skip to content", href="#main", class_="skip")


def navigation(here: str) -> Html:
    pages = (("/", "Status"), ("/streams", "Streams"), ("/consumers", "Consumers"))
    more = (("/runbooks", "Runbooks"), ("/debug/sources", "Sources"), ("/metrics", "Metrics"))
    links = [
        el("a", name, href=path, aria_current="page" if path == here else None)
        for path, name in (*pages, *more)
    ]
    return el("nav", *links, aria_label="Pages")


def footer() -> Html:
    return el("footer", f"jetstream-exporter {__version__}")


def taken(shown: Shown) -> Html:
    """The time of the data, and its age in words when they are old."""
    age = shown.age
    when = moment(shown.view.time)
    if age < OLD:
        ago = "just now" if age < 1 else f"{span(age)} ago"
        return el("p", "Data from ", when, f", {ago}.", class_="taken")
    old = f"These data are {span(age)} old: no collection has ended since. "
    return el(
        "p",
        el("strong", MARKS["warning"], " ", old),
        "They are from ",
        when,
        ". See ",
        link("/debug/sources", "the sources"),
        ".",
        class_="taken old",
        role="status",
    )


def moment(time: float) -> Html:
    when = datetime.fromtimestamp(time, UTC)
    return el("time", f"{when:%Y-%m-%d %H:%M:%S} UTC", datetime=f"{when:%Y-%m-%dT%H:%M:%SZ}")


def ago(time: float | None, now: float) -> str:
    if time is None:
        return "–"
    return "now" if now - time < 1 else f"{span(now - time)} ago"


def badge(word: str, level: str | None = None) -> Html:
    """A state: a mark, a word and a colour, in this order of weight."""
    found = level or states.level(word)
    mark = el("span", MARKS[found], aria_hidden="true")
    # No line begins between the mark and its word.
    return el("span", mark, Html("&nbsp;"), word, class_=f"badge {found}")


def href(key: Object) -> str:
    """The page of an object; empty where it has none."""
    names = IDENTITY.get(key.kind)
    if names is None:
        return ""
    return url(f"/{key.kind}", dict(zip(names, key.names, strict=True)))


def named(key: Object) -> Html:
    """An object in words, linked to its page."""
    if key.kind == "exporter":
        return text("this exporter")
    target, shown = href(key), key.name or "(no name)"
    of = {"consumer": f" of stream {key.names[2]}"} if key.kind == "consumer" else {}
    name = link(target, shown) if target else text(shown)
    return join((f"{key.kind} ", name, of.get(key.kind, "")))


def integer(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def table(
    head: list[Html | str], rows: list[Html], caption: str, *, sortable: bool = False
) -> Html:
    """Where there is no room, its rows are cards, and the heads are shown only if they sort."""
    if not rows:
        return NOTHING
    cells = join(each if isinstance(each, Html) else el("th", each, scope="col") for each in head)
    return el(
        "table",
        el("caption", caption, class_="unseen"),
        el("thead", el("tr", cells)),
        el("tbody", *rows),
        class_="sortable" if sortable else None,
    )


def cell(label: str, *children: Html | str, number: bool = False) -> Html:
    """A cell that says what it is where there is no room for a head."""
    inner = join(children)
    # A long word may be broken anywhere, or the table would be wider than the window; a short one is not.
    is_long = any(len(word) > SHORT for word in WORDS.findall(unescape(MARKUP.sub(" ", inner))))
    return el("td", inner, data_label=label, class_="n" if number else "long" if is_long else None)
