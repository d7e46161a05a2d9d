"""Which incarnation of an object a report is about: an object can be deleted and recreated under its name."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from jetstream_exporter.snapshot.units import timestamp
from jetstream_exporter.wire import Cluster


class Identity(NamedTuple):
    """One incarnation. Either half is enough: 2.10's replicas of a consumer disagree on `created` by
    milliseconds, and an object that is scaled up from one replica gets its Raft group later.
    """

    created: float | None
    group: str

    def same(self, other: "Identity") -> bool:
        if self.created == other.created or (self.group != "" and self.group == other.group):
            return True
        return UNKNOWN in (self, other)

    def covers(self, other: "Identity") -> bool:
        """Whether what was read of this one holds for the other: not of the unknown for what is known by now."""
        return self.same(other) and (self != UNKNOWN or other == UNKNOWN)


UNKNOWN = Identity(None, "")  # of an object of which only the name is sure


class Teller(Protocol):
    @property
    def dates(self) -> bool: ...


class Detail(Protocol):
    @property
    def created(self) -> datetime | None: ...
    @property
    def cluster(self) -> Cluster | None: ...


Who = TypeVar("Who", bound=Teller)
Said = TypeVar("Said", bound=Detail)


def told(who: Teller, detail: Detail) -> Identity:
    """The incarnation, as far as this server knows it."""
    found = identity(detail)
    return found if who.dates or found.group else UNKNOWN


def identity(detail: Detail) -> Identity:
    return Identity(timestamp(detail.created), detail.cluster.raft_group if detail.cluster else "")


def latest(words: Sequence[tuple[Who, Said]]) -> tuple[Identity, Sequence[tuple[Who, Said]]]:
    """The newest incarnation that was reported, and the reports of it.

    A starting server knows no Raft group yet, and before 2.11 reports a creation time of its own. Where only
    such servers report, the incarnation is unknown.
    """
    identities = [identity(said) for _, said in words]
    newest = identities[0] if len(words) == 1 else max(identities, key=_newness)
    if newest.group == "" and not any(who.dates for who, _ in words):
        return UNKNOWN, words
    if all(map(newest.same, identities)):
        return newest, words
    return newest, [word for word, i in zip(words, identities, strict=True) if newest.same(i)]


def settled(incarnation: Identity, known: Identity | None, said: Detail | None) -> Identity:
    """The identity of a row: its leader's, or what was known before where no report is certain."""
    if incarnation == UNKNOWN:
        return known or UNKNOWN
    return identity(said) if said is not None else incarnation


def _newness(one: Identity) -> tuple[bool, float, str]:
    """Sorts later creations last, and reports with a Raft group after all others: a starting server knows none yet."""
    return one.group != "", one.created or 0.0, one.group
