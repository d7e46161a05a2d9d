"""All that the pages and the commands show of one moment."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from jetstream_exporter.snapshot import Consumer, Server, Snapshot, Stream
from jetstream_exporter.snapshot.rows import NO_LAG, Lag
from jetstream_exporter.status import states
from jetstream_exporter.status.conditions import LOST
from jetstream_exporter.status.consumers import excuse
from jetstream_exporter.status.facts import (
    Facts,
    Object,
    of_cluster,
    of_consumer,
    of_server,
    of_stream,
)
from jetstream_exporter.status.findings import Finding, find_each, together, without_progress
from jetstream_exporter.status.lists import Listed
from jetstream_exporter.status.numbers import span
from jetstream_exporter.status.watch import Memory

EXIT_CODES: Mapping[str, int] = {"critical": 2, "warning": 1}


class View:
    """A snapshot, judged. `time` is when it was collected, in seconds since the epoch."""

    def __init__(self, snapshot: Snapshot, memory: Memory, time: float) -> None:
        self.snapshot = snapshot
        self.memory = memory
        self.time = time
        self._facts = Facts(snapshot, time, memory.refused)
        self._each = sorted(find_each(self._facts, memory), key=lambda each: each.order)
        self.findings: Sequence[Finding] = together(self._each, self._facts)

    @cached_property
    def by_object(self) -> Mapping[Object, Sequence[Finding]]:
        """What holds at each object, the worst first."""
        found: dict[Object, list[Finding]] = {}
        for each in self._each:
            found.setdefault(each.object, []).append(each)
        return found

    def lag_of(self, key: Object) -> Lag:
        return self._facts.lags.get(key, NO_LAG)

    @property
    def worst(self) -> str:
        """The severity of the worst finding; `ok` without one above info."""
        first = self.findings[0].alert.severity if self.findings else "ok"
        return first if first in EXIT_CODES else "ok"

    @property
    def counts(self) -> Mapping[str, int]:
        """How many findings there are of each severity."""
        found = {"critical": 0, "warning": 0, "info": 0}
        for each in self.findings:
            found[each.alert.severity] += 1
        return found

    def held(self, found: Finding) -> str:
        """For how long at least a finding has held, in words; empty where that says nothing."""
        seconds = self.time - found.since
        return span(seconds) if seconds >= 1 and found.alert.severity != "info" else ""

    @property
    def watched_for(self) -> float:
        """Seconds since which conditions are remembered."""
        return 0.0 if self.memory.started is None else max(0.0, self.time - self.memory.started)

    def _alerts(self, key: Object) -> Mapping[str, str]:
        return {each.alert.name: each.alert.severity for each in self.by_object.get(key, ())}

    def server(self, row: Server) -> str:
        key = of_server(row)
        firing = {each.alert.name for each in self.by_object.get(key, ()) if each.is_firing}
        is_unhealthy = "JetStreamServerUnhealthy" in firing
        return states.server(row, self._alerts(key), self.time, is_unhealthy=is_unhealthy)

    @cached_property
    def servers(self) -> Mapping[Object, str]:
        """The state of each server."""
        return {of_server(row): self.server(row) for row in self.snapshot.servers}

    @cached_property
    def metas(self) -> Mapping[Object, str]:
        return {of_cluster(row.cluster): states.meta(row) for row in self.snapshot.metas}

    @cached_property
    def streams(self) -> Mapping[Object, str]:
        """The state of each stream."""
        return {each.object: each.state for each in self.listed_streams}

    @cached_property
    def consumers(self) -> Mapping[Object, str]:
        """The state of each consumer."""
        return {each.object: each.state for each in self.listed_consumers}

    @cached_property
    def listed_streams(self) -> Sequence[Listed[Stream]]:
        losing = {
            Object("stream", key.names[:3])
            for key, found in self.by_object.items()
            if key.kind == "consumer" and any(each.alert.name == LOST for each in found)
        }
        return [
            Listed(row, key, states.stream(row, self._alerts(key), is_losing=key in losing))
            for key, row in ((of_stream(row), row) for row in self.snapshot.streams)
        ]

    @cached_property
    def listed_consumers(self) -> Sequence[Listed[Consumer]]:
        """Of these there may be many: what says nothing of one is not looked at."""
        facts, by_object = self._facts, self.by_object
        excuses = {
            of_consumer(row): excuse(row, facts) for row, _ in without_progress(facts, self.memory)
        }
        found = []
        for row in self.snapshot.consumers:
            key, state = of_consumer(row), states.OK
            if key in excuses or key in by_object or not _is_calm(row):
                state = states.consumer(row, self._alerts(key), excuses.get(key))
            found.append(Listed(row, key, state))
        return found

    @cached_property
    def _rows(self) -> Mapping[Object, Server | Stream | Consumer]:
        snapshot = self.snapshot
        return {
            **{of_server(row): row for row in snapshot.servers},
            **{of_stream(row): row for row in snapshot.streams},
            **{of_consumer(row): row for row in snapshot.consumers},
        }

    def row(self, key: Object) -> Server | Stream | Consumer | None:
        """The row of an object that has a page; None where it is not reported."""
        return self._rows.get(key)


def _is_calm(row: Consumer) -> bool:
    """Whether its own figures say nothing of its state."""
    return row.raft.has_leader is True and not row.paused
