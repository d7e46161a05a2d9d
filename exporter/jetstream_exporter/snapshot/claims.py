"""Who claims what: the streams of a report, by the server that reports them."""

from collections.abc import Iterator, Sequence

from jetstream_exporter.report import Report, ServerReport
from jetstream_exporter.snapshot.member import Member, leaders_of, member_of
from jetstream_exporter.wire import StreamDetail


def claims_of(report: Report) -> Iterator[tuple[Member | None, str, Sequence[StreamDetail]]]:
    """Member, account id and streams. Without a member they are what no leader answered an account's API for."""
    if isinstance(report, ServerReport):
        member = member_of(report)
        for account in report.account_details:
            yield member, account.id, account.stream_detail
        return
    for leader, streams in leaders_of(report):
        yield leader, report.account_id, streams
    yield None, report.account_id, report.unanswered
