"""Rows about the exporter itself: what it asked, what it hears, how it is set up."""

from jetstream_exporter.snapshot.rows.row import Row


class TargetResult(Row, frozen=True):
    """How it went when one source asked one target; seconds and bytes.

    `server` is the name of the server that the target is, as it last answered; empty where it is not known, or is none.
    """

    source: str
    target: str
    up: bool
    duration: float
    received: int
    requests: dict[str, bool] = {}  # by request, whether what was asked came
    server: str = ""


class Listening(Row, frozen=True):
    """One connection on which events are received."""

    target: str
    connected: bool
    gaps: int


class EventKind(Row, frozen=True):
    cluster: str
    kind: str
    count: int


class EventRefusal(Row, frozen=True):
    reason: str
    count: int


class Shard(Row, frozen=True):
    """Which slice of the objects this is, counted from 0, and of how many."""

    index: int
    total: int


class Exporter(Row, frozen=True):
    """What the exporter says of itself. Times are seconds since the epoch, durations seconds."""

    version: str
    python_version: str
    profile: str = "full"
    collect_duration: float = 0.0
    last_success: float | None = None
    snapshot_age: float = 0.0
    config_age: float | None = None
    reload_successful: bool = True
    reload_time: float | None = None
    objects: dict[str, int] = {}
    dropped: dict[str, int] = {}
    unknown: int = 0  # objects whose configuration was not read yet
    suspect_zeros: int = 0  # figures that are believed when they are seen again
    lag_lookups: dict[str, int] = {}  # by result; empty where none are configured
    requests: dict[tuple[str, str], int] = {}  # answered, by path and status code
    samples: dict[str, int] = {}  # by family, of the text that this is a part of
