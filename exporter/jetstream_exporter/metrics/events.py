"""Families of what events say: deliveries that went wrong, lost majorities, times of acknowledgements."""

from collections.abc import Callable
from operator import attrgetter

from jetstream_exporter.metrics import consumers, streams
from jetstream_exporter.metrics.families import Table, Value, counter, gauge, histogram
from jetstream_exporter.report import EventCounts
from jetstream_exporter.snapshot import Consumer, Stream
from jetstream_exporter.snapshot.rows import EventKind, EventRefusal, Listening


def _events(read: Callable[[EventCounts], Value]) -> Callable[[Consumer], Value]:
    return lambda consumer: None if consumer.events is None else read(consumer.events)


CONSUMERS: Table[Consumer] = Table(
    name="Consumers: events",
    rows=lambda snapshot: snapshot.consumers,
    labels=consumers.LABELS,
    made_of=(attrgetter("events"),),
    families=(
        counter(
            "jetstream_consumer_max_deliveries_total",
            "Messages that reached max_deliver without an acknowledgement, by advisories. A pull consumer "
            "reports it at its next pull request. Starts at 0 while advisories are received.",
            _events(lambda h: h.max_deliveries),
            "advisory max_deliver",
            "increase(jetstream_consumer_max_deliveries_total[15m]) > 0",
        ),
        counter(
            "jetstream_consumer_naks_total",
            "Negative acknowledgements. Starts at 0 while these advisories are received, which must be "
            "enabled (`hot`).",
            _events(lambda h: h.naks),
            "advisory nak",
            "rate(jetstream_consumer_naks_total[5m])",
        ),
        counter(
            "jetstream_consumer_terminations_total",
            "Messages that a client or a stream limit terminated. Starts at 0 while advisories are received.",
            _events(lambda h: h.terminations),
            "advisory terminated",
            "increase(jetstream_consumer_terminations_total[15m])",
            in_lean=False,
        ),
        counter(
            "jetstream_consumer_excess_deliveries_total",
            "Deliveries of a message beyond the configured number (default 3), by the advisories that carry "
            "a delivery count.",
            _events(lambda h: h.excess),
            "deliveries of advisories max_deliver, nak, terminated and of ack samples",
            "increase(jetstream_consumer_excess_deliveries_total[15m]) > 0",
        ),
        counter(
            "jetstream_consumer_quorum_lost_total",
            "Advisories from members of the consumer that report a lost quorum. Each member repeats it about "
            "every 20 seconds.",
            _events(lambda h: h.quorum_lost),
            "advisory consumer_quorum_lost",
            "increase(jetstream_consumer_quorum_lost_total[5m]) > 0",
            in_lean=False,
        ),
        histogram(
            "jetstream_consumer_ack_time_seconds",
            "Time from the delivery of a message to its acknowledgement, for the acknowledgements that the "
            "consumer samples.",
            lambda c: None if c.events is None else c.events.ack_times,
            "metric consumer_ack",
            "histogram_quantile(0.99, sum by (le, stream, consumer) "
            "(rate(jetstream_consumer_ack_time_seconds_bucket[5m])))",
            in_lean=False,
        ),
    ),
)

STREAMS: Table[Stream] = Table(
    name="Streams: events",
    rows=lambda snapshot: snapshot.streams,
    labels=streams.LABELS,
    families=(
        counter(
            "jetstream_stream_quorum_lost_total",
            "Advisories from members of the stream that report a lost quorum. Each member repeats it about "
            "every 20 seconds.",
            lambda s: s.quorum_lost,
            "advisory stream_quorum_lost",
            "increase(jetstream_stream_quorum_lost_total[5m]) > 0",
            in_lean=False,
        ),
    ),
)

LISTENING: Table[Listening] = Table(
    name="The exporter: events",
    rows=lambda snapshot: snapshot.listenings,
    labels={"target": lambda one: one.target},
    families=(
        gauge(
            "jetstream_exporter_advisory_connected",
            "Whether this connection receives advisories.",
            lambda one: one.connected,
            "measured",
            "jetstream_exporter_advisory_connected == 0",
        ),
        counter(
            "jetstream_exporter_advisory_gaps_total",
            "How often advisories may have been missed, because the connection was lost or because they "
            "arrived faster than the exporter read them.",
            lambda one: one.gaps,
            "counted by the exporter",
            "increase(jetstream_exporter_advisory_gaps_total[1h]) > 0",
        ),
    ),
)

KINDS: Table[EventKind] = Table(
    name="Events",
    rows=lambda snapshot: snapshot.event_kinds,
    labels={"nats_cluster": lambda e: e.cluster, "kind": lambda e: e.kind},
    families=(
        counter(
            "jetstream_advisories_total",
            "Advisories received, by the last part of their type. Types that no server is known to send are "
            "counted as `other`.",
            lambda e: e.count,
            "advisories and metrics",
            'rate(jetstream_advisories_total{kind="stream_action"}[5m])',
        ),
    ),
)

REFUSALS: Table[EventRefusal] = Table(
    name="The exporter: events refused",
    rows=lambda snapshot: snapshot.event_refusals,
    labels={"reason": lambda e: e.reason},
    families=(
        counter(
            "jetstream_exporter_events_refused_total",
            "Advisories that were ignored because they are invalid, by reason. Servers do not send such "
            "advisories; a client in an account published them.",
            lambda e: e.count,
            "counted by the exporter",
            "increase(jetstream_exporter_events_refused_total[1h]) > 0",
        ),
    ),
)

TABLES = (STREAMS, CONSUMERS, KINDS, LISTENING, REFUSALS)
