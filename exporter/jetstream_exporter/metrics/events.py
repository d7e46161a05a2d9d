"""Families of what events say: deliveries that went wrong, lost majorities, times of acknowledgements."""

from collections.abc import Callable

from jetstream_exporter.metrics import consumers, streams
from jetstream_exporter.metrics.families import Table, Value, counter, gauge, histogram
from jetstream_exporter.snapshot import Consumer, Stream
from jetstream_exporter.snapshot.rows import EventKind, Heard, Listening


def _heard(read: Callable[[Heard], Value]) -> Callable[[Consumer], Value]:
    return lambda consumer: None if consumer.heard is None else read(consumer.heard)


CONSUMERS: Table[Consumer] = Table(
    name="Consumers: events",
    rows=lambda snapshot: snapshot.consumers,
    labels=consumers.LABELS,
    families=(
        counter(
            "jetstream_consumer_max_deliveries_total",
            "Messages given up after their last delivery; a pull consumer notices with its next pull. "
            "From 0 while events are heard.",
            _heard(lambda h: h.max_deliveries),
            "advisory max_deliver",
            "increase(jetstream_consumer_max_deliveries_total[15m]) > 0",
        ),
        counter(
            "jetstream_consumer_naks_total",
            "Negative acknowledgements. From 0 while they are heard, which has to be asked for.",
            _heard(lambda h: h.naks),
            "advisory nak",
            "rate(jetstream_consumer_naks_total[5m])",
        ),
        counter(
            "jetstream_consumer_terminations_total",
            "Messages that a client or a limit of the stream ended. From 0 while events are heard.",
            _heard(lambda h: h.terminations),
            "advisory terminated",
            "increase(jetstream_consumer_terminations_total[15m])",
        ),
        counter(
            "jetstream_consumer_excess_deliveries_total",
            "Deliveries of a message beyond the configured number (3), by events that say how often it was delivered.",
            _heard(lambda h: h.excess),
            "deliveries of advisories max_deliver, nak, terminated and of ack samples",
            "increase(jetstream_consumer_excess_deliveries_total[15m]) > 0",
        ),
        counter(
            "jetstream_consumer_quorum_lost_total",
            "Events of the consumer's members that they have no majority; each repeats it about every 20 seconds.",
            _heard(lambda h: h.quorum_lost),
            "advisory consumer_quorum_lost",
            "increase(jetstream_consumer_quorum_lost_total[5m]) > 0",
        ),
        histogram(
            "jetstream_consumer_ack_time_seconds",
            "Time from a delivery to its acknowledgement, of the acknowledgements that the consumer samples.",
            lambda c: None if c.heard is None else c.heard.ack_times,
            "metric consumer_ack",
            "histogram_quantile(0.99, sum by (le, stream, consumer) "
            "(rate(jetstream_consumer_ack_time_seconds_bucket[5m])))",
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
            "Events of the stream's members that they have no majority; each repeats it about every 20 seconds.",
            lambda s: s.quorum_lost,
            "advisory stream_quorum_lost",
            "increase(jetstream_stream_quorum_lost_total[5m]) > 0",
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
            "Whether events are heard on this connection now.",
            lambda one: one.connected,
            "measured",
            "jetstream_exporter_advisory_connected == 0",
        ),
        counter(
            "jetstream_exporter_advisory_gaps_total",
            "Times that events may have been missed: the connection was away, or they came faster than they were read.",
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
            "Events heard, each once, by the last part of their type; those of types that no server has are `other`.",
            lambda e: e.count,
            "advisories and metrics",
            'rate(jetstream_advisories_total{kind="stream_action"}[5m])',
        ),
    ),
)

TABLES = (STREAMS, CONSUMERS, KINDS, LISTENING)
