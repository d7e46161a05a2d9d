"""Which incarnation of an object a report is about: an object can be deleted and recreated under its name."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from jetstream_exporter.snapshot.units import timestamp
from jetstream_exporter.wire import RaftGroup


class Incarnation(NamedTuple):
    """One incarnation. Either half is enough: 2.10's replicas of a consumer disagree on `created` by
    milliseconds, and an object that is scaled up from one replica gets its Raft group later.
    """

    created: float | None
    raft_group: str

    def same(self, other: "Incarnation") -> bool:
        if self.created == other.created or (
            self.raft_group != "" and self.raft_group == other.raft_group
        ):
            return True
        return UNKNOWN in (self, other)

    def covers(self, other: "Incarnation") -> bool:
        """Whether what was read of this one holds for the other: not of the unknown for what is known by now."""
        return self.same(other) and (self != UNKNOWN or other == UNKNOWN)


UNKNOWN = Incarnation(None, "")  # of an object of which only the name is sure


class Reporter(Protocol):
    """Whoever reports an object; `created_reliable` where its creation times are the cluster's."""

    @property
    def created_reliable(self) -> bool: ...


class Detail(Protocol):
    @property
    def created(self) -> datetime | None: ...
    @property
    def cluster(self) -> RaftGroup | None: ...


Who = TypeVar("Who", bound=Reporter | None)
Claimed = TypeVar("Claimed", bound=Detail)


def known_incarnation(member: Reporter | None, detail: Detail) -> Incarnation:
    """The incarnation, as far as this server knows it."""
    found = incarnation_of(detail)
    return found if member is None or member.created_reliable or found.raft_group else UNKNOWN


def incarnation_of(detail: Detail) -> Incarnation:
    return Incarnation(
        timestamp(detail.created), detail.cluster.raft_group if detail.cluster else ""
    )


def latest(
    claims: Sequence[tuple[Who, Claimed]],
) -> tuple[Incarnation, Sequence[tuple[Who, Claimed]]]:
    """The newest incarnation that was reported, and the reports of it.

    A starting server knows no Raft group yet, and before 2.11 reports a creation time of its own. Where only
    such servers report, the incarnation is unknown.
    """
    incarnations = [incarnation_of(detail) for _, detail in claims]
    newest = incarnations[0] if len(claims) == 1 else max(incarnations, key=_newness)
    if newest.raft_group == "" and not any(
        member is None or member.created_reliable for member, _ in claims
    ):
        return UNKNOWN, claims
    if all(map(newest.same, incarnations)):
        return newest, claims
    return newest, [claim for claim, i in zip(claims, incarnations, strict=True) if newest.same(i)]


def settled(
    incarnation: Incarnation, known: Incarnation | None, detail: Detail | None
) -> Incarnation:
    """The incarnation of a row: its leader's, or what was known before where no report is certain."""
    if incarnation == UNKNOWN:
        return known or UNKNOWN
    return incarnation_of(detail) if detail is not None else incarnation


def _newness(one: Incarnation) -> tuple[bool, float, str]:
    """Sorts later creations last, and reports with a Raft group after all others: a starting server knows none yet."""
    return one.raft_group != "", one.created or 0.0, one.raft_group
