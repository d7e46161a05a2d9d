"""Logs which messages were given up, so that somebody can find them: no gauge and no counter names a message."""

import time
from collections.abc import Callable

import structlog

from jetstream_exporter.wire import Advisory

LINES = 20  # in a window, for one connection: who floods his own account hides no other account's messages
WINDOW = 60.0  # seconds

log = structlog.get_logger()


class GivenUpLog:
    """Logs each message once, up to `LINES` a minute, and then how many were not logged."""

    def __init__(self, target: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._target = target
        self._clock = clock
        self._began = clock()
        self._lines = 0
        self._left_out = 0

    def note(self, event: Advisory, cluster: str, account: str) -> None:
        """Log a message whose last delivery failed."""
        self.settle()
        if self._lines >= LINES:
            self._left_out += 1
            return
        self._lines += 1
        log.info(
            "message reached its maximum number of deliveries",
            nats_cluster=cluster,
            account=account,
            stream=event.stream,
            consumer=event.consumer,
            sequence=event.stream_seq,
            deliveries=event.deliveries,
        )

    def settle(self, *, now: bool = False) -> None:
        """Say how many were not logged once their window is over, or `now`."""
        if not now and self._clock() - self._began < WINDOW:
            return
        if self._left_out:
            log.info(
                "further messages reached their maximum number of deliveries and are not logged",
                target=self._target,
                not_logged=self._left_out,
            )
        self._began, self._lines, self._left_out = self._clock(), 0, 0
