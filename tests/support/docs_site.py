"""The documentation as `make docs` builds it: its pages, where their links lead, and their text."""

import os
import re
import subprocess
import sys
from functools import cached_property
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from scripts.docs_site import ROOT

HOST = "https://site.example"
# What makes the look of a text: the same on the site and in the repository.
BLOCKS = {
    *("h1", "h2", "h3", "h4", "ul", "ol", "li", "pre", "code", "table", "tr", "td", "th"),
    *("blockquote", "details", "em", "strong"),
}
LEADING = re.compile(r"<(a|img|script|link|iframe|source)\b([^>]*)>")
TARGET = re.compile(r'\b(?:href|src)="([^"]+)"')
ANCHOR = re.compile(r'<[a-z][^>]*?\sid="([^"]+)"')


def build(into: Path) -> None:
    """As `make docs` does; what mkdocs warns of fails."""
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": ""}
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", into]
    done = subprocess.run(
        argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


class Page:
    """What a built page links to and loads, read by patterns: a parser takes seconds for all pages."""

    def __init__(self, html: str) -> None:
        self.anchors = set(ANCHOR.findall(html))
        self.links: list[str] = []
        self.loaded: list[str] = []
        for tag, attributes in LEADING.findall(html):
            for target in TARGET.findall(attributes):
                (self.links if tag == "a" else self.loaded).append(unescape(target))


class Article(HTMLParser):
    """The text of a page with the names of its blocks, without spaces."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._permalink = False
        self._said: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._permalink |= ("class", "headerlink") in attrs
        if tag in BLOCKS:
            self._said.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self._said.append(f"</{tag}>")
        self._permalink &= tag != "a"

    def handle_data(self, data: str) -> None:
        if not self._permalink:
            self._said.append("".join(data.split()))

    @property
    def text(self) -> str:
        return "".join(self._said)


def written(page: str) -> str:
    """What a person wrote of a built page."""
    return page.partition("<article")[2].partition(">")[2].partition("</article>")[0]


class Site:
    """A folder with a built site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def pages(self) -> dict[str, Page]:
        """By address, such as `/alerting/`."""
        return {
            f"/{path.relative_to(self.folder)}".removesuffix("index.html"): Page(path.read_text())
            for path in self.folder.rglob("*.html")
        }

    def leads_nowhere(self, address: str, link: str) -> bool:
        """Whether a link within the site lacks its file or its anchor."""
        parts = urlsplit(urljoin(HOST + address, link))
        path, anchor = unquote(parts.path), unquote(parts.fragment)
        if path in self.pages:
            return bool(anchor) and anchor not in self.pages[path].anchors
        return not (self.folder / path.removeprefix("/")).is_file()


def elsewhere(link: str) -> bool:
    return bool(urlsplit(link).scheme or urlsplit(link).netloc)
