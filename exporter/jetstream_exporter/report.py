"""What a source returns: servers' reports, and how asking went. Every source returns the same shapes."""

from collections.abc import Iterable, Sequence

import msgspec

from jetstream_exporter.wire import AccountDetail, AccountInfo, Jsz, Varz

AT_ONCE = 500  # consumers, which are freed in a millisecond


class Health(msgspec.Struct, gc=False):
    """The answer to one `/healthz`: its HTTP status (`status_code` over NATS) and the reason."""

    code: int
    error: str = ""
    check: str = "full"


def worse(one: Health | None, other: Health | None) -> Health | None:
    """The worse of two answers of healthz: no answer, then an unhealthy one."""
    if one is None or other is None:
        return None
    return one if one.code != 200 else other


class Report(msgspec.Struct, gc=False):
    """What one server said.

    `group` is the configured name of the cluster; where it is empty, the server's own `cluster` counts. `varz`,
    `health` and `jsz` are None where that question got no answer. `with_config`: `jsz` holds configurations too.
    `via` names the account whose JetStream API gave this report of a leader. Such a report says nothing about the
    server itself, and its list is not complete; with an empty `server_name` it is of objects that nobody answered for.
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
    via: str = ""
    account: AccountInfo | None = None

    @property
    def account_details(self) -> list[AccountDetail]:
        return self.jsz.account_details if self.jsz is not None else []


class Event(msgspec.Struct, gc=False):
    """What was heard of one consumer or stream since the last asking; `ack_times` are seconds."""

    max_deliveries: int = 0
    naks: int = 0
    terminations: int = 0
    excess: int = 0
    quorum_lost: int = 0
    ack_times: list[float] = []


class Events(msgspec.Struct, gc=False):
    """The events of one connection since its last asking, by object.

    `hears` says, by account (`*`: every account), which of `Event`'s fields are counted now.
    """

    cluster: str
    connected: bool
    gaps: int = 0
    hears: dict[str, frozenset[str]] = {}
    kinds: dict[str, int] = {}
    objects: dict[tuple[str, ...], Event] = {}  # account id, stream and, of consumers, consumer


class Outcome(msgspec.Struct, gc=False):
    """What asking one target gave, or why it gave nothing.

    `duration` is seconds, `received` bytes. There can be both a report and an error: a server may answer varz and
    fail at jsz. A target that answers for many servers gives `reports`; one that is not a server has `is_server`
    False. `late` holds configurations that an earlier scrape asked for; its figures are outdated.
    """

    source: str
    target: str
    duration: float
    received: int = 0
    error: str | None = None
    report: Report | None = None
    group: str = ""
    parts: dict[str, str] = {}  # question: how it went, for people
    is_server: bool = True
    reports: Sequence[Report] = ()
    events: Events | None = None
    late: Report | None = None

    @property
    def words(self) -> list[Report]:
        return [*self.reports, *([self.report] if self.report is not None else [])]

    @property
    def all_reports(self) -> list[Report]:
        """All reports, the late one too."""
        return [*self.words, *([self.late] if self.late is not None else [])]

    @property
    def configurations(self) -> list[Report]:
        """The reports that were asked for with configurations."""
        return [report for report in self.all_reports if report.with_config]


def release(outcomes: Iterable[Outcome]) -> None:
    """Empty the lists of streams and consumers, some at a time. Nobody may read these answers any more.

    Freed as a whole, the answer about 100,000 consumers keeps every other thread waiting for 0.3 s.
    """
    for outcome in outcomes:
        for report in outcome.all_reports:
            for account in report.account_details:
                while account.stream_detail:
                    consumers = account.stream_detail.pop().consumer_detail
                    while consumers:
                        del consumers[-AT_ONCE:]


class Question(msgspec.Struct, frozen=True):
    """What is asked of every source at once. The deadline is a time of the running loop."""

    deadline: float
    with_config: bool
