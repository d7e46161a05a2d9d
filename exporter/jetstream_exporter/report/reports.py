"""What answered: one server of itself, or the leaders of an account through its JetStream API."""

from collections.abc import Sequence

import msgspec

from jetstream_exporter.report.division import DividedJsz
from jetstream_exporter.report.links import NO_LINKS, Links
from jetstream_exporter.wire import AccountDetail, AccountInfo, Jsz, StreamDetail, Varz


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


class ServerReport(msgspec.Struct, gc=False):
    """What one server said of itself.

    `cluster_name` is the configured name of the cluster; where it is empty, the server's own `cluster` counts. `varz`,
    `health` and `jsz` are None where that request got no answer. `with_config`: `jsz` holds configurations too.
    """

    server_id: str
    server_name: str
    cluster: str  # empty where the server is standalone
    version: str = ""
    cluster_name: str = ""
    varz: Varz | None = None
    health: Health | None = None
    jsz: Jsz | None = None
    with_config: bool = False
    links: Links = NO_LINKS
    self_name: str = ""  # what the server calls itself, where it is exported under another name
    is_local: bool = True  # it is from the cluster that the configured URLs lead to
    is_disputed: bool = False  # several servers answered one request with its id

    @property
    def identity(self) -> str:
        """What is the same for all answers of this server until it restarts."""
        return self.server_id

    @property
    def place(self) -> str:
        """The cluster's own name, or the standalone server's."""
        return self.cluster or self.server_name

    @property
    def label(self) -> str:
        """The value of `nats_cluster`."""
        return self.cluster_name or self.place

    @property
    def domain(self) -> str:
        """The JetStream domain, as far as the server reports it.

        From jsz first: varz lacks it for good if it was asked before JetStream ran (monitor.go).
        """
        config = self.jsz.config if self.jsz else None
        if config is None and self.varz is not None and self.varz.jetstream is not None:
            config = self.varz.jetstream.config
        return config.domain if config is not None else ""

    @property
    def account_details(self) -> list[AccountDetail]:
        return self.jsz.account_details if self.jsz is not None else []

    @property
    def elsewhere(self) -> Sequence[tuple[str, str]]:
        """The accounts that other shards read, by id and name."""
        return self.jsz.elsewhere if isinstance(self.jsz, DividedJsz) else ()

    def stream_lists(self) -> list[tuple[str, list[StreamDetail]]]:
        """Account id and streams, list by list."""
        return [(account.id, account.stream_detail) for account in self.account_details]


class LeaderReport(msgspec.Struct, gc=False):
    """What the JetStream API of one account carried from the leaders of one cluster, or from one standalone server.

    `claims` are the streams that each leader answered for, by its name; a leader of consumers alone gives their stream
    without figures. `unanswered` are the streams and consumers for which no leader answered: their names, and why, if
    the API gives a reason. `version` is that of the server that was asked, None where the leaders are elsewhere.
    """

    api: str  # the connection, the account and the domain
    account_id: str
    account_name: str
    cluster: str  # empty where the server is standalone
    server: str = ""  # the standalone one, as far as its name is known
    cluster_name: str = ""
    version: str | None = None
    domain: str = ""
    is_local: bool = True
    claims: dict[str, list[StreamDetail]] = {}
    unanswered: list[StreamDetail] = []
    info: AccountInfo | None = None
    self_name: str = ""  # what the server calls itself, where it is exported under another name

    @property
    def identity(self) -> str:
        """An API is of one JetStream, whoever answered."""
        return self.api

    @property
    def place(self) -> str:
        """The cluster's own name, or the standalone server's."""
        return self.cluster or self.server

    @property
    def label(self) -> str:
        """The value of `nats_cluster`."""
        return self.cluster_name or self.place or self.domain

    @property
    def with_config(self) -> bool:
        """An API lists every stream and consumer with its configuration."""
        return bool(self.claims or self.unanswered)

    def stream_lists(self) -> list[tuple[str, list[StreamDetail]]]:
        """Account id and streams, list by list."""
        return [(self.account_id, details) for details in (*self.claims.values(), self.unanswered)]


Report = ServerReport | LeaderReport
