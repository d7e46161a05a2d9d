"""What a source gives: one server's word, and how the asking went. The same shape whoever carried it."""

import msgspec

from jetstream_exporter.wire import Jsz, Varz


class Health(msgspec.Struct, gc=False):
    """The answer to one `/healthz`: its HTTP status (`status_code` over NATS) and the reason."""

    code: int
    error: str = ""
    check: str = "full"


class Report(msgspec.Struct, gc=False):
    """One server's word.

    `group` is the configured name of the cluster (empty: the server says itself). `varz`, `health`
    and `jsz` are None where that question got no answer; `with_config` says that `jsz` was asked
    for configurations too.
    """

    server_id: str
    server_name: str
    cluster: str  # empty where the server runs alone
    version: str = ""
    group: str = ""
    varz: Varz | None = None
    health: Health | None = None
    jsz: Jsz | None = None
    with_config: bool = False


class Outcome(msgspec.Struct, gc=False):
    """What one asking gave, or why it gave nothing.

    `duration` is seconds, `received` bytes. A report can stand beside an error: a server that
    answered varz and then cut its jsz short has said something.
    """

    source: str
    target: str
    duration: float
    received: int = 0
    error: str | None = None
    report: Report | None = None
    group: str = ""
    parts: dict[str, str] = {}  # question: how it went, for people


class Question(msgspec.Struct, frozen=True):
    """What is asked of every source at once. The deadline is a time of the running loop."""

    deadline: float
    with_config: bool
