"""Which reports are of one JetStream, and what each JetStream is called. Objects of two are never mixed.

Servers that have nothing to do with each other can ask for the same label `nats_cluster`: the official chart calls
clusters and servers by the release; a hub and its leaf nodes share a system account; a server can answer with another
one's name. One JetStream keeps the label: the one that had it before, else the one configured first. Another one is
exported under the name that it gives itself if nobody else has that, and otherwise not at all. Each is a conflict.
"""

from collections.abc import Sequence, Set

import msgspec

from jetstream_exporter.report import ServerReport
from jetstream_exporter.snapshot.impostors import disputed, impostors
from jetstream_exporter.snapshot.joining import Joiner, TargetReport, origin
from jetstream_exporter.snapshot.owners import (
    NOBODY,
    Conflict,
    Owner,
    Owners,
    identified,
    is_target_of,
    listed,
)
from jetstream_exporter.snapshot.parts import leads, server_name

FORGET_AFTER = 900.0  # seconds after which a label that nobody asks for is free


class Decision(msgspec.Struct, frozen=True):
    """The label of each report, in the order of the reports; None where it is left out."""

    labels: Sequence[str | None]
    conflicts: Sequence[Conflict]
    owners: Owners


def decide(
    answers: Sequence[TargetReport], asked: Set[str], before: Owners, now: float
) -> Decision:
    """Label the reports. `before` is what was decided in the scrape before; `asked` has the silent targets too."""
    refused, conflicts = impostors(answers, before)
    conflicts += disputed(answers)
    members: dict[str, list[int]] = {}
    for i, one in enumerate(answers):
        if i not in refused:
            members.setdefault(one.report.label, []).append(i)
    labels: list[str | None] = [None] * len(answers)
    used = set(members)
    for label in sorted(members):
        owner, *others = _parts(answers, members[label], before.get(label, NOBODY))
        for i in owner:
            labels[i] = label
        for part in others:
            own = _own_label(answers, part, used, before)
            used.add(own)
            for i in part:
                labels[i] = own or None
            conflicts.append(_conflict(answers, label, owner, part, own))
    owners = {name: old for name, old in before.items() if now - old.seen < FORGET_AFTER}
    owners |= _owners(answers, labels, asked, before, now)
    return Decision(labels, sorted(set(conflicts)), owners)


def _owners(
    answers: Sequence[TargetReport],
    labels: Sequence[str | None],
    asked: Set[str],
    before: Owners,
    now: float,
) -> dict[str, Owner]:
    found: dict[str, list[TargetReport]] = {}
    for one, label in zip(answers, labels, strict=True):
        if label:
            found.setdefault(label, []).append(one)
    owners = {}
    for label, mine in found.items():
        old = before.get(label, NOBODY)
        targets = {name: one.target for one in reversed(mine) if (name := identified(one.report))}
        kept = {name: target for name, target in old.targets.items() if target in asked}
        origins = frozenset(map(origin, mine))
        if not origins & old.origins:
            kept = {}
        owners[label] = Owner(
            origins if not kept else origins | old.origins,
            targets | kept,
            frozenset(one.report.identity for one in mine),
            now,
        )
    return owners


def _parts(
    answers: Sequence[TargetReport], members: Sequence[int], owner: Owner
) -> list[list[int]]:
    """The reports of one label, by JetStream. The first part has the label; it is empty while its owner is silent."""
    if _is_plain(answers, members, owner):
        return [list(members)]
    parts = Joiner(answers, members, owner.targets, owner.ids).parts()
    parts.sort(key=lambda part: _claim(answers, part, owner))
    return parts if _is_owner(answers, parts[0], owner) else [[], *parts]


def _is_plain(answers: Sequence[TargetReport], members: Sequence[int], owner: Owner) -> bool:
    """Whether nothing speaks for more than one JetStream, as nearly always."""
    where = origin(answers[members[0]])
    if not (where in owner.origins or not owner.origins):
        return False
    ids: dict[str, str] = {}
    leaders = set()
    for i in members:
        report = answers[i].report
        if origin(answers[i]) != where:
            return False
        if not isinstance(report, ServerReport):
            continue
        if ids.setdefault(report.server_name, report.server_id) != report.server_id:
            return False
        if leads(report):
            leaders.add(report.server_name)
    return len(leaders) < 2


def _is_owner(answers: Sequence[TargetReport], part: Sequence[int], owner: Owner) -> bool:
    return not owner.origins or any(
        origin(answers[i]) in owner.origins or is_target_of(answers[i], owner) for i in part
    )


def _claim(
    answers: Sequence[TargetReport], part: Sequence[int], owner: Owner
) -> tuple[object, ...]:
    """Who has the label: its owner, else what is configured first, else where the configured URLs lead to."""
    some = [answers[i] for i in part]
    return (
        not _is_owner(answers, part, owner),
        -sum(is_target_of(one, owner) for one in some),
        -sum(one.report.identity in owner.ids for one in some),
        min(one.entry for one in some),
        not any(one.report.is_local for one in some),
        all(not one.report.cluster for one in some),
        -len({server_name(one.report) for one in some}),
        min((one.report.domain, one.report.cluster, one.target) for one in some),
    )


def _own_label(
    answers: Sequence[TargetReport], part: Sequence[int], used: Set[str], before: Owners
) -> str:
    """What another JetStream is called: by its cluster, its lone server or its domain; empty where all are taken."""
    reports = [answers[i].report for i in part]
    named = sorted({report.place for report in reports})
    for own in (*named, *sorted({report.domain for report in reports})):
        if own and own not in used and _is_owner(answers, part, before.get(own, NOBODY)):
            return own
    return ""


def _conflict(
    answers: Sequence[TargetReport], label: str, owner: Sequence[int], part: Sequence[int], own: str
) -> Conflict:
    names = {name: i for i in owner if (name := identified(answers[i].report))}
    twins = sorted(names.keys() & {server_name(answers[i].report) for i in part})
    fate = f"is exported as the cluster {own}" if own else "is not exported"
    if len(part) == 1 and twins and len(owner) > 1:
        text = (
            f"2 servers of the cluster {label} have the name {twins[0]}: the one of "
            f"{answers[names[twins[0]]].target} is exported, and the one of "
            f"{answers[part[0]].target} {fate}"
        )
    else:
        keeper = (
            f"the one of {listed(answers, owner)} keeps the name" if owner else "the name is kept"
        )
        text = (
            f"different clusters, domains or servers have the name {label}: {keeper}, and the "
            f"data of {listed(answers, part)} {fate}; give each of them a unique name "
            "(clusters[].name)"
        )
    return Conflict(label, text)
