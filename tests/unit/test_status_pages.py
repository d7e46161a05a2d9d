"""The status pages over real HTTP: what they show, whose figures, and what nobody can make of them."""

import asyncio
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import pytest
from tests.support import fake_nats as fakes
from tests.support.fake_nats import FakeNats
from tests.support.status import NOW, consumer, leaderless, server, snapshot, stream, view
from tests.support.web import Web, web

from jetstream_exporter.report import Outcome, ScrapeRequest
from jetstream_exporter.scrape import pipeline
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.sources.collector import Collector
from jetstream_exporter.status.facts import Object
from jetstream_exporter.status.lists import Query
from jetstream_exporter.web.status import findings, lists, objects, overview, runbooks
from jetstream_exporter.web.status.frame import Shown, cell, document
from jetstream_exporter.web.status.look import FRESH, Look

PATHS = ("/", "/streams", "/consumers", "/runbooks", "/debug/sources")
HOSTILE = "<script>alert('x')</script>\"&\x1b[2J"


class Reader(HTMLParser):
    """The tags of a page, with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [attrs["href"] or "" for tag, attrs in self.tags if tag == "a"]


def shown(*moments: Any, dashboards: str = "") -> Shown:
    return Shown(view(*moments), NOW + 3, dashboards)


@pytest.mark.parametrize("path", PATHS)
async def test_every_link_of_a_page_resolves(path: str, site: Web) -> None:
    await site.text("/metrics")
    page = Reader(await site.text(path))
    assert page.open == []
    targets = {link for link in page.links() if link.startswith("/")}
    assert targets
    for link in targets - {"/metrics"}:
        assert await site.text(link)


def test_the_page_of_an_object_shows_its_figures_and_what_they_mean() -> None:
    found = shown(snapshot(stream(), consumer()))
    names = ("east", "APP", "ORDERS", "worker")
    pages = {
        Object("server", ("east", "n0")): "Whether the server answered in this scrape.",
        Object("stream", names[:3]): "Number of messages in the stream.",
        Object("consumer", names): "Number of messages that match the consumer",
    }
    for key, meaning in pages.items():
        text = Reader(objects.page(key, found) or "").text
        assert meaning in text
        assert "Nothing is known to be wrong with it." in text


def test_a_state_that_is_ok_does_not_deny_what_is_listed_below_it() -> None:
    found = shown(snapshot(stream(settings_={"max_age": None})))
    key = Object("stream", ("east", "APP", "ORDERS"))
    assert objects.state(key, found) == "ok"
    text = Reader(objects.page(key, found) or "").text
    assert "A JetStream stream has no limit" in text
    assert "It works, except for what is listed below." in text
    assert "Nothing is known to be wrong." not in text


async def test_a_page_causes_a_collection_only_where_there_is_no_fresh_one(
    fake: FakeNats, site: Web
) -> None:
    await site.text("/metrics")
    asked = fake.asked("/varz")
    for path in PATHS:
        await site.text(path)
    assert fake.asked("/varz") == asked
    old = site.service.latest
    assert old is not None
    site.service._pipeline.latest = old._replace(merged=old.merged - FRESH)
    await asyncio.gather(*(site.text("/") for _ in range(5)))
    assert fake.asked("/varz") == asked + 1


async def test_a_target_that_fails_is_named_as_the_server_that_it_was(
    fake: FakeNats, site: Web
) -> None:
    await site.text("/metrics")
    fake.always(fakes.reset)
    metrics = await site.text("/metrics")
    named = f'source="monitoring",target="{fake.url}",server="{fake.name}"'
    assert f"jetstream_exporter_source_info{{{named}}} 1" in metrics
    assert f'jetstream_exporter_source_up{{source="monitoring",target="{fake.url}"}} 0' in metrics
    page = Reader(await site.text("/debug/sources")).text
    assert re.search(rf"down: .*{re.escape(fake.url)}{fake.name}", page)


async def test_a_page_before_everything_collects_by_itself(fake: FakeNats, site: Web) -> None:
    assert "What is wrong now" in await site.text("/")
    assert fake.asked("/varz") == 1


async def test_a_collection_that_takes_long_is_not_waited_for_where_there_are_older_data(
    fake: FakeNats, site: Web
) -> None:
    await site.text("/metrics")
    fake.always(fakes.silent)
    old = site.service.latest
    assert old is not None
    site.service._pipeline.latest = old._replace(merged=old.merged - FRESH, time=old.time - 300)
    with mock.patch("jetstream_exporter.web.status.look.PATIENCE", 0.1):
        async with asyncio.timeout(5):
            text = Reader(await site.text("/")).text
    assert "These data are 5 minutes old: no collection has ended since." in text


async def test_a_scrape_is_no_worse_off_while_a_page_collects(fake: FakeNats, site: Web) -> None:
    """It shares the collection, as it would that of another scrape."""
    page, metrics = await asyncio.gather(site.text("/"), site.text("/metrics"))
    assert "jetstream_stream_messages" in metrics
    assert "What is wrong now" in page
    assert fake.asked("/varz") == 1


async def test_an_unknown_object_is_not_found_in_words(site: Web) -> None:
    page = await site.text("/stream?" + urlencode({"stream": HOSTILE}), 404)
    assert "is not reported by any server now" in page
    assert "<script>" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/streams?sort=size", "parameter sort: must be one of state, name, account"),
        ("/consumers?state=bad", "parameter state: must be one of no leader, ahead of its"),
        ("/consumers?page=0", "parameter page: must be a number from 1 on"),
        ("/consumers?page=1e3", "parameter page: must be a number from 1 on"),
        ("/consumers?page=" + "9" * 30, "parameter page: must be a number from 1 on"),
        ("/consumers?q=a&q=b", "set the parameter q only once"),
        ("/consumers?q=" + "a" * 513, "parameter q: at most 512 characters"),
        ("/consumers?x=1", "/consumers has no parameter 'x'; it has q and state and sort and page"),
        ("/stream", "name the stream: /stream?cluster=NAME&account=NAME&stream=NAME"),
        ("/runbooks/JetStreamWatchdog?x=1", "has no parameter 'x'"),
    ],
)
async def test_a_wrong_parameter_is_the_callers_mistake(
    path: str, sentence: str, site: Web
) -> None:
    assert sentence in await site.text(path, 400)


async def test_the_pages_ask_for_a_password_where_the_metrics_do(tmp_path: Path) -> None:
    hashed = "$2b$04$hQcpx9wvsYJDLvHtgEHZAOcMgwMOYWeeFVE7DR8ud3Angqg3SZ5H."
    async with web(["http://127.0.0.1:1"], users={"user": hashed}) as site:
        for path in (*PATHS, "/static/status.css", "/runbooks/JetStreamWatchdog"):
            await site.text(path, 401)


async def test_style_and_script_are_our_own_and_allowed(site: Web) -> None:
    page = Reader(await site.text("/"))
    sources = [a["src"] for tag, a in page.tags if tag == "script"]
    sources += [a["href"] for tag, a in page.tags if tag == "link"]
    assert sources == ["/static/status.js", "/static/status.css"]
    for path in sources:
        assert path is not None
        assert await site.text(path)
    async with site.client.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not [a for _, a in page.tags if any(key.startswith("on") or key == "style" for key in a)]


async def test_only_the_static_files_that_there_are_are_served(site: Web) -> None:
    for path in ("/static/nothing", "/static/..%2fapp.py", "/static/"):
        await site.text(path, 404)


def test_a_finding_leads_to_the_runbook_with_its_object() -> None:
    found = shown(snapshot(stream(), consumer(raft=leaderless())))
    page = Reader(overview.page(found))
    assert (
        "/runbooks/JetStreamConsumerNoLeader?cluster=east&account=APP&stream=ORDERS&consumer=worker"
        in page.links()
    )
    assert "Consumer worker of stream ORDERS (account APP, cluster east) has no leader" in page.text
    assert "The alert fires if this lasts 1 minute more." in page.text


def test_dashboards_are_linked_where_they_are_and_nowhere_else() -> None:
    moment = snapshot(stream(), consumer(raft=leaderless()))
    base = "https://grafana.example.com"
    with_boards = Reader(overview.page(shown(moment, dashboards=base))).links()
    assert (
        f"{base}/d/jetstream-consumer?var-nats_cluster=east&var-account=APP&var-stream=ORDERS"
        "&var-consumer=worker" in with_boards
    )
    assert not [link for link in Reader(overview.page(shown(moment))).links() if "://" in link]


def hostile() -> Snapshot:
    of = {"cluster": HOSTILE, "account": HOSTILE}
    return snapshot(
        server(HOSTILE, cluster=HOSTILE),
        stream(HOSTILE, settings_={"subjects": [HOSTILE]}, **of),
        consumer(HOSTILE, stream=HOSTILE, raft=leaderless(), **of),
        conflicts=[HOSTILE],
    )


@pytest.mark.parametrize(
    "kind", ["overview", "streams", "consumers", "stream", "consumer", "runbook"]
)
def test_hostile_names_never_become_markup(kind: str) -> None:
    found = shown(hostile())
    names = (HOSTILE,) * 4
    page = {
        "overview": lambda: overview.page(found),
        "streams": lambda: lists.streams_page(found, Query(q=HOSTILE)),
        "consumers": lambda: lists.consumers_page(found, Query(q=HOSTILE)),
        "stream": lambda: objects.page(Object("stream", names[:3]), found),
        "consumer": lambda: objects.page(Object("consumer", names), found),
        "runbook": lambda: runbooks.page(
            "JetStreamConsumerStalled", dict.fromkeys(runbooks.VARIABLES, HOSTILE)
        ),
    }[kind]()
    assert page is not None
    read = Reader(page)
    assert read.open == []
    assert [tag for tag, attrs in read.tags if tag == "script"] in ([], ["script"])
    assert "alert('x')" not in page
    assert "\x1b" not in page
    assert all(each.isprintable() or each == "\n" for each in page)


def test_a_list_is_searched_filtered_sorted_and_cut_into_pages() -> None:
    rows = [consumer(f"c{n:03}", pending=n) for n in range(120)]
    found = shown(snapshot(stream(), *rows, consumer("other", raft=leaderless())))

    def names(query: Query) -> list[str]:
        page = Reader(lists.consumers_page(found, query))
        return re.findall(r"consumer=([a-z0-9]+)", " ".join(page.links()))

    assert names(Query())[:2] == ["other", "c000"]
    assert len(names(Query())) == 50
    assert names(Query(sort="-pending"))[:2] == ["c119", "c118"]
    assert names(Query(sort="name", page=3))[:1] == ["c100"]
    assert names(Query(page=99))[-1] == "c119"
    assert names(Query(q="C01 orders"))[:2] == ["c010", "c011"]
    assert names(Query(state="no leader")) == ["other"]
    assert names(Query(q="nothing there")) == []


def test_what_is_sorted_by_a_figure_has_those_without_it_at_the_end() -> None:
    rows = [consumer("a", pending=None), consumer("b", pending=1), consumer("c", pending=2)]
    found = shown(snapshot(stream(), *rows))
    for sort, order in (("pending", "b c a"), ("-pending", "c b a")):
        page = lists.consumers_page(found, Query(sort=sort))
        assert " ".join(re.findall(r"consumer=([a-z]+)", page)) == order


def test_no_state_is_said_by_colour_alone() -> None:
    page = overview.page(shown(snapshot(stream(raft=leaderless()), consumer(paused=True))))
    for badge in re.findall(r'<span class="badge [a-z]+">(.*?)</span></?(?!span)', page):
        assert re.sub(r"<[^>]+>", "", badge).strip(" ✖▲●✔")


def test_a_page_has_one_main_heading_and_skips_no_level() -> None:
    found = shown(hostile())
    pages = [
        overview.page(found),
        lists.consumers_page(found, Query()),
        objects.page(Object("stream", (HOSTILE,) * 3), found) or "",
        runbooks.page("JetStreamConsumerStalled", {}) or "",
        document("x", findings.not_judged()),
    ]
    for page in pages:
        levels = [int(tag[1]) for tag, _ in Reader(page).tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_field_has_a_label() -> None:
    page = Reader(overview.page(shown(snapshot(stream(), consumer()))))
    labels = {attrs["for"] for tag, attrs in page.tags if tag == "label"}
    fields = [attrs for tag, attrs in page.tags if tag in ("input", "select")]
    assert fields
    assert {attrs["id"] for attrs in fields if attrs.get("type") != "hidden"} == labels


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_colour_of_text_has_a_contrast_of_4_5_on_its_ground() -> None:
    css = (Path(lists.__file__).parent / "static" / "status.css").read_text()
    themes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", each)) for each in css.split("@media")[:2]
    ]
    assert all(len(theme) == 14 for theme in themes)
    for theme in themes:
        pairs = [(name, "back") for name in ("fore", "soft", "link")]
        pairs += [("fore", "code"), ("soft", "code")]
        for level in ("critical", "warning", "info", "ok"):
            pairs += [(level, f"{level}-back"), (level, "back")]
        for text, ground in pairs:
            assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)


async def test_a_view_is_judged_once_for_all_who_look(site: Web) -> None:
    await site.text("/metrics")
    look = Look(site.service)
    views = await asyncio.gather(*(look.view() for _ in range(5)))
    assert len({id(each) for each in views}) == 1


async def test_what_was_judged_is_let_go_of_when_nobody_looks_any_more(site: Web) -> None:
    """It holds every object of the cluster."""
    await site.text("/metrics")
    kept, short = Look(site.service), Look(site.service, kept=0.0)
    for look in (kept, short):
        first = await look.view()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (await look.view() is first) == (look is kept)
        await look.close()


async def test_a_large_cluster_is_judged_only_while_somebody_looks(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judging 20,000 consumers takes a fifth of what a scrape does: nobody pays for pages that nobody opens."""
    monkeypatch.setattr(pipeline, "FEW", -1)
    await site.text("/metrics")
    assert site.service.latest is not None
    assert site.service.latest.memory.started is None
    assert "ORDERS" in await site.text("/streams")
    assert site.service.latest.memory.started is not None
    await site.text("/metrics")
    assert site.service.latest.memory.started is not None
    monkeypatch.setattr(pipeline, "LOOKED", -1.0)
    await site.text("/metrics")
    assert site.service.latest.memory.started is None


