"""Requests for the list of all objects. With all configurations it may take longer than the scrape that asks."""

import asyncio

from jetstream_exporter.sources.http.client import Endpoint, HttpClient
from jetstream_exporter.sources.http.lists import ReadList
from jetstream_exporter.sources.http.target_request import TargetRequest
from jetstream_exporter.wire import Jsz

LONGEST = 60.0  # seconds; a server that needs more is frozen, or too slow for what it holds


class PendingConfigFetch:
    """One request with configurations, under way or answered.

    A scrape waits for it as long as it can. An answer that arrives later is taken by a later scrape: its
    configurations are valid, its figures outdated.
    """

    def __init__(self, client: HttpClient, endpoint: Endpoint, read: ReadList) -> None:
        self._request = TargetRequest(client, endpoint)
        latest = asyncio.get_running_loop().time() + LONGEST
        self._task = asyncio.ensure_future(read(self._request, True, latest))

    @property
    def done(self) -> bool:
        return self._task.done()

    async def wait(self, deadline: float) -> None:
        """Return when it is answered, or at the deadline (a time of the running loop)."""
        left = deadline - asyncio.get_running_loop().time()
        await asyncio.wait([self._task], timeout=max(0.0, left))

    def take(self, request: TargetRequest | None = None) -> Jsz | None:
        """The answer, once it is done; None if it failed or nobody wants it any more.

        Its bytes and errors are added to `request`.
        """
        if request is not None:
            request.add(self._request)
        return None if self._task.cancelled() else self._task.result()

    def cancel(self) -> None:
        self._task.cancel()
