"""The site in a real browser: searched, on a small screen, without scripts, and without a word to anybody else."""

import asyncio
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.support.browser import CHROMIUM, Browser, LeftError, browser
from tests.support.docs_site import Site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no browser: `make browser` brings one"),
]
ASKED = "performance.getEntriesByType('resource').map(each => each.name)"
FOUND = """[...document.querySelectorAll(".md-search-result__item > :first-child")]
  .map(each => each.href)"""
PROBLEMS = """[
  document.documentElement.scrollWidth > innerWidth && "wider than the window",
  document.querySelectorAll("article h1").length !== 1 && "not one main heading",
  [...document.images].some(each => !each.naturalWidth) && "a picture is missing",
].filter(Boolean)"""
TALL = ("/", "/metrics/", "/dashboards/", "/runbooks/JetStreamConsumerStalled/")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def origin(site: Site) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site.folder)) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def eventually(page: Browser, script: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                if await page.run(script):
                    return
            except LeftError:
                pass
            await asyncio.sleep(0.05)


async def search(page: Browser, question: str, best: str, among: int) -> None:
    """Type a question and wait until an address is among the first results."""
    await page.press("/")
    await eventually(page, "document.activeElement.name === 'query'")
    await page.type(question)
    await eventually(page, f"{FOUND}.slice(0, {among}).some(each => each.startsWith('{best}'))")


async def test_the_search_finds_a_runbook_by_its_name_and_by_its_words(
    origin: str, tmp_path: Path
) -> None:
    runbook = f"{origin}/runbooks/JetStreamConsumerStalled/"
    async with browser(tmp_path) as page:
        await page.open(f"{origin}/")
        await search(page, "stalled consumer", runbook, among=2)
        asked = await page.run(ASKED)
        await page.open(f"{origin}/alerting/")
        await search(page, "JetStreamConsumerStalled", runbook, among=1)
        await page.press("Enter")
        await page.arrived(runbook)
        asked += await page.run(ASKED)

    assert [url for url in asked if not url.startswith((origin, "data:", "blob:"))] == []
    assert any(url.endswith("/search/search_index.json") for url in asked)
    assert any(url.endswith(".css") for url in asked)


async def test_pages_fit_a_small_screen_and_need_no_scripts(origin: str, tmp_path: Path) -> None:
    async with browser(tmp_path) as page:
        await page.size(420, 900, dark=True)
        for path in TALL:
            await page.open(origin + path)
            assert await page.run(PROBLEMS) == [], path
        await page.ask("Emulation.setScriptExecutionDisabled", value=True)
        await page.open(origin + TALL[0])
        assert await page.run(PROBLEMS) == []
