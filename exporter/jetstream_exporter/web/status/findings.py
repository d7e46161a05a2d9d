"""What is wrong, in words: each finding with its object, how long it has held, and its runbook."""

from collections.abc import Iterator, Sequence

from jetstream_exporter.status.conditions import IN_PART, NOT_JUDGED
from jetstream_exporter.status.findings import Finding
from jetstream_exporter.status.numbers import span
from jetstream_exporter.web.status.frame import Shown, badge, named
from jetstream_exporter.web.status.html import Html, el, join, link, url

MOST = 100  # findings on the first page


def runbook(found: Finding) -> str:
    """The runbook with the names of the finding's object."""
    labels = found.labels
    names = {
        "cluster": labels.get("nats_cluster", ""),
        **{key: labels.get(key, "") for key in ("server", "account", "stream", "consumer")},
    }
    return url(f"/runbooks/{found.alert.name}", names)


def listed(found: Sequence[Finding], shown: Shown, *, nothing: str) -> Html:
    if not found:
        return el("p", badge("ok"), f" {nothing}")
    return el("ol", *(item(each, shown) for each in found), class_="findings")


def item(found: Finding, shown: Shown) -> Html:
    held = shown.view.held(found)
    times = f"For at least {held}. " if held else ""
    links: list[Html | str | None] = [link(runbook(found), f"Runbook {found.alert.name}")]
    if shown.dashboards:
        links += [" · ", link(board(found, shown.dashboards), "Dashboard")]
    return el(
        "li",
        el(
            "p",
            badge(found.alert.severity, found.alert.severity),
            " ",
            el("strong", found.alert.summary),
        ),
        el("p", found.sentence),
        el("p", named(found.object), ". ", times, fires(found, shown), *links, class_="more"),
        class_=found.alert.severity,
    )


def fires(found: Finding, shown: Shown) -> str:
    """Whether the alert fires by now, as far as is known here."""
    if found.alert.severity == "info":
        return ""
    if found.is_firing:
        return "The alert fires. "
    left = max(1.0, found.fires_at - shown.view.time)
    return f"The alert fires if this lasts {span(left)} more. "


def board(found: Finding, base: str) -> str:
    labels = found.labels
    wanted = ("nats_cluster", "account", "stream", "consumer")
    chosen = {f"var-{name}": labels[name] for name in wanted if labels.get(name)}
    return url(f"{base}/d/{found.alert.board}", chosen)


def not_judged() -> Html:
    """Which alerts this page says nothing about."""
    names = join(
        piece
        for place, name in enumerate(NOT_JUDGED)
        for piece in (", " if place else "", link(f"/runbooks/{name}", name))
    )
    why = (
        "These need more history than the exporter keeps, or data that only Prometheus has. "
        "Prometheus judges them: "
    )
    summary = el("summary", f"Alerts that this page cannot judge ({len(NOT_JUDGED)})")
    return el("details", summary, el("p", why, names, "."), el("p", *_in_part()))


def _in_part() -> Iterator[Html | str]:
    yield "Of others it judges only a part, and not: "
    for place, (name, what) in enumerate(IN_PART.items()):
        yield f"{'; ' if place else ''}{what} ("
        yield link(f"/runbooks/{name}", name)
        yield ")"
    yield "."
