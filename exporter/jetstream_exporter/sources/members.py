"""The servers that were heard through the system account."""

from collections.abc import Iterable

import msgspec

from jetstream_exporter.report import Health
from jetstream_exporter.wire import Jsz, ServerName, Varz

FORGET = 600.0  # seconds after which a silent server is not expected any more


class Member(msgspec.Struct):
    """What is remembered of one server between scrapes."""

    server: ServerName
    seen: float
    start: object = None  # while its list was whole last time
    streams: int = 0
    consumers: int = 0
    size: int = 0  # of its last list, in bytes

    def shrank(self, jsz: Jsz) -> bool:
        return jsz.streams < self.streams or jsz.consumers < self.consumers

    def remember(self, varz: Varz | None, health: Health | None, jsz: Jsz | None) -> None:
        whole = health is not None and health.code == 200 and jsz is not None and varz is not None
        self.start = varz.start if whole and varz is not None else None
        if jsz is not None:
            self.streams, self.consumers = jsz.streams, jsz.consumers


class Members(dict[str, Member]):
    """By server id."""

    def learn(self, servers: Iterable[ServerName], now: float) -> None:
        """Expect these to answer from now on. A restarted server has a new id, so the old one is dropped."""
        for server in servers:
            self.setdefault(server.id, Member(server, now)).seen = now
        back = {(m.server.cluster, m.server.name) for m in self.values() if m.seen == now}
        for identity, member in list(self.items()):
            replaced = (member.server.cluster, member.server.name) in back
            if member.seen != now and (replaced or now - member.seen > FORGET):
                del self[identity]
