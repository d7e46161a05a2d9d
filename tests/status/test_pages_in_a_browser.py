"""The status pages in a real browser, as a person would use them: by mouse, by keys, small, without scripts."""

import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.browser import CHROMIUM, Browser, browser
from tests.support.status import consumer, leaderless, meta, raft, server, snapshot, stream
from tests.support.web import Web, web

from jetstream_exporter.report import EventCounts
from jetstream_exporter.scrape import Latest
from jetstream_exporter.status.watch import Watch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no browser: `make browser` brings one"),
]
GAVE_UP = EventCounts(max_deliveries=1)  # of the longest state of a consumer
HOSTILE = "<img src=x onerror=document.title='broken'>"
# What a reader cannot see or reach: cut to the side, unlabelled, or of a size that no finger hits.
PROBLEMS = """(() => {
  const found = [];
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) found.push(`the page is ${wide} px wider than the window`);
  for (const each of document.querySelectorAll("a, button, input, select, summary")) {
    const box = each.getBoundingClientRect();
    if (each.type === "hidden" || each.className === "skip" || !box.width) continue;
    const name = each.textContent.trim() || each.labels?.[0]?.textContent || each.ariaLabel;
    if (!name) found.push(`no name: ${each.outerHTML.slice(0, 80)}`);
    if (box.right > innerWidth + 1) found.push(`cut off: ${name}`);
  }
  for (const each of document.querySelectorAll("input:not([type=hidden]), select"))
    if (!each.labels.length) found.push(`no label: ${each.name}`);
  for (const badge of document.querySelectorAll(".badge")) {
    const range = document.createRange();
    range.setStart(badge, 0);
    range.setEnd(badge.lastChild, badge.lastChild.data.match(/^\\s*\\S+/)[0].length);
    const tops = [...range.getClientRects()].map((box) => box.top);
    if (Math.max(...tops) - Math.min(...tops) > 12) found.push(`mark alone: ${badge.textContent}`);
  }
  for (const cell of document.querySelectorAll("td")) {
    const words = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (words.nextNode())
      for (const word of words.currentNode.data.matchAll(/[^\\s-]+/g)) {
        const range = document.createRange();
        range.setStart(words.currentNode, word.index);
        range.setEnd(words.currentNode, word.index + word[0].length);
        const tops = new Set([...range.getClientRects()].map((box) => box.top));
        if (word[0].length <= 10 && tops.size > 1) found.push(`broken: ${word[0]}`);
      }
  }
  if (document.querySelectorAll("h1").length !== 1) found.push("not one main heading");
  if (!document.documentElement.lang) found.push("no language");
  return found;
})()"""


def rows() -> list[Any]:
    many = [consumer(f"worker-{n:03}", pending=n) for n in range(120)]
    return [
        server("n0"),
        server("n1"),
        server("n2", up=False),
        meta(True, False),
        stream(),
        stream(HOSTILE),
        consumer("broken", raft=leaderless()),
        *many,
    ]


@pytest.fixture
async def site() -> AsyncIterator[Web]:
    async with web(["http://127.0.0.1:1"]) as site:
        await show(site)
        yield site


async def show(site: Web, found: Sequence[Any] = ()) -> None:
    """As if these rows had just been collected, and seen once before."""
    now, watch = time.time(), Watch()
    watch.note(snapshot(stream()), now - 1)
    last = snapshot(*(found or rows()))
    memory = watch.note(last, now)
    far = time.monotonic() + 3600  # no page collects
    site.service._pipeline.latest = Latest(last, memory, now, far)


async def open_at(page: Browser, site: Web, path: str) -> str:
    url = str(site.client.make_url(path))
    await page.open(url)
    return url


async def text(page: Browser) -> str:
    return str(await page.run("document.getElementById('main').innerText"))


