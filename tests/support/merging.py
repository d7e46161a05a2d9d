"""Snapshots from a few reports."""

from datetime import datetime

from tests.support.reports import server, stream, unreplicated

from jetstream_exporter.report import Health, ServerReport
from jetstream_exporter.snapshot import (
    Consumer,
    LabelOptions,
    Snapshot,
    Stream,
    merge,
    read_configs,
)
from jetstream_exporter.wire import ConsumerDetail

YEAR_ONE = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
STARTING = Health(503, "JetStream is still recovering meta layer")
BEHIND = Health(503, "JetStream is not current with the meta leader")


def merged(*reports: ServerReport, label_options: LabelOptions | None = None) -> Snapshot:
    return merge(reports, read_configs(reports), label_options)


def only_stream(*reports: ServerReport) -> Stream:
    (row,) = merged(*reports).streams
    return row


def only_consumer(*reports: ServerReport) -> Consumer:
    (row,) = merged(*reports).consumers
    return row


def on_one(*consumers: ConsumerDetail, replicas: int = 1, **more: object) -> ServerReport:
    """A server of a cluster with one stream that lives there alone."""
    return server("n1", stream("S", unreplicated("n1"), *consumers, replicas=replicas, **more))  # type: ignore[arg-type]
