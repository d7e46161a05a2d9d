"""`/debug/sources`: what each source gave in the last collection, how long it took, and what failed."""

from collections.abc import Iterable, Mapping, Sequence

from jetstream_exporter.report import Outcome, RequestResult
from jetstream_exporter.scrape import Latest
from jetstream_exporter.snapshot.rows import EventKind, Listening
from jetstream_exporter.status.numbers import span
from jetstream_exporter.web.status.frame import badge, cell, document, integer, moment, table
from jetstream_exporter.web.status.html import Html, el, join

# The order in which they are asked; others follow by name.
ORDER = (
    "varz",
    "healthz",
    "jsz",
    "gatewayz",
    "leafz",
    "routez",
    "accstatz",
    "account",
    "streams",
    "consumers",
)
NOTHING_YET = "No collection has been attempted yet."


def page(
    outcomes: Sequence[Outcome], conflicts: Sequence[str], latest: Latest | None, now: float
) -> str:
    if not outcomes:
        return document("Sources", el("p", NOTHING_YET), here="/debug/sources")
    head: list[Html | str] = ["State", "Source", "Target", "Server", "Requests", "Seconds", "Bytes"]
    results = latest.snapshot.target_results if latest is not None else ()
    names = {each.target: each.server for each in results}
    rows = [_row(each, names) for each in sorted(outcomes, key=_order)]
    parts = [_summary(outcomes, latest, now), _conflicts(conflicts), table(head, rows, "Sources")]
    if latest is not None:
        parts += [_listenings(latest), _kinds(latest.snapshot.event_kinds)]
    return document("Sources", join(parts), here="/debug/sources")


def _order(outcome: Outcome) -> tuple[bool, str, str]:
    """What failed comes first."""
    return (outcome.error is None, outcome.source, outcome.target)


def _summary(outcomes: Sequence[Outcome], latest: Latest | None, now: float) -> Html:
    failed = sum(outcome.error is not None for outcome in outcomes)
    word = badge(f"{failed} down", "critical") if failed else badge("all up", "ok")
    asked = f" {len(outcomes)} asked in the last collection"
    if latest is None:
        return el("p", word, asked, ".")
    when = (", of ", moment(latest.time), f", {span(max(0.0, now - latest.time))} ago.")
    return el("p", word, asked, *when)


def _conflicts(conflicts: Sequence[str]) -> Html | None:
    if not conflicts:
        return None
    items = (el("li", each) for each in conflicts)
    return join((el("h2", "Names that are not unique"), el("ul", *items)))


def _row(outcome: Outcome, names: Mapping[str, str]) -> Html:
    """A target that does not answer has the name of the server that it was when it last did."""
    name = outcome.server.server_name if outcome.server else names.get(outcome.target, "")
    return el(
        "tr",
        cell("State", _state(outcome)),
        cell("Source", outcome.source),
        cell("Target", outcome.target),
        cell("Server", name or "–"),
        cell("Requests", _requests(outcome.requests)),
        cell("Seconds", f"{outcome.duration:.3f}", number=True),
        cell("Bytes", integer(outcome.received), number=True),
    )


def _state(outcome: Outcome) -> Html:
    if outcome.error is None:
        return badge("up", "ok")
    return join((badge("down", "critical"), " ", el("span", f"down: {outcome.error}")))


def _requests(found: Mapping[str, RequestResult]) -> Html:
    """What each request gave, in one order on every row."""
    ordered = sorted(found.items(), key=lambda each: (_place(each[0]), each[0]))
    items = (
        el("li", f"{name}: {'up' if result.up else 'down'}: {result.text}")
        for name, result in ordered
    )
    return el("ul", *items) if found else el("span", "–")


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _listenings(latest: Latest) -> Html | None:
    rows = [_listening(each, latest) for each in latest.snapshot.listenings]
    if not rows:
        return None
    head: list[Html | str] = ["State", "Connection", "Since", "Gaps"]
    return join((el("h2", "Advisories"), table(head, rows, "Advisories")))


def _listening(each: Listening, latest: Latest) -> Html:
    since = latest.memory.listening.get(each.target)
    received: Html | str = "–"
    if each.connected and since is not None:
        received = join(("at least ", moment(since)))
    word = badge("connected", "ok") if each.connected else badge("not connected", "critical")
    return el(
        "tr",
        cell("State", word),
        cell("Connection", each.target),
        cell("Since", received),
        cell("Gaps", integer(each.gaps), number=True),
    )


def _kinds(kinds: Iterable[EventKind]) -> Html | None:
    head: list[Html | str] = ["Cluster", "Advisory", "Heard"]
    rows = [
        el(
            "tr",
            cell("Cluster", each.cluster),
            cell("Advisory", each.kind),
            cell("Heard", integer(each.count), number=True),
        )
        for each in kinds
    ]
    return join((el("h3", "Heard"), table(head, rows, "Heard"))) if rows else None