async def test_a_person_finds_a_consumer_and_its_runbook(site: Web, tmp_path: Path) -> None:
    async with browser(tmp_path) as page:
        start = await open_at(page, site, "/")
        assert "Consumer broken of stream ORDERS" in await text(page)
        await page.click(".findings a[href*='ConsumerNoLeader']")
        await page.arrived(str(site.client.make_url("/runbooks/JetStreamConsumerNoLeader")))
        assert "CONSUMER=broken" in await text(page)
        await page.back()
        await page.arrived(start)
        await page.run("document.getElementById('q-consumers').value = 'worker-07'")
        await page.click("form[action='/consumers'] button")
        await page.arrived(str(site.client.make_url("/consumers")))
        assert "1 to 10 of 10, out of 121 consumers." in await text(page)
        await page.click("th a[href*='sort=-pending']")
        await page.arrived(str(site.client.make_url("/consumers?q=worker-07&sort=-pending")))
        first = "document.querySelector('tbody tr a').textContent"
        assert await page.run(first) == "worker-079"
        await page.click("tbody tr a")
        await page.arrived(str(site.client.make_url("/consumer?cluster=east")))
        assert "What is wrong with it" in await text(page)


async def test_everything_works_without_scripts(site: Web, tmp_path: Path) -> None:
    async with browser(tmp_path, scripts=False) as page:
        await open_at(page, site, "/consumers")
        for name in ("Next page", "Next page"):
            target = await page.run(
                f"[...document.querySelectorAll('a')].find(a => a.textContent === '{name}').href"
            )
            await page.open(target)
        assert "101 to 121 of 121" in await text(page)


async def test_keys_alone_reach_what_is_wrong(site: Web, tmp_path: Path) -> None:
    async with browser(tmp_path) as page:
        await open_at(page, site, "/")
        focused = "document.activeElement"
        for _ in range(40):
            await page.press("Tab")
            if "ConsumerNoLeader" in str(await page.run(f"{focused}.getAttribute('href')")):
                break
        outline = await page.run(f"getComputedStyle({focused}).outlineStyle")
        assert outline == "solid"
        await page.press("Enter")
        await page.arrived(str(site.client.make_url("/runbooks/JetStreamConsumerNoLeader")))


@pytest.mark.parametrize("path", ["/", "/consumers", "/streams", "/runbooks", "/debug/sources"])
async def test_a_page_is_whole_on_a_small_and_on_a_large_screen(
    path: str, site: Web, tmp_path: Path
) -> None:
    async with browser(tmp_path) as page:
        for width, dark in ((420, False), (420, True), (900, False), (1100, True), (1200, False)):
            await page.size(width, 900, dark=dark)
            await open_at(page, site, path)
            assert await page.run(PROBLEMS) == [], (path, width)


async def test_no_short_word_is_broken_where_a_table_is_full(site: Web, tmp_path: Path) -> None:
    """Narrow windows show a card for each row, so the widest table is in the narrowest window that has one."""
    name = "order-late"
    found = [
        *(server(f"server-00{n}") for n in range(3)),
        meta(True, True),
        stream(name, account=name, raft=raft(leader=name)),
        consumer(name, stream=name, account=name, raft=raft(leader=name), events=GAVE_UP),
    ]
    await show(site, found)
    async with browser(tmp_path) as page:
        for width in (1060, 1200):
            await page.size(width, 900)
            for path in ("/", "/streams", "/consumers"):
                await open_at(page, site, path)
                assert await page.run(PROBLEMS) == [], (path, width)


async def test_a_hostile_name_runs_nothing(site: Web, tmp_path: Path) -> None:
    async with browser(tmp_path) as page:
        await open_at(page, site, "/streams")
        assert HOSTILE in await text(page)
        assert await page.run("document.querySelectorAll('img').length") == 0
        assert "broken" not in str(await page.run("document.title"))


async def test_the_script_renews_the_page_and_keeps_what_is_open(site: Web, tmp_path: Path) -> None:
    async with browser(tmp_path) as page:
        await open_at(page, site, "/")
        await page.run("document.querySelector('details').open = true")
        assert await page.run("typeof refresh") == "function"
        await page.run("document.querySelector('.taken').textContent = 'old'")
        await page.ask("Runtime.evaluate", expression="refresh()", awaitPromise=True)
        assert "Data from" in await text(page)
        assert await page.run("document.querySelector('details').open") is True
