"""The requests about connections over the system account, each to all servers at once. A failure costs its own part."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

from jetstream_exporter.report import LATE, Links, RequestResult
from jetstream_exporter.sources import links
from jetstream_exporter.sources.decoding import refusal
from jetstream_exporter.sources.errors import SourceError, SourceTimeoutError, shortened
from jetstream_exporter.sources.links import ACCOUNTS, GATEWAYS, LEAFNODES, ROUTES
from jetstream_exporter.sources.nats.members import Members
from jetstream_exporter.sources.nats.permissions import Permissions
from jetstream_exporter.sources.nats.scatter import LinkAnswer, Patience, Scatter
from jetstream_exporter.wire import AccstatzAnswer, GatewayzAnswer, LeafzAnswer, RoutezAnswer, Varz

PING = "$SYS.REQ.SERVER.PING"
# A server logs each refusal. These requests are few of many, so the others go on, and nobody waits for this one.
ASK_AGAIN = 300.0  # seconds after which a request that was refused is sent again; a new connection sends it at once

NOT_SENT = (
    "the user may not publish to {subject}; the request is sent again after "
    f"{ASK_AGAIN / 60:.0f} minutes or over a new connection"
)

KINDS: dict[str, type[LinkAnswer]] = {
    GATEWAYS: GatewayzAnswer,
    LEAFNODES: LeafzAnswer,
    ROUTES: RoutezAnswer,
    ACCOUNTS: AccstatzAnswer,
}
SUBJECTS = {name: f"{PING}.{name.upper()}" for name in KINDS} | {
    ACCOUNTS: "$SYS.REQ.ACCOUNT.PING.STATZ"
}
OPTIONS: dict[str, dict[str, Any]] = {ACCOUNTS: {"include_unused": True}}
ScatterOf = Callable[[str, type[LinkAnswer]], Scatter[Any]]


class SystemLinks:
    """One scrape: `of` gives a server's links, `results` how asking went, by server id and request."""

    def __init__(
        self,
        scatter: ScatterOf,
        deadline: float,
        further: Collection[str],
        members: Members,
        permissions: Permissions,
    ) -> None:
        self._further = further
        self._members = members
        self._permissions = permissions
        self._scatter = scatter
        self._deadline = deadline
        self._answers: dict[str, dict[str, Any]] = {}
        self.results: dict[str, dict[str, RequestResult]] = {}
        self.received: dict[str, int] = {}

    async def ask(self, varzs: Mapping[str, Varz | None]) -> None:
        """Ask for what these servers, by id, say there is."""
        servers: dict[str, set[str]] = {}
        for identity, varz in varzs.items():
            for name in links.wanted(varz, self._further):
                servers.setdefault(name, set()).add(identity)
        await asyncio.gather(*(self._ask(name, asked) for name, asked in servers.items()))

    def of(self, identity: str) -> Links:
        found = self._answers.get(identity, {})
        return Links(*(found.get(name) for name in (GATEWAYS, LEAFNODES, ROUTES, ACCOUNTS)))

    async def _ask(self, name: str, servers: set[str]) -> None:
        """All servers answer; of those that have nothing there, the answer is not needed and not waited for."""
        subject = SUBJECTS[name]
        if self._permissions.is_refused(subject, ASK_AGAIN):
            for identity in servers:
                self._fail(name, identity, NOT_SENT.format(subject=subject))
            return
        scatter = self._scatter(subject, KINDS[name])
        reason, answers, is_late = LATE, {}, True
        try:
            patience = self._patience(name)
            answers = await scatter.ask(OPTIONS.get(name, {}), servers, self._deadline, patience)
        except SourceError as error:
            reason, is_late = str(error), isinstance(error, SourceTimeoutError)
        for identity in servers - answers.keys():
            self._fail(name, identity, scatter.refused.get(identity, reason))
        for identity in servers & answers.keys():
            self._take(name, identity, *answers[identity])
        if is_late:
            self._remember(name, servers, answers.keys() | scatter.refused.keys())

    def _patience(self, name: str) -> Patience:
        """Silence after which the missing are late. One that was so in the last scrape has no time of its own."""

        def patience(missing: set[str]) -> float:
            lates = (self._members[identity].late for identity in missing)
            is_patient = any(links.is_patient(late, name) for late in lates)
            return links.PATIENCE if is_patient else links.HASTE

        return patience

    def _remember(self, name: str, servers: set[str], answered: Collection[str]) -> None:
        for identity in servers:
            links.note(self._members[identity].late, name, in_time=identity in answered)

    def _take(self, name: str, identity: str, answer: LinkAnswer, size: int) -> None:
        self.received[identity] = self.received.get(identity, 0) + size
        if answer.error is not None or answer.data is None:
            why = answer.error.description if answer.error is not None else "an answer without data"
            self._fail(name, identity, why)
            return
        self._answers.setdefault(identity, {})[name] = answer.data
        result = RequestResult(True, f"{size} bytes")
        self.results.setdefault(identity, {})[name] = result
        refused = refusal(answer.data)
        if refused is not None:
            self._fail(name, identity, refused)

    def _fail(self, name: str, identity: str, why: str) -> None:
        self.results.setdefault(identity, {})[name] = RequestResult(False, shortened(why))
