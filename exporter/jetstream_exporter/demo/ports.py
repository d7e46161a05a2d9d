"""Free loopback ports that stay ours while the server behind them is down."""

from __future__ import annotations

import socket
import sys

LOOPBACK = "127.0.0.1"


class Port:
    """A free port, kept by a socket that is bound to it and never listens.

    On Linux a server may listen on such a port, as both sides set SO_REUSEADDR, while the kernel
    hands it to nobody else. Elsewhere the server could not, so there it is let go before the start.
    """

    def __init__(self) -> None:
        self._keeper = socket.socket()
        self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._keeper.bind((LOOPBACK, 0))
        self.number: int = self._keeper.getsockname()[1]
        if sys.platform != "linux":
            self.release()

    def __str__(self) -> str:
        return f"{LOOPBACK}:{self.number}"

    def release(self) -> None:
        self._keeper.close()
