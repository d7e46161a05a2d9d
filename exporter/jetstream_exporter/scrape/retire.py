"""The end of a snapshot that a newer one replaces."""

from jetstream_exporter.report import let_go
from jetstream_exporter.runtime import tasks
from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.snapshot import Snapshot

MANY = 5_000  # consumers


def retire(snapshot: Snapshot) -> None:
    """Free its rows some at a time and off the event loop, which would wait until all of them are freed.

    Whoever still shows it has it whole: what is emptied is a copy of its lists, and a row is freed with its last list.
    """
    if len(snapshot.consumers) > MANY:
        rows = [*snapshot.consumers, *snapshot.lags]
        tasks.start("free the rows of the last scrape", run_in_thread(let_go, rows))
