"""When one scrape asks twice: for what the first answers cannot tell by themselves."""

from datetime import timedelta

from tests.support.words import NOW, consumer, led, outcome, server, stream

from jetstream_exporter.collect import Collector
from jetstream_exporter.config import Config
from jetstream_exporter.report import Outcome, Question
from jetstream_exporter.scrape import Reload, Scraper


class Servers:
    """A source that has nothing new to say, and remembers whether configurations were asked for."""

    name = "monitoring"

    def __init__(self, version: str) -> None:
        since = NOW - timedelta(hours=1) if version != "2.10.26" else None
        group = led("n1", "n2", "n3", since=since)
        said = stream("S", group, consumer("c", group, pending=0))
        self._report = server("n1", said, version=version)
        self.questions: list[bool] = []

    async def ask(self, question: Question) -> list[Outcome]:
        self.questions.append(question.with_config)
        return [outcome(self._report, "http://n1:8222")]

    async def close(self) -> None: ...


async def pending_and_questions(version: str) -> tuple[list[int | None], list[bool]]:
    servers = Servers(version)
    scraper = Scraper(Config(), Collector([servers]), Reload())
    snapshot = await scraper.snapshot(5)
    await scraper.close()
    return [row.pending for row in snapshot.consumers], servers.questions


async def test_a_first_0_that_may_be_false_is_looked_at_twice() -> None:
    """Before 2.11.9 a leader's first moments look like its later ones."""
    assert await pending_and_questions("2.10.26") == ([0], [True, False])


async def test_a_first_0_that_cannot_be_false_is_believed_at_once() -> None:
    assert await pending_and_questions("2.15.1") == ([0], [True])
