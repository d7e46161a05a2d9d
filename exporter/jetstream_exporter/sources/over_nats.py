"""The sources that connect to NATS. Its client takes memory and time: who imports this does so where it is needed."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from jetstream_exporter.config.nats import ExactLag
from jetstream_exporter.config.schema import Cluster, Collect
from jetstream_exporter.config.shard import Shard
from jetstream_exporter.sources.advisories.event_counter import EventCounter
from jetstream_exporter.sources.advisories.source import AdvisoriesSource
from jetstream_exporter.sources.links import further
from jetstream_exporter.sources.nats.account import AccountSource
from jetstream_exporter.sources.nats.system import SystemSource
from jetstream_exporter.sources.pace import Pace
from jetstream_exporter.sources.purpose import Purpose, advisories_of, place_of


def figures(
    cluster: Cluster, collect: Collect, pace: Pace, purpose: Purpose, shard: Shard
) -> Iterator[SystemSource | AccountSource]:
    """One for the system account, and one for each account of the shard."""
    if cluster.system.enabled:
        yield SystemSource(
            cluster.system,
            f"{place_of(cluster)}: system",
            cluster.name,
            collect.health_check,
            collect.max_response_bytes,
            further=further(collect),
            shard=shard,
        )
    for i, account in enumerate(cluster.accounts):
        place = f"{place_of(cluster)}: accounts[{i}]"
        if not shard.holds(account.account):
            continue
        exact = account.exact_lag if purpose is Purpose.EVERYTHING else ExactLag()
        settings = replace(account, exact_lag=exact)
        yield AccountSource(settings, place, cluster.name, pace, collect.max_response_bytes)


def events(
    cluster: Cluster, before: Sequence[AdvisoriesSource], shard: Shard
) -> Iterator[AdvisoriesSource]:
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
