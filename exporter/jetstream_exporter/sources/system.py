"""The system account: every server answers for itself, and no list of targets is needed.

The questions are those to the monitoring port. The number of servers is not known, so those that answered before are
expected, and unknown ones are waited for as long as answers keep arriving.
"""

import asyncio
import time
from typing import Any

from nats.aio.client import Client

from jetstream_exporter.config.nats import System
from jetstream_exporter.report import Health, Outcome, Question, Report, worse
from jetstream_exporter.sources.connection import Connection
from jetstream_exporter.sources.http import SourceError
from jetstream_exporter.sources.members import Members
from jetstream_exporter.sources.scatter import Answers, Got, Scatter
from jetstream_exporter.wire import (
    HealthzAnswer,
    Jsz,
    JszAnswer,
    ServerName,
    StatszAnswer,
    VarzAnswer,
)

NAME = "system"
PING = "$SYS.REQ.SERVER.PING"
PATIENCE = 1.5  # seconds of silence that a server is granted that answered before
SHARE = 0.4  # of the time that is left, for servers that answered just now
SMALL = 2**18  # bytes; larger lists are fetched one after the other: they hold up the JetStream API
AT_ONCE = 8
ACCOUNTS = 65_536  # more than there are; a limit of -1 ends a server before 2.11 (monitor.go, Jsz)
LIST = {"accounts": True, "streams": True, "consumer": True, "limit": ACCOUNTS}


