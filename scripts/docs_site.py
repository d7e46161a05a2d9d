"""Hooks of mkdocs.yml: which files of the repository are pages of the site, at which address, with which links.

Pages keep the links that work in the repository. A link to another page leads to its address on the site, and a link to
any other file or folder leads to the repository.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUNBOOKS = "rules/runbooks/"
PICTURES = ("docs/images", "dashboards/images")
CODE = re.compile(r"`[^`]+`")
FENCE = re.compile(r" *(`{3,})")
LINK = re.compile(r"(?<=\]\()([^)\s#]+)")
# Where a page is found that does not simply lose the folder and the ending of its file.
PLACES = {"README": "", "docs/runbooks": "writing-a-runbook", "exporter/METRICS": "metrics"}
MOVED = (("docs/", ""), (RUNBOOKS, "runbooks/"))


def place(source: str) -> str:
    """The address on the site of a page of the repository, such as `runbooks/JetStreamMetaNoLeader/`."""
    stem = source.removesuffix(".md")
    stem = PLACES.get(stem, stem.removesuffix("/README"))
    for old, new in MOVED:
        if stem.startswith(old):
            stem = new + stem.removeprefix(old)
    return f"{stem.lower().replace('_', '-') if stem.isupper() else stem}/".removeprefix("/")


def nav(entry: Any) -> Any:
    """An entry of `nav` with each folder replaced by its pages, the README first."""
    if isinstance(entry, list):
        return [nav(each) for each in entry]
    if isinstance(entry, dict):
        return {title: nav(each) for title, each in entry.items()}
    return entry if entry.endswith(".md") else sorted(folder(entry), key=_order)


def folder(name: str) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in (ROOT / name).glob("*.md")]


def _order(page: str) -> tuple[bool, str]:
    return PurePosixPath(page).name != "README.md", page


def pages(entry: Any) -> Iterator[str]:
    """The files that `nav` names."""
    if isinstance(entry, str):
        yield entry
    else:
        for each in entry.values() if isinstance(entry, dict) else entry:
            yield from pages(each)


@cache
def repository() -> str:
    source: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Source"]
    return source


def adapted(markdown: str, source: str, known: set[str], base: str) -> str:
    """The text of a page for the site's Markdown, with links to what is no page replaced by links to the repository."""

    def link(match: re.Match[str]) -> str:
        target = normpath(PurePosixPath(source).parent / match[1])
        at = ROOT / target
        if ":" in match[1] or target in known or not at.exists():
            return match[1]  # what leads nowhere is left for the strict build to refuse
        return f"{base}/{'tree' if at.is_dir() else 'blob'}/main/{target}"

    return "\n".join(
        line if code else LINK.sub(link, unescaped(line)) for code, line in lines_of(markdown)
    )


def unescaped(line: str) -> str:
    r"""A row of a table in which `a\|b` is `a|b`: the site's Markdown shows the backslash."""
    return (
        CODE.sub(lambda code: code[0].replace(r"\|", "|"), line) if line.startswith("|") else line
    )


def lines_of(markdown: str) -> Iterator[tuple[bool, str]]:
    """Each line, and whether it belongs to a block of code."""
    fence = ""
    for line in markdown.split("\n"):
        found = FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1] == fence:
            fence = ""
        yield bool(fence) or line.startswith("    "), line


def words(alert: str) -> list[str]:
    """What a search finds a runbook by, besides the whole name of its alert."""
    return re.findall(r"[A-Z][a-z]+", alert.replace("JetStream", "Jetstream"))


def slug(text: str, separator: str) -> str:
    """The anchor of a heading, as the repository's site makes it."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", separator)


# What mkdocs calls.


def on_config(config: Any) -> Any:
    config.nav = nav(config.nav)
    config.mdx_configs["toc"]["slugify"] = slug  # a function, which plain YAML cannot name
    return config


def on_files(files: Any, *, config: Any) -> Any:
    from mkdocs.structure.files import File, InclusionLevel  # noqa: PLC0415 - tests of `place` lack it

    for file in [each for each in files if each.src_dir == config.docs_dir]:
        files.remove(file)
    pictures = [
        str(path.relative_to(ROOT)) for name in PICTURES for path in (ROOT / name).iterdir()
    ]
    for source in [*pages(config.nav), *pictures]:
        file = File.generated(
            config, source, abs_src_path=str(ROOT / source), inclusion=InclusionLevel.INCLUDED
        )
        if source.endswith(".md"):
            file.dest_uri = f"{place(source)}index.html"
        files.append(file)
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    known = {each.src_uri for each in files}
    if page.file.src_uri.startswith(RUNBOOKS):
        page.meta["tags"] = words(PurePosixPath(page.file.src_uri).stem)
    return adapted(markdown, page.file.src_uri, known, repository())
