"""What is remembered of one server between scrapes, to know how to ask it: its last list, and how patient to be."""

import msgspec

from jetstream_exporter.report import NO_LINKS, ServerReport
from jetstream_exporter.sources.completeness import LastList, remembered
from jetstream_exporter.sources.http.config_fetch import PendingConfigFetch
from jetstream_exporter.sources.http.target_request import TargetRequest
from jetstream_exporter.sources.links import Late

SHORT = 1.0  # seconds for a server that did not answer in time before: is it frozen still?
LONGER_EVERY = 5  # after so many short tries a longer one, for a server that is far away
LONGER = 3.0  # seconds
# A scrape with so much more time than the last failure had gives the server all of it.
LONGER_THAN_BEFORE = 1.5


class EndpointMemory(msgspec.Struct):
    identity: ServerReport | None = None  # the last report's names, without its contents
    last: LastList = LastList()
    timeouts: int = 0  # scrapes in a row that it did not answer in time
    budget: float = 0.0  # seconds, the longest in which it did not answer
    took: float = 0.0  # seconds, when all was well last
    config_fetch: PendingConfigFetch | None = None  # begun by an earlier scrape
    late: Late = {}  # of the requests about connections

    def patience(self, left: float) -> float:
        """Seconds that the small requests may take before the large one, of those left until the deadline."""
        if not self._is_suspect(left):
            return left / 2
        return SHORT if self.timeouts % LONGER_EVERY else LONGER

    def limited(self, left: float) -> float:
        """Seconds for the large request: of a server that runs, and of which something hung, not all that are left."""
        if not self._is_suspect(left):
            return left
        return min(left, max(left / 2, 2 * self.took))

    def _is_suspect(self, left: float) -> bool:
        return bool(self.timeouts) and left <= LONGER_THAN_BEFORE * self.budget

    def take_late(self) -> ServerReport | None:
        """The configurations that an earlier scrape asked for, if they have arrived since."""
        config_fetch = self.config_fetch
        if config_fetch is None or not config_fetch.done:
            return None
        self.config_fetch = None
        jsz, known = config_fetch.take(), self.identity
        if jsz is None or known is None or jsz.server_id != known.server_id:
            return None
        return msgspec.structs.replace(known, jsz=jsz, with_config=True)

    def remember(
        self, report: ServerReport | None, request: TargetRequest, took: float, budget: float
    ) -> None:
        """Note how a scrape went that took so many seconds of those it had."""
        if request.timeouts or (self.timeouts and report is None):
            # Still away: an answer that cannot be read is none, and earns no patience for the next time.
            self.timeouts += 1
            self.budget = max(self.budget, budget)
        else:
            self.timeouts, self.budget = 0, 0.0
        if report is None:
            self.last = remembered(self.last, None, None, None)
            return
        responses = report.varz, report.health, report.jsz
        self.last = remembered(self.last, *responses)
        if None in responses:
            return
        if not request.errors:
            self.took = took
        self.identity = msgspec.structs.replace(
            report, varz=None, health=None, jsz=None, links=NO_LINKS
        )

    def forget(self) -> None:
        """End what was begun: the server is asked no more."""
        if self.config_fetch is not None:
            self.config_fetch.cancel()
