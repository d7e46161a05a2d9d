"""Collections under way, which scrapes share. `budget` says who joins, leaves and starts one."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence

import msgspec
import structlog

from jetstream_exporter.report import LATE, Outcome, RequestResult
from jetstream_exporter.scrape.budget import FLOOR, UNUSUAL, USUAL
from jetstream_exporter.scrape.renderer import ScrapeResult
from jetstream_exporter.sources.collector import numbered

log = structlog.get_logger()

Fly = Callable[["Flight"], Coroutine[None, None, ScrapeResult]]


class Flight:
    """One collection, and what its sources have brought so far. Times are the running loop's."""

    def __init__(self, number: int, started: float, ends: float) -> None:
        self.number = number
        self.started = self.asked = started  # `asked` is when its sources were asked last
        self.ends = ends  # when its sources have to have answered
        self.found: dict[tuple[str, int, str], Outcome] = {}
        self.notes = 0  # changes of what was found
        self.merging = False  # its contents are not to be read any more
        # What it has to say first; it may ask again afterwards.
        self.ready: asyncio.Future[ScrapeResult] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[ScrapeResult]

    @property
    def budget(self) -> float:
        return self.ends - self.started

    def note(self, outcome: Outcome) -> None:
        """Keep what a target gave, or that it was asked and has not answered; the last note counts."""
        self.found[outcome.source, outcome.entry, outcome.target] = outcome
        self.notes += 1

    def so_far(self, known: Iterable[Outcome], now: float) -> list[Outcome]:
        """One outcome a target: what came, and of those `known` from before that have not, that they are late."""
        waited = now - self.started
        found = [_until(waited, self.found[key]) for key in sorted(self.found)]
        entries = sorted({outcome.entry for outcome in found})
        outcomes = numbered((e, [o for o in found if o.entry == e]) for e in entries)
        here = {(outcome.source, outcome.target) for outcome in outcomes}
        late = [_late(o, waited) for o in known if (o.source, o.target) not in here]
        return sorted(outcomes + late, key=lambda o: (o.source, o.target))


class SingleFlight:
    """The collections under way, the newest last."""

    def __init__(self) -> None:
        self._flights: list[Flight] = []
        self._number = 0
        self._took = 0.0  # seconds, the last one

    @property
    def flying(self) -> Sequence[Flight]:
        return [flight for flight in self._flights if not flight.task.done()]

    def older(self, flight: Flight) -> bool:
        """Whether a collection that began before this one is under way."""
        return any(each.number < flight.number for each in self.flying)

    def join(self, timeout: float) -> Flight | None:
        """The collection that a caller with so many seconds may share, if there is one."""
        flying = self.flying
        if not flying:
            return None
        age = asyncio.get_running_loop().time() - flying[-1].started
        usual = UNUSUAL * self._took + USUAL
        return flying[-1] if age <= min(max(timeout, FLOOR), usual) else None

    def start(self, ends: float, fly: Fly) -> Flight:
        """Begin a collection."""
        now = asyncio.get_running_loop().time()
        self._number += 1
        flight = Flight(self._number, now, max(ends, now + FLOOR))
        flight.task = asyncio.create_task(fly(flight), name=f"collection {flight.number}")
        flight.task.add_done_callback(lambda _: self._landed(flight))
        self._flights.append(flight)
        return flight

    def drop(self, flight: Flight) -> None:
        """Cancel a collection; its callers find another."""
        if flight in self._flights:
            self._flights.remove(flight)
        flight.task.cancel()

    def _landed(self, flight: Flight) -> None:
        if flight in self._flights:
            self._flights.remove(flight)
        error = None if flight.task.cancelled() else flight.task.exception()
        if error is not None:
            log.error("internal error in a collection", exc_info=error)
        if flight.task.cancelled() or error is not None:
            flight.ready.cancel()
        else:
            self._took = asyncio.get_running_loop().time() - flight.started


def _late(outcome: Outcome, waited: float) -> Outcome:
    """What is said of a target that has not answered and did so before."""
    requests = {name: RequestResult(up=False, text=LATE) for name in outcome.requests}
    return msgspec.structs.replace(
        outcome,
        error=LATE,
        duration=waited,
        received=0,
        requests=requests,
        answer=outcome.no_answer(),
    )


def _until(waited: float, outcome: Outcome) -> Outcome:
    """A copy, with how long a target has been waited for."""
    if outcome.error != LATE or outcome.duration:
        waited = outcome.duration
    return msgspec.structs.replace(outcome, duration=waited)
