"""The HTTP monitoring port: `/varz`, `/healthz` and `/jsz` of every server.

A scrape asks for jsz without configurations, which triple the server's work, unless its request says otherwise.
"""

import asyncio
import time
from collections.abc import Collection

from jetstream_exporter.config.shard import WHOLE, Shard
from jetstream_exporter.report import (
    LATE,
    Outcome,
    RequestResult,
    ScrapeRequest,
    ServerAnswer,
)
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.http.client import Endpoint, HttpClient
from jetstream_exporter.sources.http.discovery import Discovery
from jetstream_exporter.sources.http.endpoint_memory import EndpointMemory
from jetstream_exporter.sources.http.endpoint_scrape import EndpointScrape
from jetstream_exporter.sources.http.lists import lists_of
from jetstream_exporter.sources.http.target_request import REQUESTS
from jetstream_exporter.sources.lookup import Lookup
from jetstream_exporter.sources.pace import Pace

NAME = "monitoring"


class MonitoringSource:
    """Asks every server behind a cluster's targets, each within the deadline, none waiting for another."""

    name = NAME

    def __init__(
        self,
        targets: list[str],
        client: HttpClient,
        lookup: Lookup,
        cluster_name: str = "",
        check: str = "full",
        *,
        pace: Pace | None = None,
        further: Collection[str] = (),
        shard: Shard = WHOLE,
    ) -> None:
        self._pace = pace or Pace()
        self._discoveries = [Discovery(target, lookup) for target in targets]
        self._client = client
        self._cluster_name = cluster_name
        self._check = check
        self._further = further
        self._read = lists_of(shard)
        self._memories: dict[str, EndpointMemory] = {}

    async def ask(self, request: ScrapeRequest) -> list[Outcome]:
        asked: set[str] = set()
        found = await asyncio.gather(
            *(self._ask_target(d, request, asked) for d in self._discoveries)
        )
        outcomes = {outcome.target: outcome for given in found for outcome in given}
        for gone in self._memories.keys() - outcomes.keys():
            self._forget(gone)
        servers = [outcome.server for outcome in outcomes.values()]
        listed = sum(server is not None and server.jsz is not None for server in servers)
        if 2 * listed > len(outcomes):
            self._pace.bring(request.deadline)
        return list(outcomes.values())

    def _forget(self, target: str) -> None:
        self._memories.pop(target).forget()

    async def close(self) -> None:
        for target in list(self._memories):
            self._forget(target)
        await asyncio.gather(*(discovery.close() for discovery in self._discoveries))
        await self._client.close()

    async def _ask_target(
        self, discovery: Discovery, request: ScrapeRequest, asked: set[str]
    ) -> list[Outcome]:
        started = time.monotonic()
        try:
            endpoints = await discovery.endpoints(request.deadline)
        except SourceError as error:
            took = time.monotonic() - started
            return [self._failed(discovery.target, str(error), took)]
        fresh = {
            endpoint.target: endpoint for endpoint in endpoints if endpoint.target not in asked
        }
        asked.update(fresh)
        return await asyncio.gather(
            *(self._ask_endpoint(endpoint, request) for endpoint in fresh.values())
        )

    async def _ask_endpoint(self, endpoint: Endpoint, request: ScrapeRequest) -> Outcome:
        target = endpoint.target
        memory = self._memories.setdefault(target, EndpointMemory())
        request.note(self._failed(target, LATE))
        started = time.monotonic()
        budget = request.deadline - asyncio.get_running_loop().time()

        def note_so_far(scrape: EndpointScrape) -> None:
            """Note what a scrape that leaves now gets of this server."""
            request.note(self._so_far(scrape, time.monotonic() - started))

        scrape = EndpointScrape(
            self._client,
            endpoint,
            memory,
            self._cluster_name,
            self._check,
            further=self._further,
            read=self._read,
            arrived=note_so_far,
        )
        report = await scrape.report(request)
        took = time.monotonic() - started
        memory.remember(report, scrape.request, took, budget)
        if report is None and not scrape.request.errors:
            scrape.request.refuse("jsz", "a different server answered than before")
        outcome = self._outcome(scrape, ServerAnswer(report, memory.take_late()), took)
        request.note(outcome)
        return outcome

    def _outcome(self, scrape: EndpointScrape, answer: ServerAnswer, took: float) -> Outcome:
        """The outcome of a scrape that ended."""
        sent = scrape.request
        return Outcome(
            NAME,
            sent.endpoint.target,
            took,
            scrape.received,
            sent.error(),
            answer,
            self._cluster_name,
            scrape.results,
        )

    def _so_far(self, scrape: EndpointScrape, took: float) -> Outcome:
        """The outcome of one that still waits, with what is missing as late."""
        sent = scrape.request
        return Outcome(
            NAME,
            sent.endpoint.target,
            took,
            sent.received,
            sent.error(LATE),
            ServerAnswer(scrape.so_far()),
            self._cluster_name,
            sent.so_far(LATE),
        )

    def _failed(self, target: str, error: str, took: float = 0.0) -> Outcome:
        """The outcome of a target that gave nothing."""
        results = {name: RequestResult(False, error) for name in REQUESTS}
        return Outcome(
            NAME,
            target,
            took,
            error=error,
            answer=ServerAnswer(),
            cluster_name=self._cluster_name,
            requests=results,
        )
