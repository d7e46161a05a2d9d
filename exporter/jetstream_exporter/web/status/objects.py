"""The page of one server, stream or consumer: its state, what is wrong with it, and its figures with their meanings."""

from jetstream_exporter.snapshot import Stream
from jetstream_exporter.status import states
from jetstream_exporter.status.facts import Object
from jetstream_exporter.status.figures import Figure, figures
from jetstream_exporter.web.status.findings import listed
from jetstream_exporter.web.status.frame import (
    Shown,
    badge,
    document,
    moment,
    named,
)
from jetstream_exporter.web.status.frame import ago as time_ago
from jetstream_exporter.web.status.html import Html, el, join, link, url

MOST = 100  # subjects, in the order of the configuration


def page(key: Object, shown: Shown) -> str | None:
    """None where no such object is reported and nothing is known of it."""
    view = shown.view
    row = view.row(key)
    found = view.by_object.get(key, ())
    if row is None and not found:
        return None
    body = [where(key)]
    if row is None:
        body.append(el("p", badge("not reported", "critical"), " No server reports it now."))
    else:
        word = state(key, shown)
        body.append(el("p", badge(word), f" {meaning(word, is_wrong=bool(found))}"))
    body.append(el("h2", "What is wrong with it"))
    body.append(listed(found, shown, nothing="Nothing is known to be wrong with it."))
    if isinstance(row, Stream):
        body.append(_of_stream(row))
    if row is not None:
        for title, group in figures(row, view.lag_of(key)):
            body += [el("h2", title), _figures(group, shown)]
    return document(f"{key.kind.capitalize()} {key.name}", join(body), shown)


def meaning(word: str, *, is_wrong: bool) -> str:
    """Not every condition is one of the states: `ok` must not deny what is listed below it."""
    if word == states.OK and is_wrong:
        return "It works, except for what is listed below."
    return states.MEANING[word]


def state(key: Object, shown: Shown) -> str:
    view = shown.view
    states_of = {"server": view.servers, "stream": view.streams, "consumer": view.consumers}
    return states_of[key.kind][key]


def where(key: Object) -> Html:
    """What the object belongs to."""
    cluster = f"Cluster {key.names[0]}" if key.names[0] else "Without a cluster"
    parts: list[Html | str] = [cluster]
    if key.kind in ("stream", "consumer"):
        parts.append(f", account {key.names[1]}")
    if key.kind == "consumer":
        parts += [", ", named(Object("stream", key.names[:3]))]
    return el("p", *parts, ".")


def _of_stream(row: Stream) -> Html:
    subjects = row.settings.subjects if row.settings is not None else ()
    target = url("/consumers", {"q": row.name})
    parts: list[Html | str | None] = [
        el("p", link(target, "Consumers whose names or stream contain this name"), ".")
    ]
    if subjects:
        more = f", and {len(subjects) - MOST:,} more" if len(subjects) > MOST else ""
        parts.append(el("p", f"Subjects: {', '.join(subjects[:MOST])}{more}."))
    return join(parts)


def _figures(group: list[Figure], shown: Shown) -> Html:
    return el("dl", *(join((_term(each), _meaning(each, shown))) for each in group))


def _term(each: Figure) -> Html:
    return el("dt", each.label)


def _meaning(each: Figure, shown: Shown) -> Html:
    value: Html | str = each.text
    if each.time is not None:
        value = join((moment(each.time), ", ", time_ago(each.time, shown.view.time)))
    return el(
        "dd",
        el("b", value),
        " ",
        el("span", each.meaning, " ", el("code", each.metric), class_="m"),
    )
