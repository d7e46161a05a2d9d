"""How asking went, and what is asked: one outcome a target, whatever its source."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from jetstream_exporter.report.events import Events
from jetstream_exporter.report.lookups import Lookups
from jetstream_exporter.report.reports import LeaderReport, Report, ServerReport

PROBE = -1  # the entry of a server that is asked by itself
LATE = "no answer in time"  # the error of a target that was asked and has not answered
AT_ONCE = 500  # consumers, which are freed in a millisecond


class RequestResult(msgspec.Struct, gc=False):
    """How one request of a source went: whether what was asked came, and a sentence for people."""

    up: bool
    text: str = ""


class ServerAnswer(msgspec.Struct, gc=False):
    """The target is a server. `report` is None where it gave nothing.

    `late` holds configurations that an earlier scrape asked for; its figures are outdated.
    """

    report: ServerReport | None = None
    late: ServerReport | None = None


class LeaderAnswer(msgspec.Struct, gc=False):
    """The target is the JetStream API of an account; without reports it gave nothing.

    `lookups` is None where messages are not looked up.
    """

    reports: Sequence[LeaderReport] = ()
    lookups: Lookups | None = None


Answer = ServerAnswer | LeaderAnswer | Events


class Outcome(msgspec.Struct, gc=False):
    """What asking one target gave, or why it gave nothing.

    `answer` says by its type what the target is, whether it answered or not: a server, an account's API, or a
    connection that receives events. None is a connection that gives nothing itself.

    `requests` holds each request that this kind of source makes, by name, in every scrape: also where it was not made,
    since an earlier one failed.

    `duration` is seconds, `received` bytes. There can be both a report and an error: a server may answer varz and
    fail at jsz.
    """

    source: str
    target: str
    duration: float
    received: int = 0
    error: str | None = None
    answer: Answer | None = None
    cluster_name: str = ""
    requests: dict[str, RequestResult] = {}
    entry: int = 0  # number of the configured cluster that the target belongs to

    @property
    def is_server(self) -> bool:
        return isinstance(self.answer, ServerAnswer)

    @property
    def server(self) -> ServerReport | None:
        """The report of the server that the target is, if it answered."""
        return self.answer.report if isinstance(self.answer, ServerAnswer) else None

    @property
    def events(self) -> Events | None:
        return self.answer if isinstance(self.answer, Events) else None

    @property
    def reports(self) -> Sequence[Report]:
        """The reports with figures of this scrape."""
        match self.answer:
            case ServerAnswer(report=ServerReport() as report):
                return [report]
            case LeaderAnswer(reports=reports):
                return reports
            case _:
                return ()

    @property
    def all_reports(self) -> Sequence[Report]:
        """All reports, the late one too."""
        late = self.answer.late if isinstance(self.answer, ServerAnswer) else None
        return [*self.reports, *([late] if late is not None else [])]

    @property
    def configurations(self) -> Sequence[Report]:
        """The reports that hold configurations."""
        return [report for report in self.all_reports if report.with_config]

    def no_answer(self) -> ServerAnswer | LeaderAnswer | None:
        """The answer of the same kind of target when it gives nothing."""
        match self.answer:
            case ServerAnswer():
                return ServerAnswer()
            case LeaderAnswer():
                return LeaderAnswer()
            case _:
                return None


def release(outcomes: Iterable[Outcome]) -> None:
    """Empty the lists of streams and consumers, some at a time. Nobody may read these answers any more.

    Freed as a whole, the answer about 100,000 consumers keeps every other thread waiting for 0.3 s.
    """
    for outcome in outcomes:
        for report in outcome.all_reports:
            for _, streams in report.stream_lists():
                while streams:
                    let_go(streams.pop().consumer_detail)


def let_go(items: list[Any]) -> None:
    """Empty a list, some at a time, so that other threads need not wait until all of it is freed."""
    while items:
        del items[-AT_ONCE:]


def ignore(_outcome: Outcome) -> None:
    """Nobody leaves this scrape before its end."""


class ScrapeRequest(msgspec.Struct, frozen=True):
    """What is asked of every source at once. The deadline is a time of the running loop.

    The monitoring ports call `note` with a target's outcome as soon as it is known, and before that, when the target is
    asked, with one whose error is LATE; the collector does so for other sources. A scrape that has less time than the
    others takes what was noted until it leaves.
    """

    deadline: float
    with_config: bool
    note: Callable[[Outcome], None] = ignore