class _Scrape:
    """One scrape: its client, its deadline, the bytes and lists received, and the errors."""

    def __init__(self, client: Client, question: Question) -> None:
        self.client = client
        self.deadline = question.deadline
        self.with_config = question.with_config
        self.received: dict[str, int] = {}
        self.errors: dict[str, str] = {}  # by server id; "" is everybody
        self.lists: dict[str, Jsz] = {}

    def left(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()

    def fail(self, identity: str, what: str) -> None:
        old = self.errors.get(identity)
        self.errors[identity] = f"{old}; {what}" if old else what


class SystemSource:
    """Asks all servers that the system account reaches. One outcome per server, and one for the connection."""

    name = NAME

    def __init__(
        self, settings: System, place: str, group: str, check: str, max_bytes: int
    ) -> None:
        self._connection = Connection(settings, place)
        self._group = group
        self._check = check
        self._max_bytes = max_bytes
        self._members = Members()

    def start(self) -> None:
        self._connection.start()

    async def close(self) -> None:
        await self._connection.close()

    async def ask(self, question: Question) -> list[Outcome]:
        started = time.monotonic()
        reports: list[Report] = []
        errors: dict[str, str] = {}
        received: dict[str, int] = {}
        try:
            scrape = _Scrape(await self._connection.ready(question.deadline), question)
            errors, received = scrape.errors, scrape.received
            reports = await self._ask(scrape)
        except SourceError as error:
            errors[""] = str(error)
        took = time.monotonic() - started
        whole = Outcome(
            source=NAME,
            target=self._connection.target,
            duration=took,
            error=errors.get(""),
            group=self._group,
            is_server=False,
        )
        said = {report.server_id: report for report in reports}
        return [whole] + [
            Outcome(
                source=NAME,
                target=self._name(member.server),
                duration=took,
                received=received.get(identity, 0),
                error=errors.get(identity) if identity in said else "no answer in time",
                report=said.get(identity),
                group=self._group,
            )
            for identity, member in self._members.items()
        ]

    def _name(self, server: ServerName) -> str:
        return f"{self._group or server.cluster}/{server.name}".removeprefix("/")

    async def _ask(self, scrape: _Scrape) -> list[Report]:
        answers = await Scatter(
            self._connection, scrape.client, f"{PING}.STATSZ", StatszAnswer, self._max_bytes
        ).ask({}, set(self._members), scrape.deadline, PATIENCE, _is_everybody)
        servers = {identity: answer.server for identity, (answer, _) in answers.items()}
        self._members.learn(servers.values(), time.monotonic())
        varzs, before = await asyncio.gather(
            self._ping(scrape, "VARZ", VarzAnswer, {}, servers), self._health(scrape, servers)
        )
        await self._lists(scrape, servers)
        after = before
        if not self._is_settled(varzs, scrape.lists):
            after = await self._health(scrape, servers)
        return [
            self._report(
                scrape,
                server,
                varzs.get(identity),
                worse(_health(before.get(identity)), _health(after.get(identity))),
            )
            for identity, server in servers.items()
        ]

    def _is_settled(self, varzs: dict[str, VarzAnswer], lists: dict[str, Jsz]) -> bool:
        """Whether no server started or began to stop since its list was last known to be complete."""
        return all(
            (answer := varzs.get(identity)) is not None
            and answer.data is not None
            and self._members[identity].start == answer.data.start
            and not self._members[identity].shrank(jsz)
            for identity, jsz in lists.items()
        )

    def _report(
        self, scrape: _Scrape, server: ServerName, varz: VarzAnswer | None, health: Health | None
    ) -> Report:
        data, jsz = varz.data if varz else None, scrape.lists.get(server.id)
        if health is not None:
            health.check = self._check
        self._members[server.id].remember(data, health, jsz)
        return Report(
            server_id=server.id,
            server_name=server.name or server.id,
            cluster=server.cluster,
            version=server.ver,
            group=self._group,
            varz=data,
            health=health,
            jsz=jsz,
            with_config=scrape.with_config and jsz is not None,
        )

    async def _health(
        self, scrape: _Scrape, servers: dict[str, ServerName]
    ) -> dict[str, HealthzAnswer]:
        options = {} if self._check == "full" else {self._check: True}
        return await self._ping(scrape, "HEALTHZ", HealthzAnswer, options, servers)

    async def _ping(
        self,
        scrape: _Scrape,
        name: str,
        kind: type[Got],
        options: dict[str, Any],
        servers: dict[str, ServerName],
    ) -> dict[str, Got]:
        """Ask all servers one question; those that do not answer it get an error."""
        subject, part = f"{PING}.{name}", name.lower()
        patience = max(PATIENCE, SHARE * scrape.left())
        answers: Answers[Got] = {}
        try:
            scatter = Scatter(self._connection, scrape.client, subject, kind, self._max_bytes)
            answers = await scatter.ask(options, set(servers), scrape.deadline, patience)
        except SourceError as error:
            scrape.fail("", f"{part}: {error}")
        for identity in servers.keys() - answers.keys():
            scrape.fail(identity, f"{part}: no answer")
        return {identity: _note(scrape, part, *got) for identity, got in answers.items()}

    async def _lists(self, scrape: _Scrape, servers: dict[str, ServerName]) -> None:
        """Fetch the lists of streams: small ones at once, large ones one server after the other.

        A server encodes its list in the queue that all its JetStream API replies pass through.
        """
        small = {i for i in servers if 0 < self._members[i].size <= SMALL}
        large = sorted(servers.keys() - small)
        gate = asyncio.Semaphore(AT_ONCE)

        async def fetch_small(identity: str) -> None:
            async with gate:
                await self._list(scrape, identity, scrape.deadline)

        await asyncio.gather(*(fetch_small(identity) for identity in sorted(small)))
        for i, identity in enumerate(large):
            # Twice its share, so that one that hangs leaves time for the others.
            share = min(1.0, 2 / (len(large) - i)) * scrape.left()
            await self._list(scrape, identity, scrape.deadline - scrape.left() + share)

    async def _list(self, scrape: _Scrape, identity: str, deadline: float) -> None:
        subject = f"$SYS.REQ.SERVER.{identity}.JSZ"
        options = {**LIST, "config": scrape.with_config}
        scatter = Scatter(self._connection, scrape.client, subject, JszAnswer, self._max_bytes)
        try:
            answers = await scatter.ask(options, {identity}, deadline, scrape.left())
        except SourceError as error:
            scrape.fail(identity, f"jsz: {error}")
            return
        for answer, size in answers.values():
            _note(scrape, "jsz", answer, size)
            self._members[identity].size = size
            if answer.data is not None:
                scrape.lists[identity] = answer.data


def _note(scrape: _Scrape, part: str, answer: Got, size: int) -> Got:
    identity = answer.server.id
    scrape.received[identity] = scrape.received.get(identity, 0) + size
    if answer.error is not None:
        scrape.fail(identity, f"{part}: {answer.error.description}")
    return answer


def _is_everybody(answers: Answers[StatszAnswer]) -> bool:
    """Whether as many answered as they know of. A crashed server still counts for some minutes."""
    return len(answers) >= max(answer.statsz.active_servers for answer, _ in answers.values())


def _health(answer: HealthzAnswer | None) -> Health | None:
    if answer is None or answer.data is None:
        return None
    data = answer.data
    return Health(data.status_code or (200 if data.status == "ok" else 503), data.error)
