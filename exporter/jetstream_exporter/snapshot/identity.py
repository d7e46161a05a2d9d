"""Which incarnation of an object is spoken of: a name can be deleted and made again."""

from collections.abc import Iterable, Sequence
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
        if UNKNOWN in (self, other):
            return True
        return self.created == other.created or (self.group != "" and self.group == other.group)


UNKNOWN = Identity(None, "")  # of an object of which only the name is known


class Detail(Protocol):
    @property
    def created(self) -> datetime | None: ...
    @property
    def cluster(self) -> Cluster | None: ...


Who = TypeVar("Who")
Said = TypeVar("Said", bound=Detail)


def identity(detail: Detail) -> Identity:
    return Identity(timestamp(detail.created), detail.cluster.raft_group if detail.cluster else "")


def latest(words: Sequence[tuple[Who, Said]]) -> tuple[Identity, list[tuple[Who, Said]]]:
    """The newest incarnation that these words are about, and the words about it."""
    if len(words) == 1:
        return identity(words[0][1]), list(words)
    newest = _newest(identity(said) for _, said in words)
    return newest, [word for word in words if newest.same(identity(word[1]))]


def _newest(identities: Iterable[Identity]) -> Identity:
    """The one created last, of those with a Raft group if any has one: a starting server knows none yet."""
    return max(identities, key=lambda i: (i.group != "", i.created or 0.0, i.group))
