"""Pages for people: the landing page, and what each source gave in the last scrape."""

from collections.abc import Iterable
from html import escape

from jetstream_exporter import __version__
from jetstream_exporter.report import Outcome

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left;"
    "border-bottom:1px solid #bbb;vertical-align:top}td.n{text-align:right}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}a{color:#8cf}}"
)
LINKS = (
    ("/metrics", "the metrics, for Prometheus"),
    ("/debug/sources", "what each source gave in the last scrape"),
    ("/sd", "the servers found, for Prometheus' HTTP service discovery"),
    ("/-/healthy", "whether this process is alive"),
    ("/-/ready", "whether it is configured and has asked once"),
)


def page(title: str, body: str) -> str:
    name = escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{name}</h1>{body}</body></html>\n"
    )


def landing() -> str:
    links = "".join(f'<li><a href="{path}">{path}</a>: {escape(what)}</li>' for path, what in LINKS)
    probe = "<p><code>/probe?target=URL</code> scrapes one of the configured servers alone.</p>"
    version = f"<p>version {escape(__version__)}</p>"
    return page("jetstream-exporter", f"<ul>{links}</ul>{probe}{version}")


def sources(outcomes: Iterable[Outcome]) -> str:
    rows = "".join(_row(outcome) for outcome in outcomes)
    if not rows:
        return page("Sources", "<p>Nothing was asked yet.</p>")
    head = "<tr><th>source</th><th>target</th><th>server</th><th>state</th><th>seconds</th><th>bytes</th></tr>"
    return page("Sources", f"<table>{head}{rows}</table>")


def _row(outcome: Outcome) -> str:
    state = "up" if outcome.error is None else f"down: {outcome.error}"
    parts = "".join(
        f"<br><small>{escape(name)}: {escape(said)}</small>" for name, said in outcome.parts.items()
    )
    name = outcome.report.server_name if outcome.report else ""
    return (
        f"<tr><td>{escape(outcome.source)}</td><td>{escape(outcome.target)}</td>"
        f"<td>{escape(name)}</td><td>{escape(state)}{parts}</td>"
        f'<td class="n">{outcome.duration:.3f}</td><td class="n">{outcome.received}</td></tr>'
    )
