"""One scrape over the system account: who answers, what each says of itself, and its list of streams."""

import asyncio
import time
from collections.abc import Collection
from typing import Any

from jetstream_exporter.config.shard import WHOLE, Shard
from jetstream_exporter.report import (
    NO_LINKS,
    Health,
    ScrapeRequest,
    ServerReport,
    worse,
)
from jetstream_exporter.sources.completeness import is_settled, remembered
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats.client import SecureClient
from jetstream_exporter.sources.nats.connection import Connection
from jetstream_exporter.sources.nats.ledger import Ledger
from jetstream_exporter.sources.nats.members import MOST, Members
from jetstream_exporter.sources.nats.scatter import Got, Replies, Scatter
from jetstream_exporter.sources.nats.system_links import PING, SystemLinks
from jetstream_exporter.sources.nats.system_lists import SystemLists
from jetstream_exporter.wire import (
    HealthzAnswer,
    Jsz,
    ServerName,
    StatszAnswer,
    VarzAnswer,
)

PATIENCE = 1.5  # seconds of silence that a server is granted that answered before
SHARE = 0.4  # of the time that is left, for servers that answered just now


class Asking:
    """Makes the requests of one scrape, once there is a `client`."""

    def __init__(self, connection: Connection, members: Members) -> None:
        self._connection = connection
        self._members = members
        self.client: SecureClient | None = None

    def scatter(self, subject: str, kind: type[Got]) -> Scatter[Got]:
        if self.client is None:
            raise RuntimeError("asked without a connection")
        return Scatter(self._connection, self.client, subject, kind, self._members)


class SystemScrape:
    """Asks over one client until the deadline: `reports` gets what servers said, `ledger` how it went.

    Nothing that it holds may hold it, or all that came would wait for the garbage collector.
    """

    def __init__(
        self,
        connection: Connection,
        members: Members,
        request: ScrapeRequest,
        cluster_name: str,
        check: str,
        *,
        further: Collection[str] = (),
        shard: Shard = WHOLE,
    ) -> None:
        self._connection = connection
        self._members = members
        self._cluster_name = cluster_name
        self._check = check
        self.reports: list[ServerReport] = []
        self.deadline = request.deadline
        self.with_config = request.with_config
        self.ledger = Ledger()
        self._asking = Asking(connection, members)
        self._lists = SystemLists(self._asking.scatter, members, request, shard, self.ledger)
        self._disputed: set[str] = set()
        self.links = (
            SystemLinks(
                self._asking.scatter, request.deadline, further, members, connection.permissions
            )
            if further
            else None
        )

    @property
    def client(self) -> SecureClient | None:
        """What the requests are sent over, once there is a connection."""
        return self._asking.client

    @property
    def lists(self) -> dict[str, Jsz]:
        """The servers' lists, by server id."""
        return self._lists.found

    async def run(self) -> None:
        """Ask all servers over one client; what failed is in the errors."""
        try:
            self._asking.client = await self._connection.ready(self.deadline)
            self.ledger.succeed("", "connection", "connected")
            self.reports = await self._ask()
        except SourceError as error:
            self.ledger.errors[""] = str(error)

    def left(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()

    async def _ask(self) -> list[ServerReport]:
        scatter = self._asking.scatter(f"{PING}.STATSZ", StatszAnswer)
        answers = await scatter.ask(
            {}, self._members.expected(), self.deadline, lambda _: PATIENCE, self._is_everybody
        )
        self._disputed |= scatter.disputed
        servers = self._members.admitted({i: answer.server for i, (answer, _) in answers.items()})
        self.ledger.succeed("", "statsz", f"{len(servers)} servers answered")
        if len(servers) < len(answers):
            self.ledger.fail(
                "", "statsz", f"{len(answers)} servers answered, of which {MOST} are asked"
            )
        self._members.remember(servers.values(), time.monotonic())
        varzs, before = await asyncio.gather(
            self._ping("VARZ", VarzAnswer, {}, servers), self._health(servers)
        )
        said = {i: answer.data for i, answer in varzs.items() if i in servers}
        asking = [self.links.ask(said)] if self.links is not None else []
        await asyncio.gather(self._lists.fetch(servers), *asking)
        after = before
        if not self._is_settled(varzs, self.lists):
            after = await self._health(servers)
        self._disputed |= self._lists.disputed
        self._members.dispute(self._disputed, time.monotonic())
        return [
            self._report(
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
            and is_settled(self._members[identity].last, answer.data, jsz)
            for identity, jsz in lists.items()
        )

    def _report(
        self, server: ServerName, varz: VarzAnswer | None, health: Health | None
    ) -> ServerReport:
        data, jsz = varz.data if varz else None, self.lists.get(server.id)
        if health is not None:
            health.check = self._check
        member = self._members[server.id]
        member.last = remembered(member.last, data, health, jsz)
        return ServerReport(
            server_id=server.id,
            server_name=server.name or server.id,
            cluster=server.cluster,
            version=server.ver,
            cluster_name=self._cluster_name,
            varz=data,
            health=health,
            jsz=jsz,
            with_config=self.with_config and jsz is not None,
            links=self.links.of(server.id) if self.links is not None else NO_LINKS,
            is_local=_is_local(self.client, server),
            is_disputed=server.id in self._disputed,
        )

    async def _health(self, servers: dict[str, ServerName]) -> dict[str, HealthzAnswer]:
        options = {} if self._check == "full" else {self._check: True}
        return await self._ping("HEALTHZ", HealthzAnswer, options, servers)

    async def _ping(
        self,
        name: str,
        kind: type[Got],
        options: dict[str, Any],
        servers: dict[str, ServerName],
    ) -> dict[str, Got]:
        """Send one request to all servers; those that do not answer it get an error."""
        subject, request = f"{PING}.{name}", name.lower()
        patience = max(PATIENCE, SHARE * self.left())
        answers: Replies[Got] = {}
        scatter = self._asking.scatter(subject, kind)
        try:
            answers = await scatter.ask(options, set(servers), self.deadline, lambda _: patience)
        except SourceError as error:
            self.ledger.fail("", request, str(error))
        self._disputed |= scatter.disputed
        for identity in servers.keys() - answers.keys():
            self.ledger.fail(identity, request, scatter.refused.get(identity, "no answer"))
        return {identity: self._note(request, *got) for identity, got in answers.items()}

    def _is_everybody(self, answers: Replies[StatszAnswer]) -> bool:
        """Whether as many answered as they know of. A crashed server still counts for some minutes."""
        most = max(answer.statsz.active_servers for answer, _ in answers.values())
        return len(answers) >= most and not self._members.is_disputed(time.monotonic())

    def _note(self, request: str, answer: Got, size: int) -> Got:
        identity = answer.server.id
        self.ledger.add(identity, size)
        if answer.error is not None:
            self.ledger.fail(identity, request, answer.error.description)
        else:
            self.ledger.succeed(identity, request, f"{size} bytes")
        return answer


def _is_local(client: SecureClient | None, server: ServerName) -> bool:
    """Whether the server is of the connected cluster, or is the connected standalone server: leaf nodes answer too."""
    # The library has no public name for it.
    info = client._server_info if client is not None else {}
    if server.cluster:
        return bool(info.get("cluster", "") == server.cluster)
    return bool(info.get("server_id", "") == server.id)


def _health(answer: HealthzAnswer | None) -> Health | None:
    if answer is None or answer.data is None:
        return None
    data = answer.data
    return Health(data.status_code or (200 if data.status == "ok" else 503), data.error)
