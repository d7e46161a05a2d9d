"""Turns lists of the JetStream API into reports: one for each cluster or standalone server that has objects."""

from collections.abc import Sequence

from jetstream_exporter.report import LeaderReport
from jetstream_exporter.sources.nats.identity import AccountIdentity
from jetstream_exporter.wire import (
    AccountInfo,
    ApiStream,
    ConsumerDetail,
    RaftGroup,
    StreamDetail,
)

Who = tuple[str, str]  # cluster, server; without a server it is nobody
Location = tuple[str, str]  # a cluster, or no cluster and a standalone server


class AccountCluster:
    """Where an account's assets are: the configured name, and what is known of the servers there.

    `cluster` is empty and `server` is the one that is asked, where it is standalone. Both are empty
    for a domain that lies behind other servers.
    """

    def __init__(
        self,
        cluster_name: str,
        cluster: str,
        server: str,
        version: str,
        domain: str,
        *,
        is_local: bool = True,
    ) -> None:
        self.cluster_name = cluster_name
        self.cluster = cluster
        self.server = "" if cluster else server
        self.version = version
        self.domain = domain
        self.is_local = is_local  # the servers that are connected to have this domain


class Leaders:
    """Collects the answers about one account."""

    def __init__(self, account_cluster: AccountCluster, account: AccountIdentity, api: str) -> None:
        self._account_cluster = account_cluster
        self._account = account
        self._api = api
        self._claims: dict[Who, dict[str, StreamDetail]] = {}
        self._streams: dict[str, StreamDetail] = {}
        self._clusters: dict[str, str] = {}
        self.info: AccountInfo | None = None
        self.standalone_stream: str | None = None  # of a server whose name is not known

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
            self.standalone_stream = name
        self._clusters[name] = who[0]
        self._streams[name] = detail
        self._claims.setdefault(who, {})[name] = detail

    def add_unanswered_stream(self, name: str, reason: str = "") -> None:
        """Add a stream of which only the name is known, and perhaps why it is not served."""
        detail = StreamDetail(name=name, cluster=RaftGroup(), unsupported=reason)
        self._streams[name] = detail
        self._claims.setdefault((self._account_cluster.cluster, ""), {})[name] = detail

    def add_consumer(self, stream: str, row: ConsumerDetail) -> None:
        """A member without a Raft node answers with zeros and without `cluster`: it knows nothing."""
        if row.cluster is None and self._account_cluster.cluster:
            self.add_unanswered_consumer(stream, row.name)
            return
        self._part(self._who(row.cluster), stream).consumer_detail.append(row)

    def add_unanswered_consumer(self, stream: str, name: str, reason: str = "") -> None:
        nobody = (self._clusters.get(stream, self._account_cluster.cluster), "")
        row = ConsumerDetail(name=name, cluster=RaftGroup(), unsupported=reason)
        self._part(nobody, stream).consumer_detail.append(row)

    def _who(self, cluster: RaftGroup | None) -> Who:
        if cluster is None:
            return ("", self._account_cluster.server)
        return (cluster.name, cluster.leader)

    def _part(self, who: Who, stream: str) -> StreamDetail:
        """The stream in this server's report. The leader of a consumer need not be the stream's."""
        details = self._claims.setdefault(who, {})
        if stream not in details:
            known = self._streams.get(stream)
            cluster = known.cluster if known else None
            details[stream] = StreamDetail(
                name=stream,
                created=known.created if known else None,
                config=known.config if known else None,
                cluster=RaftGroup(cluster.name, cluster.raft_group, cluster.leader)
                if cluster
                else None,
            )
        return details[stream]

    def reports(self) -> Sequence[LeaderReport]:
        """What came until now."""
        found: dict[Location, LeaderReport] = {}
        for (cluster, leader), details in self._claims.items():
            report = self._report_of(found, self._location(cluster, leader))
            if leader:
                report.claims[leader] = list(details.values())
            else:
                report.unanswered += details.values()
        if self.info is not None:
            self._report_of(found, self._location_of_info()).info = self.info
        return list(found.values())

    def _location(self, cluster: str, leader: str) -> Location:
        """Where the objects of this leader are; those of nobody are where the account is."""
        if cluster:
            return cluster, ""
        if leader:
            return "", leader
        return self._account_cluster.cluster, self._account_cluster.server

    def _location_of_info(self) -> Location:
        """The account's own facts belong to where its streams are."""
        clusters = sorted({cluster for cluster in self._clusters.values() if cluster})
        servers = sorted({server for _, server in self._claims if server})
        if self._account_cluster.cluster or not (clusters or servers):
            return self._account_cluster.cluster, self._account_cluster.server
        return (clusters[0], "") if clusters else ("", servers[0])

    def _report_of(self, found: dict[Location, LeaderReport], location: Location) -> LeaderReport:
        cluster, server = location
        if location not in found:
            found[location] = LeaderReport(
                api=self._api,
                account_id=self._account.account,
                account_name=self._account.name,
                cluster=cluster,
                server=server,
                cluster_name=self._account_cluster.cluster_name,
                version=self._account_cluster.version or None,
                domain=self._account_cluster.domain,
                is_local=self._account_cluster.is_local,
            )
        return found[location]
