"""What shards of a cluster get of what the whole would get, and which series each of them has."""

from collections.abc import Sequence

import msgspec

from jetstream_exporter.config.shard import Shard
from jetstream_exporter.report import LeaderAnswer, Outcome, ServerAnswer, ServerReport
from jetstream_exporter.sources.divided import divided, own
from jetstream_exporter.wire import Jsz

# What an exporter says of itself stands in each shard.
OWN = ("jetstream_exporter_", "process_", "python_")
# What is summed over all accounts stands in none.
SUMS = (
    "jetstream_server_stream_leaders",
    "jetstream_server_consumer_leaders",
    "jetstream_server_drainable",
    "jetstream_server_drain_blockers",
)


def shards(total: int) -> list[Shard]:
    return [Shard(ordinal=number, total=total) for number in range(total)]


def is_divided(series: str) -> bool:
    """Whether a series stands in one shard, as the whole has it."""
    return not series.startswith((*OWN, *SUMS))


def read_in(shard: Shard, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes that the sources of a shard would have."""
    return [found for outcome in outcomes if (found := _read(shard, outcome)) is not None]


def _read(shard: Shard, outcome: Outcome) -> Outcome | None:
    match outcome.answer:
        case ServerAnswer(report=ServerReport(jsz=Jsz() as jsz) as report):
            part = msgspec.structs.replace(report, jsz=jsz_in(shard, jsz))
            return msgspec.structs.replace(outcome, answer=ServerAnswer(part))
        case LeaderAnswer(reports=reports):
            mine = [report for report in reports if shard.holds(report.account_id)]
            return msgspec.structs.replace(outcome, answer=LeaderAnswer(mine)) if mine else None
        case _:
            return outcome


def jsz_in(shard: Shard, jsz: Jsz) -> Jsz:
    """The list that a shard puts together of a server that would answer so."""
    listed = msgspec.structs.replace(
        jsz,
        account_details=[
            msgspec.structs.replace(account, stream_detail=[]) for account in jsz.account_details
        ],
    )
    answers = {
        account.id: msgspec.structs.replace(jsz, account_details=[account])
        for account in jsz.account_details
        if account.id in own(listed, shard)
    }
    return divided(listed, answers, shard)
