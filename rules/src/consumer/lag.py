"""Rules: consumers that work and are late. Those that make no progress have alerts of their own."""

from rules.src.model import Alert, Group, Record, Severity

LAG = "nats_cluster_account_stream_consumer:jetstream_consumer_delivery_lag_seconds:max"
EXCUSED = "nats_cluster_account_stream_consumer:jetstream_consumer_excused_lag_seconds:max"
IDLE = "max by ($consumer) (changes(jetstream_consumer_deliveries_total[5m])) == 0"


def late(
    severity: Severity, threshold: str, left_out: tuple[str, ...] = (EXCUSED,), comment: str = ""
) -> Alert:
    """`left_out` are the consumers for which it does not fire."""
    return Alert(
        name="JetStreamConsumerLagSeconds",
        severity=severity,
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "The metadata keys io.jetstream-exporter.lag-warn and lag-critical of a consumer replace both "
            f"thresholds. Dead letters wait for people and have none. {comment}"
        ),
        expr=f"""
            (
              {LAG}{{$backlog_streams}} > $threshold
              unless on ($consumer)
              max by ($consumer) (jetstream_consumer_threshold{{check="lag"}})
              $unless_dead_letters
              or
              {LAG}
              >= on ($consumer)
              max by ($consumer) (jetstream_consumer_threshold{{check="lag",severity="{severity}"}})
            )
            unless on ($consumer)
            $left_out
            $unless_consumer_excluded
        """,
        values={"threshold": threshold},
        parts={"left_out": "\nunless on ($consumer)\n".join(left_out)},
        wait="2m",
        keep="10m",
        summary="A JetStream consumer delivers messages late",
        description=(
            "The oldest message that consumer {consumer} of stream {stream} (account {account}, "
            "cluster {nats_cluster}) has not delivered yet was stored at least {value | "
            "humanizeDuration} ago."
        ),
    )


CONSUMER_LAG = Group(
    name="jetstream-consumer-lag",
    interval="1m",
    comment="Consumers that deliver messages late, by the age of the oldest one that waits.",
    rules=(
        Record(
            name=LAG,
            comment=(
                "For how many seconds at least the oldest undelivered message has been stored: 0 if "
                "there is none, absent if that is not known. The older one of several exporters "
                "counts, because one that has just started knows less. The time is that of the server "
                "that stores the stream: its answer has the time and the age of the first message, "
                "whose sum is the server's time. Without these metrics it is the time of Prometheus. "
                "Such clocks may differ, so that a negative age is 0."
            ),
            expr="""
                clamp_min(
                  max by ($stream) (
                    jetstream_stream_first_message_timestamp_seconds
                    + jetstream_stream_first_message_age_seconds
                    + (time() - timestamp(jetstream_stream_first_message_age_seconds))
                  )
                  - on ($stream) group_right ()
                  min by ($consumer) (jetstream_consumer_oldest_pending_timestamp_seconds)
                  or on ($consumer)
                  time() - min by ($consumer) (jetstream_consumer_oldest_pending_timestamp_seconds)
                  or on ($consumer)
                  max by ($consumer) (jetstream_consumer_pending_messages) == 0,
                  0
                )
            """,
        ),
        Record(
            name=EXCUSED,
            comment=(
                "The same, of consumers that are late for a reason of which no alert is needed, or "
                "that has an alert of its own: paused; without progress or subscribers; ahead of the "
                "stream; workers that run from time to time; a server's own consumer for a mirror or "
                "a source, whose lag is that stream's; or a backlog that is being worked off, which "
                "was 2% larger 5 minutes ago, or only shrank in these 5 minutes, at a rate that finishes "
                "it within a day, or shrinks at all, in the first 8 minutes of a consumer or "
                "after a pause or another stop of its deliveries. A consumer that replays a history is "
                "one of those."
            ),
            expr=f"""
                {LAG} > 0
                and on ($consumer) (
                  nats_cluster_account_stream_consumer:jetstream_consumer_paused:max
                  or
                  nats_cluster_account_stream_consumer:jetstream_consumer_stalled_messages:min10m
                  or
                  nats_cluster_account_stream_consumer:jetstream_consumer_unattended_messages:min5m
                  or
                  nats_cluster_account_stream_consumer:jetstream_consumer_recurring_seconds:max
                  or
                  nats_cluster_account_stream_consumer:jetstream_consumer_ahead_messages:max
                  or
                  max by ($consumer) (jetstream_consumer_info{{role!=""}})
                  or
                  max by ($consumer) (
                    avg_over_time(jetstream_consumer_pending_messages[3m])
                    < 0.98 * avg_over_time(jetstream_consumer_pending_messages[3m] offset 5m)
                    or
                    (
                      86400 * deriv(jetstream_consumer_pending_messages[5m]) < -1 * jetstream_consumer_pending_messages
                      and resets(jetstream_consumer_pending_messages[5m]) == changes(jetstream_consumer_pending_messages[5m])
                    )
                    or
                    (deriv(jetstream_consumer_pending_messages[5m]) < 0 unless jetstream_consumer_pending_messages offset 8m)
                    or
                    (deriv(jetstream_consumer_pending_messages[5m]) < 0 and changes(jetstream_consumer_deliveries_total[5m] offset 5m) == 0)
                  )
                )
            """,
        ),
        late("critical", "900"),
        late(
            "warning",
            "300",
            left_out=(EXCUSED, IDLE),
            comment=(
                "The warning is about consumers that deliver: one that delivered nothing for 5 minutes "
                "is left to JetStreamConsumerStalled and JetStreamConsumerNoSubscribers for now."
            ),
        ),
    ),
)
