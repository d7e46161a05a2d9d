"""How a source fails: with one sentence for an operator, which becomes data and ends no scrape."""

LONGEST = 1000  # characters of a sentence; servers and tenants write parts of it, and it stands in the log


class SourceError(Exception):
    """A source or one of its requests failed, in a sentence for an operator. Becomes data, and never ends a scrape."""

    def __init__(self, text: str) -> None:
        super().__init__(shortened(text))


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


class SourceTimeoutError(SourceError):
    """The answer did not come in time."""
