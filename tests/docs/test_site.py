"""The documentation as a site: built strictly, every link leads somewhere, and nothing is fetched from elsewhere."""

import re

import pytest
import yaml
from markdown_it import MarkdownIt
from scripts import docs_site
from tests.support.docs_site import Article, Site, elsewhere, written

pytestmark = pytest.mark.slow
SOURCES = sorted(
    docs_site.pages(
        docs_site.nav(yaml.safe_load((docs_site.ROOT / "mkdocs.yml").read_text())["nav"])
    )
)
FETCHED = re.compile(r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)")


def test_every_page_is_on_the_site(site: Site) -> None:
    assert set(site.pages) == {f"/{docs_site.place(each)}" for each in SOURCES} | {"/404.html"}


def test_every_link_leads_to_a_page_and_an_anchor(site: Site) -> None:
    inside = [
        (address, link)
        for address, page in site.pages.items()
        for link in (*page.links, *page.loaded)
        if not elsewhere(link)
    ]

    assert len(inside) > 5000
    assert sorted({each for each in inside if site.leads_nowhere(*each)}) == []


def test_links_to_the_repository_lead_to_files_and_folders(site: Site) -> None:
    kinds = {"blob": "is_file", "tree": "is_dir"}
    base = re.escape(docs_site.repository())
    found = {
        (*match.groups(),)
        for page in site.pages.values()
        for link in page.links
        if (match := re.fullmatch(rf"{base}/(\w+)/main/([^#]+)(?:#.*)?", link))
    }

    assert len(found) > 10
    for kind, path in found:
        assert getattr(docs_site.ROOT / path, kinds[kind])(), path


def test_no_page_loads_anything_from_elsewhere(site: Site) -> None:
    loaded = {link for page in site.pages.values() for link in page.loaded}
    styles = "".join(path.read_text() for path in site.folder.rglob("*.css"))

    assert len(loaded) > 5
    assert [link for link in loaded if elsewhere(link)] == []
    assert FETCHED.findall(styles) == []


def test_pages_read_as_they_do_in_the_repository(site: Site) -> None:
    """The site's Markdown needs lists to be indented further than that of the repository."""
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for source in SOURCES:
        there = markdown.render((docs_site.ROOT / source).read_text())
        built = (site.folder / docs_site.place(source) / "index.html").read_text()
        assert Article(written(built)).text == Article(there).text, source
