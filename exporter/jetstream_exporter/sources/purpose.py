"""What sources are built for: whoever only looks gets none that changes anything."""

from collections.abc import Iterator, Sequence
from enum import Enum

from jetstream_exporter.config.nats import Advisories
from jetstream_exporter.config.schema import Cluster


class Purpose(Enum):
    """What the sources are for.

    FIGURES: sources that ask and change nothing, for an audit or a probe. EVERYTHING: those, and the events, which
    are consumed: what one reader acknowledges no other one gets. So only the exporter itself may build them. It alone
    also looks up single messages, between its scrapes.
    """

    FIGURES = "figures"
    EVERYTHING = "everything"


def unused_sources(clusters: Sequence[Cluster], purpose: Purpose) -> list[str]:
    """The configured sources that this purpose leaves out, as their places in the configuration."""
    if purpose is Purpose.EVERYTHING:
        return []
    return [place for cluster in clusters for _, place in advisories_of(cluster)]


def advisories_of(cluster: Cluster) -> Iterator[tuple[Advisories, str]]:
    """Each configured connection for events, with its place in the configuration."""
    for i, each in enumerate(cluster.advisories):
        yield each, f"{place_of(cluster)}: advisories[{i}]"


def place_of(cluster: Cluster) -> str:
    return cluster.name or "clusters"
