"""Single messages that are looked up in a model of a stream, as `sources.nats.exact_lag` remembers them."""

import random
from datetime import UTC, datetime

from tests.support.lag_model import ModelConsumer, ModelStream

from jetstream_exporter.report import LookedUp, StoredMessage

Wanted = tuple[float, str | None]  # when a consumer was created, and its filters


class ModelLookups:
    """Of some consumers the next messages are looked up at some times; nothing that was found is forgotten."""

    def __init__(self, stream: ModelStream, rng: random.Random) -> None:
        self._stream = stream
        self._rng = rng
        self._found: dict[str, tuple[Wanted, list[StoredMessage]]] = {}

    def some(self, now: float) -> None:
        for name, consumer in self._stream.consumers.items():
            wanted = (consumer.created, consumer.subjects)
            if self._found.get(name, (None,))[0] != wanted:
                self._found[name] = wanted, []
            for above in (consumer.delivered, consumer.floor):
                if self._rng.random() < 0.4:
                    self._found[name][1].extend(self._next(consumer, above, now))

    def _next(self, consumer: ModelConsumer, above: int, now: float) -> list[StoredMessage]:
        asked = max(above + 1, self._stream.first)
        waiting = self._stream.first_waiting(consumer, asked - 1)
        if waiting is None:
            return []
        return [StoredMessage(asked, waiting, self._stream.messages[waiting][0], now)]

    def found(self) -> dict[str, LookedUp]:
        return {
            name: LookedUp(datetime.fromtimestamp(wanted[0], UTC), "", tuple(messages))
            for name, (wanted, messages) in self._found.items()
            if self._is_still(name, wanted)
        }

    def _is_still(self, name: str, wanted: Wanted) -> bool:
        consumer = self._stream.consumers.get(name)
        return consumer is not None and (consumer.created, consumer.subjects) == wanted
