"""The sources of a cluster, of every kind, built for a purpose: whoever only looks gets none that changes anything."""

from collections.abc import Iterator, Sequence
from enum import Enum

from msgspec.structs import replace

from jetstream_exporter.config.errors import below
from jetstream_exporter.config.http_login import read_http_login
from jetstream_exporter.config.nats import Advisories, ExactLag
from jetstream_exporter.config.schema import Cluster, Collect
from jetstream_exporter.config.shard import WHOLE, Shard
from jetstream_exporter.sources.advisories.event_counter import EventCounter
from jetstream_exporter.sources.advisories.source import AdvisoriesSource
from jetstream_exporter.sources.http.client import HttpClient
from jetstream_exporter.sources.http.monitoring import MonitoringSource
from jetstream_exporter.sources.links import OF_ACCOUNTS, OF_LINKS
from jetstream_exporter.sources.lookup import Lookup
from jetstream_exporter.sources.nats.account import AccountSource
from jetstream_exporter.sources.nats.system import SystemSource
from jetstream_exporter.sources.pace import Pace

Source = MonitoringSource | SystemSource | AccountSource | AdvisoriesSource


class Purpose(Enum):
    """What the sources are for.

    FIGURES: sources that ask and change nothing, for an audit or a probe. EVERYTHING: those, and the events, which
    are consumed: what one reader acknowledges no other one gets. So only the exporter itself may build them. It alone
    also looks up single messages, between its scrapes.
    """

    FIGURES = "figures"
    EVERYTHING = "everything"


def build_sources(
    cluster: Cluster,
    collect: Collect,
    purpose: Purpose,
    lookup: Lookup,
    before: Sequence[AdvisoriesSource] = (),
    *,
    shard: Shard = WHOLE,
) -> list[Source]:
    """All sources of a cluster that the purpose and the shard need; ConfigError where a file of theirs cannot be used.

    `before` are the connections that received the cluster's events under the configuration before.
    """
    pace = Pace()
    sources: list[Source] = [
        *_monitoring(cluster, collect, lookup, pace, shard),
        *_figures(cluster, collect, pace, purpose, shard),
    ]
    if purpose is Purpose.EVERYTHING:
        sources += _events(cluster, before, shard)
    return sources


def unused_sources(clusters: Sequence[Cluster], purpose: Purpose) -> list[str]:
    """The configured sources that this purpose leaves out, as their places in the configuration."""
    if purpose is Purpose.EVERYTHING:
        return []
    return [place for cluster in clusters for _, place in advisories_of(cluster)]


def advisories_of(cluster: Cluster) -> Iterator[tuple[Advisories, str]]:
    """Each configured connection for events, with its place in the configuration."""
    for i, each in enumerate(cluster.advisories):
        yield each, f"{_place(cluster)}: advisories[{i}]"


def _place(cluster: Cluster) -> str:
    return cluster.name or "clusters"


def _monitoring(
    cluster: Cluster, collect: Collect, lookup: Lookup, pace: Pace, shard: Shard
) -> Iterator[Source]:
    if cluster.targets:
        login = read_http_login(cluster.http, below(f"{_place(cluster)}: http"))
        client = HttpClient(collect.max_response_bytes, login.tls, login.headers)
        name, check = cluster.name, collect.health_check
        further = _further(collect)
        yield MonitoringSource(
            cluster.targets, client, lookup, name, check, pace=pace, further=further, shard=shard
        )


def _further(collect: Collect) -> frozenset[str]:
    """What servers are asked beside varz, healthz and jsz."""
    links = OF_LINKS if collect.links else frozenset[str]()
    return links | OF_ACCOUNTS if collect.accounts else links


def _figures(
    cluster: Cluster, collect: Collect, pace: Pace, purpose: Purpose, shard: Shard
) -> Iterator[Source]:
    """One for the system account, and one for each account of the shard."""
    if cluster.system.enabled:
        yield SystemSource(
            cluster.system,
            f"{_place(cluster)}: system",
            cluster.name,
            collect.health_check,
            collect.max_response_bytes,
            further=_further(collect),
            shard=shard,
        )
    for i, account in enumerate(cluster.accounts):
        place = f"{_place(cluster)}: accounts[{i}]"
        if not shard.holds(account.account):
            continue
        exact = account.exact_lag if purpose is Purpose.EVERYTHING else ExactLag()
        settings = replace(account, exact_lag=exact)
        yield AccountSource(settings, place, cluster.name, pace, collect.max_response_bytes)


def _events(cluster: Cluster, before: Sequence[AdvisoriesSource], shard: Shard) -> Iterator[Source]:
    """One for each connection that receives events; they share the counter, so that no event counts twice.

    The counter of the connections before is theirs too: it knows what they received and nobody has added up yet.
    """
    counter = before[0].counter if before else EventCounter()
    for advisories, place in advisories_of(cluster):
        if not shard.hears(advisories.account):
            continue
        source = AdvisoriesSource(advisories, place, cluster.name, counter)
        source.follow(before)
        yield source
