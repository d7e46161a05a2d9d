"""What a source returns: reports, events, and how asking went."""

from jetstream_exporter.report.division import DividedJsz, is_unread, number_of
from jetstream_exporter.report.events import (
    ACK_BOUNDS,
    REFUSALS,
    EventBatch,
    EventCounts,
    Events,
    Histogram,
    ObjectKey,
    Refusal,
)
from jetstream_exporter.report.links import NO_LINKS, Links
from jetstream_exporter.report.lookups import (
    LOOKUP_RESULTS,
    LookedUp,
    LookupCounts,
    LookupResult,
    Lookups,
    StoredMessage,
)
from jetstream_exporter.report.outcome import (
    LATE,
    PROBE,
    Answer,
    LeaderAnswer,
    Outcome,
    RequestResult,
    ScrapeRequest,
    ServerAnswer,
    let_go,
    release,
)
from jetstream_exporter.report.reports import Health, LeaderReport, Report, ServerReport, worse

__all__ = [
    "ACK_BOUNDS",
    "LATE",
    "LOOKUP_RESULTS",
    "NO_LINKS",
    "PROBE",
    "REFUSALS",
    "Answer",
    "DividedJsz",
    "EventBatch",
    "EventCounts",
    "Events",
    "Health",
    "Histogram",
    "LeaderAnswer",
    "LeaderReport",
    "Links",
    "LookedUp",
    "LookupCounts",
    "LookupResult",
    "Lookups",
    "ObjectKey",
    "Outcome",
    "Refusal",
    "Report",
    "RequestResult",
    "ScrapeRequest",
    "ServerAnswer",
    "ServerReport",
    "StoredMessage",
    "is_unread",
    "let_go",
    "number_of",
    "release",
    "worse",
]
