"""Rules: consumers without progress, and what explains it: a pause, workers that run from time to time, a delay, a busy worker."""

from rules.src.model import Record

PAUSED = (
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_paused:max",
        comment="Consumers that are paused.",
        expr="max by ($consumer) (jetstream_consumer_paused == 1)",
    ),
)

RECORDS = (
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m",
        comment=(
            "Unfinished messages, delivered or not, of a consumer that had some for 10 minutes "
            "and made no progress of any kind: none was delivered, none was acknowledged, and "
            "no client reported one as in progress, which changes nothing but the time of the "
            "last delivery. (Differences of that time up to 5 seconds are ignored, because "
            "replicas may note it a moment apart.) The series is absent for all other "
            "consumers. Paused consumers are excluded. The consumer must have been reported 9 "
            "or 10 minutes ago, by any exporter, so that a new consumer is not judged. It must "
            "be reported now or a minute ago, by the same exporter, because ranges still hold "
            "what was deleted a moment ago. Two times are checked in each case, because an "
            "election, during which only has_leader is exported, hides at most one of them. At "
            "least 3 samples are required, because a single sample has no change. All of this "
            "holds through a gap of 4 minutes and after a restart of the exporter, with any "
            "scrape interval up to a minute. Consumers of a stream without a leader are left "
            "to JetStreamStreamNoLeader."
        ),
        expr="""
            max by ($consumer) (
              min_over_time(jetstream_consumer_pending_messages{$backlog_streams}[10m])
              + min_over_time(jetstream_consumer_ack_pending_messages[10m])
              > 0
              and changes(jetstream_consumer_acknowledged_deliveries_total[10m]) == 0
              and changes(jetstream_consumer_deliveries_total[10m]) == 0
              and count_over_time(jetstream_consumer_pending_messages{$backlog_streams}[10m]) >= 3
              and (jetstream_consumer_pending_messages >= 0 or jetstream_consumer_pending_messages offset 1m >= 0)
              unless
              max_over_time(jetstream_consumer_last_delivery_timestamp_seconds[10m])
              - min_over_time(jetstream_consumer_last_delivery_timestamp_seconds[10m])
              > 5
            )
            and on ($consumer)
            group by ($consumer) (
              jetstream_consumer_pending_messages{$backlog_streams} offset 9m
              or
              jetstream_consumer_pending_messages{$backlog_streams} offset 10m
            )
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_paused:max
            unless on ($stream)
            max by ($stream) (jetstream_stream_has_leader) == 0
            $unless_consumer_excluded
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_standing_seconds:max",
        comment=(
            "Seconds since such a consumer last delivered a message or one was last reported "
            "as in progress; absent if that time is not known."
        ),
        expr="""
            time() - max by ($consumer) (jetstream_consumer_last_delivery_timestamp_seconds)
            and on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_continued:max10m",
        comment=(
            "Consumers that made no progress 10 minutes ago and have delivered messages since. Only "
            "deliveries count: a server that restarts and then leads the consumer reports another "
            "time of the last delivery, although nothing was delivered."
        ),
        expr="""
            group by ($consumer) (
              nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m offset 10m
            )
            and on ($consumer)
            max by ($consumer) (changes(jetstream_consumer_deliveries_total[10m])) > 0
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_recurring_seconds:max",
        comment=(
            "The same, of those consumers whose workers run from time to time: within the last "
            "6 hours the consumer made no progress for as long as now (or up to a tenth less) "
            "and then continued. (A consumer that stands now made no progress for 10 "
            "minutes less 10 minutes ago, which is within a tenth after 110 minutes, so that "
            "one that has delivered nothing for 90 minutes does not count. A Prometheus that is "
            "newer than that does not know the latter, but it knows that none continued.)"
        ),
        expr="""
            nats_cluster_account_stream_consumer:jetstream_consumer_standing_seconds:max
            <= on ($consumer)
            1.1 * max_over_time(nats_cluster_account_stream_consumer:jetstream_consumer_standing_seconds:max[6h] offset 10m)
            and on ($consumer)
            max_over_time(nats_cluster_account_stream_consumer:jetstream_consumer_continued:max10m[6h])
            unless on ($consumer)
            max by ($consumer) (jetstream_consumer_deliveries_total)
            == on ($consumer)
            max by ($consumer) (jetstream_consumer_deliveries_total offset 90m)
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_standing_subscribers:max10m",
        comment=(
            "Whether a client fetched from a consumer without progress, or was bound to it, in "
            "these 10 minutes: the highest number of waiting fetch requests, or 1 for a bound "
            "push consumer. The value is 0 if there was no client; the series is absent if "
            "neither is known."
        ),
        expr="""
            max by ($consumer) (
              max_over_time(jetstream_consumer_waiting_pulls{$backlog_streams}[10m])
              or
              max_over_time(jetstream_consumer_push_bound{$backlog_streams}[10m])
            )
            and on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_delayed_messages:max",
        comment=(
            "Messages in flight of a consumer without progress that the server holds back "
            "until a delay is over: subscribers are there, and every message that could be "
            "delivered is in flight, was refused with a delay (NAK), waits for its backoff, or "
            "has to wait for such messages because max_ack_pending is reached."
        ),
        expr="""
            max by ($consumer) (
              jetstream_consumer_ack_pending_messages > 0
              and (jetstream_consumer_pending_messages == 0 or jetstream_consumer_ack_pending_messages >= jetstream_consumer_max_ack_pending)
            )
            and on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_standing_subscribers:max10m > 0
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_refused_timestamp_seconds:max",
        comment=(
            "The time of the last refusal (NAK) of a consumer, if the exporter subscribes to "
            "these advisories (`hot: [naks]`); a time older than a day is dropped. Each "
            "evaluation keeps the value of the previous one."
        ),
        expr="""
            max by ($consumer) (
              timestamp(jetstream_consumer_naks_total)
              and jetstream_consumer_naks_total > jetstream_consumer_naks_total offset 1m
            )
            or
            last_over_time(nats_cluster_account_stream_consumer:jetstream_consumer_refused_timestamp_seconds:max[1h])
            > time() - 86400
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_refused_messages:max",
        comment=(
            "Messages in flight of a consumer whose worker has replied: every message was "
            "delivered, and a refusal (NAK) arrived after the last delivery. The server "
            "delivers a refused message again when its delay is over, and only the refusal "
            "distinguishes it from a message whose worker died. The clocks of the server and "
            "of Prometheus may differ by 90 seconds."
        ),
        expr="""
            max by ($consumer) (
              jetstream_consumer_ack_pending_messages > 0 and jetstream_consumer_pending_messages == 0
            )
            and on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m
            and on ($consumer) (
              nats_cluster_account_stream_consumer:jetstream_consumer_refused_timestamp_seconds:max
              >= on ($consumer)
              max by ($consumer) (jetstream_consumer_last_delivery_timestamp_seconds) - 90
            )
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_awaited_messages:max",
        comment=(
            "Messages in flight that a worker may still be processing: since the last delivery "
            "or progress report, the ack wait or the longest backoff has not passed. Consumers "
            "with subscribers that wait for messages are excluded, because such a subscriber "
            "is not busy."
        ),
        expr="""
            max by ($consumer) (
              jetstream_consumer_ack_pending_messages > 0
              and (
                time() - jetstream_consumer_last_delivery_timestamp_seconds <= jetstream_consumer_ack_wait_seconds
                or
                time() - jetstream_consumer_last_delivery_timestamp_seconds <= jetstream_consumer_backoff_max_seconds
              )
            )
            and on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_standing_subscribers:max10m > 0
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_overlooked_messages:min10m",
        comment=(
            "Messages that the server has not counted as pending for 10 minutes, although the "
            "stream holds them above the last delivered sequence: the leader's count is wrong. "
            "Consumers are judged only if the sequences leave no other explanation: there is "
            "no filter, no message in between was deleted, and no message after the last "
            "delivered one was removed."
        ),
        expr="""
            -1 * (
              max by ($consumer) (
                max_over_time(jetstream_consumer_delivered_sequence{$backlog_streams}[10m])
                and max_over_time(jetstream_consumer_pending_messages[10m]) == 0
                and count_over_time(jetstream_consumer_pending_messages[10m]) >= 3
                and jetstream_consumer_pending_messages == 0
              )
              - on ($stream) group_left ()
              max by ($stream) (min_over_time(jetstream_stream_last_sequence[10m]))
              < 0
            )
            and on ($consumer)
            max by ($consumer) (jetstream_consumer_delivered_sequence) + 1
            >= on ($stream) group_left ()
            max by ($stream) (jetstream_stream_first_sequence)
            and on ($consumer)
            max by ($consumer) (jetstream_consumer_info{filtered="false",deliver_policy!~"last.*",role=""}) == 1
            and on ($stream)
            max by ($stream) (max_over_time(jetstream_stream_deleted_messages[10m])) == 0
            and on ($consumer)
            group by ($consumer) (
              jetstream_consumer_delivered_sequence offset 9m or jetstream_consumer_delivered_sequence offset 10m
            )
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_paused:max
            $unless_consumer_excluded
        """,
    ),
)
