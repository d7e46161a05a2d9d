"""Names the servers and clusters of each scrape, and says aloud which names stand for several things."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from jetstream_exporter.report import (
    Answer,
    EventBatch,
    Events,
    LeaderAnswer,
    LeaderReport,
    Outcome,
    ServerAnswer,
    ServerReport,
)
from jetstream_exporter.snapshot.clusters import Decision, decide
from jetstream_exporter.snapshot.joining import TargetReport
from jetstream_exporter.snapshot.links import SERVER_ID
from jetstream_exporter.snapshot.owners import Conflict, Owners
from jetstream_exporter.state.unreachable import address

Named = TypeVar("Named", ServerReport, LeaderReport)


class Names:
    """Gives each report its label. What it decided before stays, while both sides of a conflict answer."""

    def __init__(self) -> None:
        self._owners: Owners = {}
        self._addresses: dict[str, str] = {}  # by id: of lone servers without a name
        self.conflicts: Sequence[Conflict] = ()
        self.unnamed_servers: frozenset[str] = (
            frozenset()
        )  # what lone servers without a name are called

    def apply(self, outcomes: Sequence[Outcome], now: float) -> list[Outcome]:
        """The outcomes with their reports labelled, without those that would mix two clusters."""
        outcomes = self._with_addresses(outcomes)
        answers = [
            TargetReport(report, outcome.target, outcome.entry)
            for outcome in outcomes
            for report in outcome.reports
        ]
        asked = {outcome.target for outcome in outcomes}
        decision = decide(answers, asked, self._owners, now)
        self._owners, self.conflicts = decision.owners, decision.conflicts
        labelled = list(_labelled(outcomes, decision))
        return _with_events(labelled, answers, decision)

    def _with_addresses(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Call a lone server without `server_name` by its address: what it calls itself is new at each start."""
        found = dict(_unnamed_servers(outcomes))
        silent = {outcome.target.rpartition("/")[2] for outcome in outcomes}
        kept = {i: where for i, where in self._addresses.items() if i in found or i in silent}
        self._addresses = found | kept
        self.unnamed_servers = frozenset(self._addresses.values())
        if not self._addresses:
            return outcomes
        return [_renamed(outcome, self._addresses) for outcome in outcomes]


def _unnamed_servers(outcomes: Iterable[Outcome]) -> Iterator[tuple[str, str]]:
    """The ids of lone servers without a name, and where they were asked; monitoring ports come last and count."""
    connections = {(o.source, o.entry): o.target for o in outcomes if not o.is_server}
    by_worth = sorted(outcomes, key=lambda o: o.source == "monitoring")
    for outcome in by_worth:
        for report in outcome.reports:
            standalone = report.is_local and not report.cluster
            if standalone and SERVER_ID.fullmatch(report.place):
                where = connections.get((outcome.source, outcome.entry), outcome.target)
                yield report.place, address(where.split()[0])


def _renamed(outcome: Outcome, addresses: Mapping[str, str]) -> Outcome:
    above, slash, name = outcome.target.rpartition("/")
    match outcome.answer:
        case ServerAnswer(report=report, late=late):
            found: Answer | None = ServerAnswer(
                report and _server_at(report, addresses), late and _server_at(late, addresses)
            )
        case LeaderAnswer(reports=reports, lookups=lookups):
            found = LeaderAnswer([_leaders_at(report, addresses) for report in reports], lookups)
        case _:
            found = outcome.answer
    target = above + slash + addresses.get(name, name)
    return msgspec.structs.replace(outcome, target=target, answer=found)


def _server_at(report: ServerReport, addresses: Mapping[str, str]) -> ServerReport:
    """The report of a standalone server under its address, if it has no name."""
    if report.cluster:
        return report
    own, name = report.server_name, addresses.get(report.cluster_name, report.cluster_name)
    if own not in addresses:
        return msgspec.structs.replace(report, cluster_name=name)
    where = addresses[own]
    return msgspec.structs.replace(report, server_name=where, self_name=own, cluster_name=name)


def _leaders_at(report: LeaderReport, addresses: Mapping[str, str]) -> LeaderReport:
    own = report.server
    if report.cluster or own not in addresses:
        return report
    where = addresses[own]
    claims = {where if leader == own else leader: found for leader, found in report.claims.items()}
    return msgspec.structs.replace(report, server=where, self_name=own, claims=claims)


def _labelled(outcomes: Iterable[Outcome], decision: Decision) -> Iterator[Outcome]:
    labels = iter(decision.labels)
    for outcome in outcomes:
        match outcome.answer:
            case ServerAnswer() as answer:
                found: Answer | None = _labelled_server(answer, labels, decision.owners)
            case LeaderAnswer(reports=reports, lookups=lookups):
                named = [_with_label(report, next(labels)) for report in reports]
                found = LeaderAnswer([report for report in named if report is not None], lookups)
            case _:
                found = outcome.answer
        yield msgspec.structs.replace(outcome, answer=found)


def _labelled_server(
    answer: ServerAnswer, labels: Iterator[str | None], owners: Owners
) -> ServerAnswer | None:
    """None where it answered and is left out: it is no server that does not answer."""
    if answer.report is None:
        return ServerAnswer(None, _with_label(answer.late, _late_label(answer.late, owners)))
    label = next(labels)
    report, late = _with_label(answer.report, label), _with_label(answer.late, label)
    return ServerAnswer(report, late) if report is not None else None


def _with_events(
    outcomes: Sequence[Outcome], answers: Sequence[TargetReport], decision: Decision
) -> list[Outcome]:
    """Count events where the objects are that they are about: events name streams alone."""
    if not decision.conflicts:
        return list(outcomes)
    found: dict[tuple[int, str], set[str]] = {}
    for one, label in zip(answers, decision.labels, strict=True):
        mine = found.setdefault((one.entry, one.report.label), set())
        mine |= {label} if label else set()
    conflicts = {conflict.cluster for conflict in decision.conflicts}
    return [
        msgspec.structs.replace(outcome, answer=_relabelled(outcome.events, outcome.entry, found))
        if outcome.events is not None and outcome.events.cluster in conflicts
        else outcome
        for outcome in outcomes
    ]


def _relabelled(events: Events, entry: int, found: Mapping[tuple[int, str], set[str]]) -> Events:
    labels = found.get((entry, events.cluster), set())
    if events.cluster in labels:
        return events
    if len(labels) == 1:
        return msgspec.structs.replace(events, cluster=next(iter(labels)))

    def only_refused() -> EventBatch:
        return EventBatch(refused=events.take().refused)

    return msgspec.structs.replace(events, cluster="", counted={}, take=only_refused)


def _with_label(report: Named | None, label: str | None) -> Named | None:
    if report is None or label is None:
        return None
    return report if report.label == label else msgspec.structs.replace(report, cluster_name=label)


def _late_label(late: ServerReport | None, owners: Owners) -> str | None:
    """Configurations that arrive late are of the server that the target was when it was asked."""
    for label, owner in owners.items():
        if late is not None and late.server_id in owner.ids:
            return label
    return None
