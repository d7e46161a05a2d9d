"""The sources of a cluster that are reached over NATS."""

from collections.abc import Iterator

from jetstream_exporter.config.schema import Cluster, Collect
from jetstream_exporter.sources.account import AccountSource
from jetstream_exporter.sources.advisories import AdvisoriesSource
from jetstream_exporter.sources.system import SystemSource
from jetstream_exporter.sources.tally import Tally

NatsSource = SystemSource | AccountSource | AdvisoriesSource


def nats_sources(cluster: Cluster, collect: Collect) -> Iterator[NatsSource]:
    """One for the system account, one for each account, and one for each connection that hears events."""
    name = cluster.name or "clusters"
    if cluster.system.enabled:
        yield SystemSource(
            cluster.system,
            f"{name}: system",
            cluster.name,
            collect.health_check,
            collect.max_response_bytes,
        )
    for i, account in enumerate(cluster.accounts):
        yield AccountSource(account, f"{name}: accounts[{i}]", cluster.name)
    tally = Tally()
    for i, advisories in enumerate(cluster.advisories):
        yield AdvisoriesSource(advisories, f"{name}: advisories[{i}]", cluster.name, tally)
