"""How the requests of one scrape over the system account went."""

from jetstream_exporter.report import RequestResult
from jetstream_exporter.sources.errors import shortened


class Ledger:
    """All by server id; an empty one is everybody."""

    def __init__(self) -> None:
        self.received: dict[str, int] = {}  # bytes
        self.errors: dict[str, str] = {}
        self.results: dict[str, dict[str, RequestResult]] = {}

    def add(self, identity: str, size: int) -> None:
        """Note how many bytes came from a server."""
        self.received[identity] = self.received.get(identity, 0) + size

    def fail(self, identity: str, request: str, why: str) -> None:
        why, old = shortened(why), self.errors.get(identity)
        self.errors[identity] = f"{old}; {request}: {why}" if old else f"{request}: {why}"
        self.results.setdefault(identity, {})[request] = RequestResult(False, why)

    def succeed(self, identity: str, request: str, text: str) -> None:
        """Note an answer; of one that is asked twice a failure stays."""
        self.results.setdefault(identity, {}).setdefault(request, RequestResult(True, text))
