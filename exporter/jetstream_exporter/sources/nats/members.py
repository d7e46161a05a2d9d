"""The servers that answered through the system account."""

from collections.abc import Iterable, Mapping

import msgspec

from jetstream_exporter.sources.completeness import LastList
from jetstream_exporter.sources.links import Late
from jetstream_exporter.wire import ServerName

GONE = 2  # times without an answer, after which a server is not waited for
MOST = 5_000  # servers; whoever answers in the system account can say that there are any number
FORGET = 600.0  # seconds after which a server that does not answer is not expected any more
NEVER = float("-inf")


class Member(msgspec.Struct):
    """What is remembered of one server between scrapes."""

    server: ServerName
    seen: float
    last: LastList = LastList()
    size: int = 0  # of its last list, in bytes
    missed: int = 0  # times in a row that it did not answer
    late: Late = {}  # of the requests about connections
    disputed: float = NEVER  # when another server last answered with its id


class Members(dict[str, Member]):
    """By server id. What a scrape notes of a server that a newer one has dropped meanwhile is forgotten."""

    def __missing__(self, identity: str) -> Member:
        return Member(ServerName(id=identity), NEVER)

    def admitted(self, answered: Mapping[str, ServerName]) -> dict[str, ServerName]:
        """Those that are asked more: as many as are allowed, the known ones before others."""
        by_age = sorted(answered, key=lambda identity: identity not in self)
        return {identity: answered[identity] for identity in by_age[:MOST]}

    def remember(self, servers: Iterable[ServerName], now: float) -> None:
        """Expect these to answer from now on. A restarted server has a new id, so the old one is dropped."""
        for server in servers:
            member = self.setdefault(server.id, Member(server, now))
            member.seen, member.missed = now, 0
        back = {_place(m.server) for m in self.values() if m.seen == now}
        for identity, member in list(self.items()):
            replaced = _place(member.server) in back
            member.missed += member.seen != now
            if member.seen != now and (replaced or now - member.seen > FORGET):
                del self[identity]
        absent = sorted((m.seen, identity) for identity, m in self.items() if m.seen != now)
        for _, identity in absent[: max(0, len(self) - MOST)]:
            del self[identity]

    def dispute(self, identities: Iterable[str], now: float) -> None:
        for identity in identities:
            if (member := self.get(identity)) is not None:
                member.disputed = now

    def is_disputed(self, now: float) -> bool:
        """Whether somebody answers with another one's id, so that the first answer may not be the only one."""
        return any(now - member.disputed < FORGET for member in self.values())

    def expected(self) -> set[str]:
        """Those to wait for. An answer of one that is known not to answer is taken, but not waited for."""
        return {identity for identity, member in self.items() if member.missed < GONE}


def _place(server: ServerName) -> tuple[str, str]:
    """Which server it is over restarts. One without a name calls itself by its id, which is new after each."""
    return server.cluster, "" if server.name == server.id else server.name
