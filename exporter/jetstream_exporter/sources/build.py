"""The sources of a cluster, of every kind."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from jetstream_exporter.config.errors import below
from jetstream_exporter.config.http_login import read_http_login
from jetstream_exporter.config.schema import Cluster, Collect
from jetstream_exporter.config.shard import WHOLE, Shard
from jetstream_exporter.sources.collector import Source
from jetstream_exporter.sources.http.client import HttpClient
from jetstream_exporter.sources.http.monitoring import MonitoringSource
from jetstream_exporter.sources.links import further
from jetstream_exporter.sources.lookup import Lookup
from jetstream_exporter.sources.pace import Pace
from jetstream_exporter.sources.purpose import Purpose, place_of

if TYPE_CHECKING:
    from jetstream_exporter.sources.advisories.source import AdvisoriesSource


def build_sources(
    cluster: Cluster,
    collect: Collect,
    purpose: Purpose,
    lookup: Lookup,
    before: Sequence["AdvisoriesSource"] = (),
    *,
    shard: Shard = WHOLE,
) -> list[Source]:
    """All sources of a cluster that the purpose and the shard need; ConfigError where a file of theirs cannot be used.

    `before` are the connections that received the cluster's events under the configuration before.
    """
    pace = Pace()
    sources: list[Source] = [*_monitoring(cluster, collect, lookup, pace, shard)]
    if cluster.system.enabled or cluster.accounts or cluster.advisories:
        from jetstream_exporter.sources import over_nats  # noqa: PLC0415 - most need only HTTP

        sources += over_nats.figures(cluster, collect, pace, purpose, shard)
        if purpose is Purpose.EVERYTHING:
            sources += over_nats.events(cluster, before, shard)
    return sources


def _monitoring(
    cluster: Cluster, collect: Collect, lookup: Lookup, pace: Pace, shard: Shard
) -> Iterator[MonitoringSource]:
    if cluster.targets:
        login = read_http_login(cluster.http, below(f"{place_of(cluster)}: http"))
        client = HttpClient(collect.max_response_bytes, login.tls, login.headers)
        name, check = cluster.name, collect.health_check
        parts = further(collect)
        yield MonitoringSource(
            cluster.targets, client, lookup, name, check, pace=pace, further=parts, shard=shard
        )
