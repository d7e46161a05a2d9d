"""What a source returned, and how it is let go of."""

import msgspec
from tests.support.words import alone, consumer, outcome, server, stream

from jetstream_exporter.report import AT_ONCE, Report, release


def filled(consumers: int) -> Report:
    some = [consumer(f"c{i}", alone("n1")) for i in range(consumers)]
    return server("n1", stream("S", alone("n1"), *some), stream("T", alone("n1")))


def test_every_answer_is_emptied_down_to_its_consumers_however_many() -> None:
    reports = [filled(size) for size in (AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE + 1)]
    report, late, *many = reports
    whole = msgspec.structs.replace(outcome(report, "a"), late=late, reports=many)
    held = [said.account_details[0].stream_detail[0] for said in reports]
    release([whole])
    assert [said.account_details[0].stream_detail for said in reports] == [[]] * 4
    assert [detail.consumer_detail for detail in held] == [[]] * 4


def test_who_did_not_answer_has_nothing_to_empty() -> None:
    silent = msgspec.structs.replace(filled(1), jsz=None)
    release([outcome(None, "a"), outcome(silent, "b")])
