"""Rows about the exporter itself: what it asked, what it hears, how it is set up."""

from jetstream_exporter.snapshot.rows.row import Row


class Asking(Row):
    """How it went when one source asked one target; seconds and bytes."""

    source: str
    target: str
    up: bool
    duration: float
    received: int


class Listening(Row):
    """One connection on which events are heard."""

    target: str
    connected: bool
    gaps: int


class EventKind(Row):
    cluster: str
    kind: str
    count: int


class Exporter(Row):
    """What the exporter says of itself. Times are seconds since the epoch, durations seconds."""

    version: str
    python_version: str
    collect_duration: float = 0.0
    last_success: float | None = None
    snapshot_age: float = 0.0
    config_age: float | None = None
    reload_successful: bool = True
    reload_time: float | None = None
    objects: dict[str, int] = {}
    dropped: dict[str, int] = {}
    unknown: int = 0  # objects whose configuration was not read yet
    doubted: int = 0  # figures that are believed when they are seen again
