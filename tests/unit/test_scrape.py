"""When one scrape asks twice: for what the first answers cannot tell by themselves."""

import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from tests.support.closing import closing
from tests.support.exporter import eventually
from tests.support.reports import NOW, consumer, led, outcome, server, stream

from jetstream_exporter.config import Config
from jetstream_exporter.report import Outcome, ScrapeRequest
from jetstream_exporter.scrape import Reload, Scraper, pipeline
from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.sources.collector import Collector


class Servers:
    """A source that has nothing new to say, and remembers whether configurations were asked for."""

    name = "monitoring"

    def __init__(self, version: str) -> None:
        since = NOW - timedelta(hours=1) if version != "2.10.26" else None
        self._group = led("n1", "n2", "n3", since=since)
        self._version = version
        self.questions: list[bool] = []
        self.answers: list[Outcome] = []
        self.before_answer: Callable[[], Awaitable[None]] | None = None

    async def ask(self, question: ScrapeRequest) -> list[Outcome]:
        if self.before_answer is not None:
            await self.before_answer()
        self.questions.append(question.with_config)
        said = stream("S", self._group, consumer("c", self._group, pending=0))
        self.answers.append(outcome(server("n1", said, version=self._version), "http://n1:8222"))
        return self.answers[-1:]

    async def close(self) -> None: ...


async def pending_and_questions(version: str) -> tuple[list[int | None], list[bool]]:
    servers = Servers(version)
    async with closing(Scraper(Config(), Collector([servers]), Reload())) as scraper:
        snapshot = await scraper.snapshot(5)
    return [row.pending for row in snapshot.consumers], servers.questions


async def test_a_first_0_that_may_be_false_is_looked_at_twice() -> None:
    """Before 2.11.9 a leader's first moments look like its later ones."""
    assert await pending_and_questions("2.10.26") == ([0], [True, False])


async def test_a_first_0_that_cannot_be_false_is_believed_at_once() -> None:
    assert await pending_and_questions("2.15.1") == ([0], [True])


async def test_answers_are_let_go_of_as_soon_as_they_were_merged() -> None:
    servers = Servers("2.10.26")
    async with closing(Scraper(Config(), Collector([servers]), Reload())) as scraper:
        snapshot = await scraper.snapshot(5)
        assert [row.key[2:] for row in snapshot.consumers] == [("S", "c")]
        assert len(servers.answers) == 2

        async def are_let_go() -> bool:
            accounts = (a for said in servers.answers for a in said.reports[0].account_details)
            return not any(account.stream_detail for account in accounts)

        await eventually("the end of the lists", are_let_go)


async def test_nobody_holds_the_rows_of_the_last_scrape_while_the_next_answers_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tenth of the memory of 20,000 consumers. The status page, which nobody opened, would hold them."""
    monkeypatch.setattr(pipeline, "FEW", -1)
    servers = Servers("2.15.1")
    rows: list[Consumer] = []

    async def are_ours_alone() -> bool:
        return sys.getrefcount(rows[0]) == 2  # our list, and the question itself

    async def let_go() -> None:
        await eventually("the end of the rows", are_ours_alone, deadline=4)

    async with closing(Scraper(Config(), Collector([servers]), Reload())) as scraper:
        rows += (await scraper.snapshot(5)).consumers
        servers.before_answer = let_go
        await scraper.answer(5)
    assert [outcome.error for outcome in scraper.outcomes] == [None]
