"""The configurations read so far, by object and incarnation. A scrape without `config=1` does not bring them."""

from collections.abc import Iterable

import msgspec

from jetstream_exporter.report import Report
from jetstream_exporter.snapshot.identity import UNKNOWN, Detail, Identity, told
from jetstream_exporter.snapshot.quorum import speaker
from jetstream_exporter.snapshot.rows import ConsumerSettings, StreamSettings
from jetstream_exporter.snapshot.settings import consumer_settings, stream_settings
from jetstream_exporter.wire import StreamDetail

StreamKey = tuple[str, str, str]  # cluster, account id, stream


class KnownStream(msgspec.Struct):
    """One stream's configuration and its consumers', each with the incarnation that it belongs to."""

    identity: Identity
    settings: StreamSettings
    consumers: dict[str, tuple[Identity, ConsumerSettings]]

    def consumer(self, name: str, wanted: Identity) -> tuple[Identity, ConsumerSettings] | None:
        found = self.consumers.get(name)
        return found if found is not None and found[0].covers(wanted) else None

    def add_to(self, old: "KnownStream") -> None:
        """Add what was read before of the same incarnation where this lacks it or is less certain."""
        if self.identity == UNKNOWN:
            self.identity, self.settings = old.identity, old.settings
        unsure = {name for name, (found, _) in self.consumers.items() if found == UNKNOWN}
        kept = {name: old.consumers[name] for name in unsure & old.consumers.keys()}
        self.consumers = old.consumers | self.consumers | kept


Known = dict[StreamKey, KnownStream]


def read_configurations(reports: Iterable[Report]) -> Known:
    """All configurations in the reports. A leader's is preferred to a follower's, which may be outdated."""
    known: Known = {}
    for report in reports:
        if report.jsz is None or not report.with_config:
            continue
        for account in report.jsz.account_details:
            for detail in account.stream_detail:
                _read_stream(
                    known, (cluster_label(report), account.id, detail.name), detail, report
                )
    return known


def cluster_label(report: Report) -> str:
    """The value of `nats_cluster`: as configured, else the cluster's name, else a standalone server's name."""
    return report.group or report.cluster or report.server_name


def _read_stream(known: Known, key: StreamKey, detail: StreamDetail, report: Report) -> None:
    who = speaker(report)

    def beats(said: Detail, other: Identity) -> bool:
        leads = said.cluster is None or said.cluster.leader == report.server_name
        return other == UNKNOWN or (leads and who.informed)

    entry = known.get(key)
    if detail.config is not None and (entry is None or beats(detail, entry.identity)):
        consumers = entry.consumers if entry else {}
        settings = stream_settings(detail.config)
        entry = known[key] = KnownStream(told(who, detail), settings, consumers)
    if entry is None:
        return
    for said in detail.consumer_detail:
        old = entry.consumers.get(said.name)
        if said.config is not None and (old is None or beats(said, old[0])):
            entry.consumers[said.name] = told(who, said), consumer_settings(said.config)
