"""The configurations read so far, by object and incarnation; what a light answer leaves out."""

from collections.abc import Iterable

import msgspec

from jetstream_exporter.report import Report
from jetstream_exporter.snapshot.identity import Identity, identity
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
        return found if found is not None and found[0].same(wanted) else None


Known = dict[StreamKey, KnownStream]


def read_configurations(reports: Iterable[Report]) -> Known:
    """Take every configuration out of the reports; a leader's word beats a follower's, which may be behind."""
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
    """The value of `nats_cluster`: as configured, else the cluster's name, else the name of a server that is alone."""
    return report.group or report.cluster or report.server_name


def _read_stream(known: Known, key: StreamKey, detail: StreamDetail, report: Report) -> None:
    entry = known.get(key)
    if detail.config is not None:
        leads = detail.cluster is None or detail.cluster.leader == report.server_name
        if entry is None:
            entry = known[key] = KnownStream(identity(detail), stream_settings(detail.config), {})
        elif leads:
            entry.identity, entry.settings = identity(detail), stream_settings(detail.config)
    if entry is None:
        return
    for consumer in detail.consumer_detail:
        if consumer.config is None:
            continue
        leads = consumer.cluster is None or consumer.cluster.leader == report.server_name
        if leads or consumer.name not in entry.consumers:
            entry.consumers[consumer.name] = (
                identity(consumer),
                consumer_settings(consumer.config),
            )
