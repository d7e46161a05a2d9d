"""What a source returned, and how it is let go of."""

import msgspec
from tests.support.reports import consumer, outcome, server, stream, unreplicated

from jetstream_exporter.report import (
    LeaderAnswer,
    LeaderReport,
    Outcome,
    ServerAnswer,
    ServerReport,
    release,
)
from jetstream_exporter.report.outcome import AT_ONCE
from jetstream_exporter.wire import StreamDetail


def filled(consumers: int) -> ServerReport:
    some = [consumer(f"c{i}", unreplicated("n1")) for i in range(consumers)]
    return server("n1", stream("S", unreplicated("n1"), *some), stream("T", unreplicated("n1")))


def streams(report: ServerReport) -> list[StreamDetail]:
    return report.account_details[0].stream_detail


def test_every_answer_is_emptied_down_to_its_consumers_however_many() -> None:
    reports = [filled(size) for size in (AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE + 1)]
    report, late, carried, unanswered = reports
    api = LeaderReport("x", "A", "A", "C", claims={"n1": streams(carried)})
    api.unanswered = streams(unanswered)
    by_port = Outcome("monitoring", "a", 0.0, answer=ServerAnswer(report, late))
    by_api = Outcome("account", "b", 0.0, answer=LeaderAnswer([api]))
    held = [said.account_details[0].stream_detail[0] for said in reports]
    release([by_port, by_api])
    assert [said.account_details[0].stream_detail for said in reports] == [[]] * 4
    assert [detail.consumer_detail for detail in held] == [[]] * 4


def test_who_did_not_answer_has_nothing_to_empty() -> None:
    silent = msgspec.structs.replace(filled(1), jsz=None)
    release([outcome(None, "a"), outcome(silent, "b")])
