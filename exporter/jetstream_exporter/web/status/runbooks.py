"""`/runbooks`: the runbook of each alert, with the names of an object in its commands where they are given.

A name is never written into a command but as the value of a variable, quoted for the shell. One that a shell or a
program could misread is not filled in at all.
"""

import re
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jetstream_exporter.exposition import escape
from jetstream_exporter.status.alerts import table
from jetstream_exporter.web.parameters import OBJECT
from jetstream_exporter.web.status.frame import badge, document
from jetstream_exporter.web.status.html import Html, el, join, link
from jetstream_exporter.web.status.markdown import render

# In the installed package, or in the repository around it.
FOLDERS = (
    Path(__file__).with_name("runbooks"),
    Path(__file__).resolve().parents[4] / "rules/runbooks",
)
REPOSITORY = "https://github.com/jetstream-exporter/jetstream-exporter/blob/main/"
VARIABLES = OBJECT  # as they are called in a URL
SETTING = re.compile(r"\b([A-Z]+)=''")
IN_QUERY = re.compile(r'"\$([A-Z]+)"')
FILLED = "The commands and queries below contain the names of "
UNSAFE = (
    "The names are not filled in, because one of them begins with a hyphen or has characters that a terminal would "
    "misread. Set the variables with care."
)


@cache
def names() -> tuple[str, ...]:
    """The alerts, in the order of their table."""
    return tuple(dict.fromkeys(each.name for each in table().alerts))


@cache
def source(name: str) -> str | None:
    """The Markdown of an alert's runbook; None where there is none."""
    if name not in names():
        return None
    for folder in FOLDERS:
        file = folder / f"{name}.md"
        if file.is_file():
            return file.read_text("utf-8")
    return None


def index() -> str:
    summaries: dict[str, list[str]] = {}
    severities: dict[str, list[str]] = {}
    for each in table().alerts:
        summaries.setdefault(each.name, []).append(each.summary)
        severities.setdefault(each.name, []).append(each.severity)
    items = [
        el("li", link(f"/runbooks/{name}", name), f" ({', '.join(severities[name])}): {found[0]}")
        for name, found in summaries.items()
    ]
    return document("Runbooks", el("ul", *items), here="/runbooks")


def page(name: str, given: Mapping[str, str]) -> str | None:
    """None where there is no such runbook. `given` are the object's names, by their kind."""
    found = source(name)
    if found is None:
        return None
    values = {key.upper(): value for key, value in given.items() if value}
    safe = all(is_safe(value) for value in values.values())
    body = render(
        _without_title(found),
        lambda language, code: filled(language, code, values if safe else {}),
        address,
    )
    notes = _notes(given, safe=safe) if values else None
    return document(name, join((_severities(name), notes, body)))


def _severities(name: str) -> Html:
    found = [each for each in table().alerts if each.name == name]
    badges = [badge(each.severity, each.severity) for each in found if each.severity != "none"]
    return el("p", *(piece for each in badges for piece in (each, " ")), found[0].summary + ".")


def _notes(given: Mapping[str, str], *, safe: bool) -> Html:
    said = ", ".join(f"{key} {given[key]}" for key in VARIABLES if given.get(key))
    return el("p", badge("info", "info"), f" {FILLED}{said}." if safe else f" {UNSAFE}")


def _without_title(found: str) -> str:
    return found.split("\n", 1)[1] if found.startswith("# ") else found


def is_safe(value: str) -> bool:
    """Whether a name, quoted, is one word of one line that no program takes for an option."""
    return value.isprintable() and not value.startswith("-")


def filled(language: str, code: str, values: Mapping[str, str]) -> str:
    if language == "sh":
        return SETTING.sub(lambda each: _set(each, values), code)
    if language == "promql":
        return IN_QUERY.sub(lambda each: _matched(each, values), code)
    return code


def _set(found: re.Match[str], values: Mapping[str, str]) -> str:
    value = values.get(found[1])
    return found[0] if value is None else f"{found[1]}={shlex.quote(value)}"


def _matched(found: re.Match[str], values: Mapping[str, str]) -> str:
    """A string of PromQL, which has the escapes of the exposition format."""
    value = values.get(found[1])
    if value is None:
        return found[0]
    return f'"{escape(value)}"'


def address(target: str) -> str | None:
    """Of a link in a runbook: another runbook, or a page of the repository."""
    if re.fullmatch(r"[A-Za-z]+\.md", target):
        return f"/runbooks/{target.removesuffix('.md')}"
    if target.startswith("../../"):
        return REPOSITORY + target.removeprefix("../../")
    return target if target.startswith("https://") else None
