"""Turns lists of the JetStream API into reports: one per leader, and one of the objects that nobody answered for."""

from collections.abc import Sequence

from jetstream_exporter.report import Report
from jetstream_exporter.sources.identity import Identity
from jetstream_exporter.wire import (
    AccountDetail,
    AccountInfo,
    ApiStream,
    Cluster,
    ConsumerDetail,
    Jsz,
    StreamDetail,
)

Who = tuple[str, str]  # cluster, server; without a server it is nobody
NEW, OLD = (
    "2.11.9",
    "2.10.0",
)  # a version that says since when a leader leads, and one that does not


class Home:
    """Where an account's assets are: the configured name, and what is known of the servers there.

    `cluster` is empty and `server` is the one that is asked, where it runs alone. Both are empty
    for a domain that lies behind other servers.
    """

    def __init__(self, group: str, cluster: str, server: str, version: str, domain: str) -> None:
        self.group = group
        self.cluster = cluster
        self.server = "" if cluster else server
        self.version = version
        self.domain = domain

    def label(self, cluster: str, server: str) -> str:
        return self.group or cluster or self.cluster or server or self.server or self.domain


class Leaders:
    """Collects the answers about one account."""

    def __init__(self, home: Home, account: Identity, via: str) -> None:
        self._home = home
        self._account = account
        self._via = via
        self._words: dict[Who, dict[str, StreamDetail]] = {}
        self._streams: dict[str, StreamDetail] = {}
        self._clusters: dict[str, str] = {}
        self._says_since = False
        self.info: AccountInfo | None = None
        self.nameless: str | None = None  # a stream of a lone server whose name is not known

    @property
    def names(self) -> list[str]:
        return list(self._streams)

    def add_stream(self, row: ApiStream) -> None:
        name, cluster = row.config.name, row.cluster
        detail = StreamDetail(
            name=name,
            created=row.created,
            cluster=cluster,
            config=row.config,
            state=row.state,
            mirror=row.mirror,
            sources=row.sources,
        )
        who = self._who(cluster)
        if cluster is None and not who[1]:
            self.nameless = name
        self._clusters[name] = who[0]
        self._streams[name] = detail
        self._words.setdefault(who, {})[name] = detail

    def add_silent_stream(self, name: str, reason: str = "") -> None:
        """Add a stream of which only the name is known, and perhaps why it is not served."""
        detail = StreamDetail(name=name, cluster=Cluster(), unsupported=reason)
        self._streams[name] = detail
        self._words.setdefault((self._home.cluster, ""), {})[name] = detail

    def add_consumer(self, stream: str, row: ConsumerDetail) -> None:
        """A member without a Raft node answers with zeros and without `cluster`: it knows nothing."""
        if row.cluster is None and self._home.cluster:
            self.add_silent_consumer(stream, row.name)
            return
        self._part(self._who(row.cluster), stream).consumer_detail.append(row)

    def add_silent_consumer(self, stream: str, name: str, reason: str = "") -> None:
        nobody = (self._clusters.get(stream, self._home.cluster), "")
        row = ConsumerDetail(name=name, cluster=Cluster(), unsupported=reason)
        self._part(nobody, stream).consumer_detail.append(row)

    def _who(self, cluster: Cluster | None) -> Who:
        if cluster is None:
            return ("", self._home.server)
        self._says_since |= cluster.leader_since is not None
        return (cluster.name, cluster.leader)

    def _part(self, who: Who, stream: str) -> StreamDetail:
        """The stream in this server's report. The leader of a consumer need not be the stream's."""
        details = self._words.setdefault(who, {})
        if stream not in details:
            known = self._streams.get(stream)
            cluster = known.cluster if known else None
            details[stream] = StreamDetail(
                name=stream,
                created=known.created if known else None,
                config=known.config if known else None,
                cluster=Cluster(cluster.name, cluster.raft_group, cluster.leader)
                if cluster
                else None,
            )
        return details[stream]

    def reports(self) -> Sequence[Report]:
        version = self._home.version or (NEW if self._says_since else OLD)
        found = [
            self._report(who, list(details.values()), version)
            for who, details in self._words.items()
        ]
        if self.info is not None:
            found.append(self._report(self._info_from(), [], version, self.info))
        return found

    def _info_from(self) -> Who:
        """The account's own facts belong to where its streams are."""
        homes = sorted({cluster for cluster in self._clusters.values() if cluster})
        servers = sorted({server for _, server in self._words if server})
        if self._home.cluster or not (homes or servers):
            return (self._home.cluster, self._home.server)
        return (homes[0], "") if homes else ("", servers[0])

    def _report(
        self, who: Who, details: list[StreamDetail], version: str, info: AccountInfo | None = None
    ) -> Report:
        cluster, server = who
        account = AccountDetail(
            id=self._account.account, name=self._account.name, stream_detail=details
        )
        return Report(
            server_id="",
            server_name="" if info is not None else server,
            cluster=cluster,
            version=version,
            group=self._home.label(cluster, server),
            jsz=Jsz(account_details=[account]) if details else None,
            with_config=bool(details),
            via=f"{self._via} info" if info is not None else self._via,
            account=info,
        )
