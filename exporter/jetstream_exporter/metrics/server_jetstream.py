"""Families of JetStream on a server: what it holds, and the requests to its API."""

from collections.abc import Callable

from jetstream_exporter.metrics.families import Family, Value, counter, gauge
from jetstream_exporter.snapshot import Server
from jetstream_exporter.snapshot.rows import JetStream


def of_jetstream(read: Callable[[JetStream], Value]) -> Callable[[Server], Value]:
    return lambda server: None if server.jetstream is None else read(server.jetstream)


JETSTREAM: tuple[Family[Server], ...] = (
    gauge(
        "jetstream_server_ha_assets",
        "Number of Raft groups with a member on this server, including the meta group.",
        of_jetstream(lambda j: j.ha_assets),
        "jsz ha_assets",
        "jetstream_server_ha_assets > 1000",
    ),
    gauge(
        "jetstream_server_default_max_consumers",
        "Maximum number of consumers for streams that do not set a maximum. Absent if the server has no "
        "such default. Servers 2.15 and newer.",
        of_jetstream(lambda j: j.default_max_consumers),
        "jsz limits.default_max_consumers",
        "jetstream_server_default_max_consumers",
    ),
    gauge(
        "jetstream_server_streams",
        "Number of stream replicas on this server. A stream with three replicas is counted on three servers.",
        of_jetstream(lambda j: j.streams),
        "jsz streams",
        "jetstream_server_streams",
    ),
    gauge(
        "jetstream_server_consumers",
        "Number of consumer replicas on this server.",
        of_jetstream(lambda j: j.consumers),
        "jsz consumers",
        "jetstream_server_consumers",
    ),
    gauge(
        "jetstream_server_stream_leaders",
        "Number of streams that this server leads, from the merged reports of all servers.",
        lambda s: s.stream_leaders,
        "merged snapshot",
        "jetstream_server_stream_leaders",
    ),
    gauge(
        "jetstream_server_consumer_leaders",
        "Number of consumers that this server leads, from the merged reports of all servers.",
        lambda s: s.consumer_leaders,
        "merged snapshot",
        "jetstream_server_consumer_leaders",
    ),
    counter(
        "jetstream_server_api_requests_total",
        "JetStream API requests handled by this server.",
        of_jetstream(lambda j: j.api_requests),
        "jsz api.total",
        "rate(jetstream_server_api_requests_total[5m])",
    ),
    counter(
        "jetstream_server_api_errors_total",
        "JetStream API requests that this server answered with an error.",
        of_jetstream(lambda j: j.api_errors),
        "jsz api.errors",
        "rate(jetstream_server_api_errors_total[5m])",
    ),
    gauge(
        "jetstream_server_api_inflight_requests",
        "JetStream API requests that the server is processing.",
        of_jetstream(lambda j: j.api_inflight),
        "jsz api.inflight",
        "jetstream_server_api_inflight_requests",
    ),
    gauge(
        "jetstream_server_api_pending_requests",
        "JetStream API requests queued on this server. At 10,000 the server drops the whole queue.",
        of_jetstream(lambda j: j.api_pending),
        "jsz meta_cluster.pending",
        "jetstream_server_api_pending_requests > 1000",
    ),
)
