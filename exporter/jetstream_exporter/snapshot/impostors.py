"""Targets that answer with the id of another target's server, and are not that server.

A server makes its id at each start, so all that answer with it have the same name, version and start.
"""

from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta

from jetstream_exporter.report import ServerReport
from jetstream_exporter.snapshot.joining import TargetReport
from jetstream_exporter.snapshot.owners import NOBODY, Conflict, Owners, is_target_of, listed

LASTING = timedelta(minutes=1)


def impostors(answers: Sequence[TargetReport], before: Owners) -> tuple[set[int], list[Conflict]]:
    """The indices of their reports, and a sentence about each id."""
    by_id: dict[tuple[str, str], list[tuple[int, ServerReport]]] = {}
    for i, one in enumerate(answers):
        if isinstance(one.report, ServerReport) and one.report.server_id:
            key = (one.report.cluster_name, one.report.server_id)
            by_id.setdefault(key, []).append((i, one.report))
    refused: set[int] = set()
    conflicts = []
    for found in by_id.values():
        if len(found) == 1:
            continue
        usual, mine = min(
            found, key=lambda pair: (not _is_usual(answers[pair[0]], before), pair[0])
        )
        target = answers[usual].target
        wrong = [i for i, each in found if answers[i].target != target and not _agree(each, mine)]
        refused.update(wrong)
        if wrong:
            text = (
                f"{listed(answers, wrong)} reports the ID of {mine.server_name} of the "
                f"cluster {mine.label} ({mine.server_id}), which is {target}; the responses "
                f"of {listed(answers, wrong)} are not exported"
            )
            conflicts.append(Conflict(mine.label, text))
    return refused, conflicts


def disputed(answers: Sequence[TargetReport]) -> list[Conflict]:
    """A sentence about each id with which several servers answered one request of the system account."""
    return [
        Conflict(
            one.report.label,
            f"more than one server replies with the ID of {one.report.server_name} of the cluster "
            f"{one.report.label} ({one.report.server_id}); the replies of the server that was "
            "known by this ID before are exported, otherwise those that arrive first",
        )
        for one in answers
        if isinstance(one.report, ServerReport) and one.report.is_disputed
    ]


def _is_usual(one: TargetReport, before: Owners) -> bool:
    return is_target_of(one, before.get(one.report.label, NOBODY))


def _agree(one: ServerReport, other: ServerReport) -> bool:
    """Whether these can be two answers of one server, some milliseconds apart."""
    names = [(report.server_name, report.cluster, report.version) for report in (one, other)]
    starts = {report.varz.start for report in (one, other) if report.varz is not None}
    return names[0] == names[1] and len(starts) < 2 and not _contradict(one, other)


def _contradict(one: ServerReport, other: ServerReport) -> bool:
    """Whether two lists cannot be one server's: a stream's sequence goes back, or hardly a stream is in both.

    Some seconds lie between the lists, in which a server that starts lists more and more, and in which clients create
    and delete. So only healthy servers are compared, by what has been there for a while.
    """
    if one.jsz is None or other.jsz is None or one.jsz.now is None or other.jsz.now is None:
        return False
    if any(report.health is None or report.health.code != 200 for report in (one, other)):
        return False
    early, late = (one, other) if one.jsz.now <= other.jsz.now else (other, one)
    now = min(one.jsz.now, other.jsz.now)
    before, after = _sequences(early, now), _sequences(late, now)
    if any(after.get(key, last) < last for key, last in before.items()):
        return True
    return 2 * len(before.keys() & after.keys()) < max(len(before), len(after))


def _sequences(report: ServerReport, now: datetime) -> dict[Hashable, int]:
    """The last sequences of the streams that were there for a while at that time."""
    return {
        (account.id, detail.name, detail.created): detail.state.last_seq if detail.state else 0
        for account in report.account_details
        for detail in account.stream_detail
        if detail.created is None or now - detail.created > LASTING
    }