async def test_what_nobody_looks_at_is_let_go_of_before_the_next_answers_come(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks for the first time meanwhile waits for the new figures; the page of sources does not wait."""
    monkeypatch.setattr(pipeline, "FEW", -1)
    await site.text("/metrics")
    collect = Collector.collect
    asked, answered = asyncio.Event(), asyncio.Event()

    async def late(self: Collector, request: ScrapeRequest) -> Sequence[Outcome]:
        asked.set()
        await answered.wait()
        return await collect(self, request)

    monkeypatch.setattr(Collector, "collect", late)
    scrape = asyncio.create_task(site.text("/metrics"))
    await asked.wait()
    latest = site.service.latest
    assert latest is not None
    assert (latest.whole, latest.snapshot.consumers) == (False, ())
    assert "in the last collection, of" in await site.text("/debug/sources")
    page = asyncio.create_task(site.text("/streams"))
    answered.set()
    assert "ORDERS" in await page
    assert "jetstream_stream_messages{" in await scrape


async def test_what_somebody_looks_at_stays_while_the_next_answers_come(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "FEW", -1)
    assert "ORDERS" in await site.text("/streams")

    asked = asyncio.Event()

    async def never(self: Collector, request: ScrapeRequest) -> Sequence[Outcome]:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Collector, "collect", never)
    scrape = asyncio.create_task(site.service.scraper.answer(5))
    await asked.wait()
    assert "ORDERS" in await site.text("/streams")
    scrape.cancel()


@pytest.mark.parametrize("name", ["a&b&c&d", 'five"<>', "stalled"])
def test_a_short_word_stays_whole_however_it_is_written_in_html(name: str) -> None:
    assert 'class="long"' not in cell("Name", name)
    assert 'class="long"' in cell("Name", name * 4)
