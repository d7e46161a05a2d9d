"""The configurations read so far, by object and incarnation. A scrape without `config=1` does not bring them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from jetstream_exporter.report import Report
from jetstream_exporter.snapshot.claims import claims_of
from jetstream_exporter.snapshot.incarnation import UNKNOWN, Detail, Incarnation, known_incarnation
from jetstream_exporter.snapshot.member import Member
from jetstream_exporter.snapshot.rows import ConsumerSettings, StreamSettings
from jetstream_exporter.snapshot.rows.consumers import ConsumerKey
from jetstream_exporter.snapshot.settings import consumer_settings, stream_settings
from jetstream_exporter.wire import StreamDetail

StreamKey = tuple[str, str, str]  # cluster, account id, stream


class ConsumerConfig(msgspec.Struct, frozen=True, gc=False):
    """One consumer's configuration, and the incarnation that it belongs to.

    `created` is the report's own word for the incarnation's, None where that is unknown.
    """

    key: ConsumerKey
    incarnation: Incarnation
    settings: ConsumerSettings
    created: datetime | None

    def is_of(self, detail: Detail) -> bool:
        """Whether the report says that it is of this incarnation, word for word as that of the configuration did."""
        group = detail.cluster.raft_group if detail.cluster else ""
        return (
            self.created is not None
            and self.created == detail.created
            and self.incarnation.raft_group == group
        )


class StreamConfigs(msgspec.Struct):
    """One stream's configuration and its consumers', each with the incarnation that it belongs to."""

    incarnation: Incarnation
    settings: StreamSettings
    consumers: dict[str, ConsumerConfig]

    def consumer(self, name: str, wanted: Incarnation) -> ConsumerConfig | None:
        found = self.consumers.get(name)
        return found if found is not None and found.incarnation.covers(wanted) else None

    def add_to(self, old: "StreamConfigs") -> None:
        """Add what was read before of the same incarnation where this lacks it or is less certain."""
        if self.incarnation == UNKNOWN:
            self.incarnation, self.settings = old.incarnation, old.settings
        unsure = {name for name, one in self.consumers.items() if one.incarnation == UNKNOWN}
        kept = {name: old.consumers[name] for name in unsure & old.consumers.keys()}
        self.consumers = old.consumers | self.consumers | kept


ConfigCache = dict[StreamKey, StreamConfigs]
Alike = dict[tuple[Any, ...], ConsumerSettings]  # by all that they say


def read_configs(
    reports: Iterable[Report], keys: Sequence[str] = (), known: ConfigCache | None = None
) -> ConfigCache:
    """All configurations in the reports. A leader's is preferred to a follower's, which may be outdated.

    `keys` are the metadata keys whose values become labels. A consumer's that is `known` and did not change stays the
    same object, as nearly all do: a scrape need not hold all of them twice.
    """
    config_cache: ConfigCache = {}
    alike: Alike = {}
    known = known or {}
    for report in reports:
        for member, account_id, streams in claims_of(report) if report.with_config else ():
            for detail in streams:
                key = (report.label, account_id, detail.name)
                before = known[key].consumers if key in known else {}
                _read_stream(config_cache, key, detail, member, keys, alike=alike, before=before)
    return config_cache


def _read_stream(
    config_cache: ConfigCache,
    key: StreamKey,
    detail: StreamDetail,
    member: Member | None,
    keys: Sequence[str],
    *,
    alike: Alike,
    before: Mapping[str, ConsumerConfig],
) -> None:
    """Read one report of a stream. `alike` are the settings of consumers that were read in this scrape.

    `before` are the configurations of its consumers as the last reading left them.
    """
    name = member.name if member is not None else ""
    meta_current = member is None or member.meta_current

    def beats(detail: Detail, other: Incarnation) -> bool:
        leads = detail.cluster is None or detail.cluster.leader == name
        return other == UNKNOWN or (leads and meta_current)

    entry = config_cache.get(key)
    if detail.config is not None and (entry is None or beats(detail, entry.incarnation)):
        consumers = entry.consumers if entry else {}
        settings = stream_settings(detail.config, keys)
        entry = config_cache[key] = StreamConfigs(
            known_incarnation(member, detail), settings, consumers
        )
    if entry is None:
        return
    for consumer in detail.consumer_detail:
        old = entry.consumers.get(consumer.name)
        if consumer.config is not None and (old is None or beats(consumer, old.incarnation)):
            incarnation = known_incarnation(member, consumer)
            found = ConsumerConfig(
                (*key, consumer.name),
                incarnation,
                _shared(consumer_settings(consumer.config, keys), alike),
                None if incarnation == UNKNOWN else consumer.created,
            )
            kept = before.get(consumer.name)
            entry.consumers[consumer.name] = kept if kept is not None and kept == found else found


def _shared(settings: ConsumerSettings, alike: Alike) -> ConsumerSettings:
    """The same object for all consumers that are configured alike: most are like thousands of others."""
    return alike.setdefault(msgspec.structs.astuple(settings), settings)
