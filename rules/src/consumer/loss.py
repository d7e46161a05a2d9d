"""Rules: messages that consumers lose."""

from rules.src.model import Alert, Record

EVICTABLE = "nats_cluster_account_stream_consumer:jetstream_consumer_evictable_messages:max10m"
DUE = "nats_cluster_account_stream_consumer:jetstream_consumer_due_messages:delta"


def due(minutes: int) -> Record:
    return Record(
        name=f"{DUE}{minutes}m",
        comment=(
            "By how much the number of messages that such a consumer has to get, those that wait and those that were "
            f"delivered, rose within {minutes} minutes. Messages that its stream removed make it fall."
        ),
        expr=f"""
            max by ($consumer) (jetstream_consumer_pending_messages + jetstream_consumer_deliveries_total)
            - on ($consumer)
            max by ($consumer) (
              (jetstream_consumer_pending_messages offset {minutes}m) + (jetstream_consumer_deliveries_total offset {minutes}m)
            )
            and on ($consumer)
            {EVICTABLE}
        """,
    )


def appeared(metric: str) -> str:
    """The series that were missing 10 minutes ago, when others of their consumer were there."""
    return f"""\
{metric}
and jetstream_consumer_deliveries_total offset 10m
unless {metric} offset 10m"""


RULES: tuple[Alert | Record, ...] = (
    Record(
        name=EVICTABLE,
        comment=(
            "The highest number of pending messages within 10 minutes, of consumers whose "
            "stream was at a limit during all of them and removes its oldest message for each "
            "new one: at 95% of its messages or bytes, or with its oldest message at 95% of "
            "max_age (only if max_age is above 11 minutes, because otherwise the window would "
            "reach beyond a purge). After a purge a stream is below its limit, if only by a "
            "little, while a stream that removes its oldest message for each new one stays "
            "within one message of the limit. Streams that lose messages by design or by hand "
            "are excluded: limits per subject, rollups, message TTLs, and deleted messages in "
            "between. The lean profile has the creation time and the number of leader changes only "
            "for a while after they changed, so that a value that was missing 10 minutes ago, when "
            "the consumer was exported, is a change."
        ),
        parts={"recreated": appeared("jetstream_consumer_created_timestamp_seconds")},
        expr="""
            max by ($consumer) (max_over_time(jetstream_consumer_pending_messages[10m]))
            and on ($consumer)
            max by ($consumer) (jetstream_consumer_info{deliver_policy!="last_per_subject",role=""}) == 1
            and on ($stream) (
              max by ($stream) (
                min_over_time(jetstream_stream_messages_ratio[10m]) > 0.95
                unless (
                  max_over_time(jetstream_stream_messages_ratio[10m]) - min_over_time(jetstream_stream_messages_ratio[10m]) > 0.005
                  and resets(jetstream_stream_messages_ratio[10m]) > 0
                )
              )
              or
              max by ($stream) (
                min_over_time(jetstream_stream_storage_ratio[10m]) > 0.95
                unless (
                  max_over_time(jetstream_stream_storage_ratio[10m]) - min_over_time(jetstream_stream_storage_ratio[10m]) > 0.02
                  and resets(jetstream_stream_storage_ratio[10m]) > 0
                )
              )
              or
              (
                time() - max by ($stream) (jetstream_stream_first_message_timestamp_seconds)
                > on ($stream)
                0.95 * (max by ($stream) (jetstream_stream_max_age_seconds) > 660)
                and on ($stream)
                max by ($stream) (
                  timestamp(jetstream_stream_first_message_timestamp_seconds offset 10m)
                  - (jetstream_stream_first_message_timestamp_seconds offset 10m)
                )
                > on ($stream)
                0.95 * max by ($stream) (jetstream_stream_max_age_seconds)
              )
            )
            and on ($stream)
            max by ($stream) (jetstream_stream_info{discard="old",kind="stream"}) == 1
            unless on ($stream)
            max by ($stream) (jetstream_stream_max_messages_per_subject)
            unless on ($stream)
            max by ($stream) (jetstream_stream_features_info{allow_rollup="true"})
            unless on ($stream)
            max by ($stream) (jetstream_stream_features_info{allow_msg_ttl="true"})
            unless on ($stream)
            max by ($stream) (changes(jetstream_stream_deleted_messages[10m])) > 0
            unless on ($consumer)
            max by ($consumer) (changes(jetstream_consumer_created_timestamp_seconds[10m])) > 0
            unless on ($consumer)
            max by ($consumer) ($recreated)
            unless on ($consumer)
            max by ($consumer) (resets(jetstream_consumer_deliveries_total[10m])) > 0
            $unless_consumer_excluded
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_overtaken_messages:max10m",
        comment=(
            "The same, only of consumers without a filter of which at least half of the "
            "messages of the stream were pending: the oldest messages of the stream are close "
            "to their position."
        ),
        expr="""
            nats_cluster_account_stream_consumer:jetstream_consumer_evictable_messages:max10m
            >= on ($stream) group_left ()
            0.5 * max by ($stream) (jetstream_stream_messages)
            and on ($consumer)
            max by ($consumer) (jetstream_consumer_info{filtered="false"}) == 1
        """,
    ),
    *map(due, (5, 10)),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_lost_messages:delta10m",
        comment=(
            "Messages that were pending for a consumer and that its stream removed within 10 "
            "minutes. The rule counts by balance: the messages that were pending 10 minutes "
            "ago and those stored since, without those that are still pending or were "
            "delivered. Redeliveries make this number smaller, never larger. If they hide the "
            "loss, the rule counts by position: the sequences that were removed from the "
            "stream and never delivered. A number below what is stored in 3 seconds is not a "
            "loss, because the values of a stream and of its consumers may be that far apart. "
            "For a filtered consumer it is not known how many of the stored messages match, so "
            "that none of them is counted. Its leader may count anew after an election, so "
            "that it is not judged then, and a changed filter starts a new count, so that "
            "messages have to disappear in both halves of the 10 minutes."
        ),
        expr="""
            -1 * $due_10m
            + on ($stream) group_left () (
              $stored
            )
            > on ($stream) group_left ()
            0.005 * (
              $stored
            )
            > 0
            and on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_overtaken_messages:max10m
            or
            -1 * (
              max by ($consumer) (jetstream_consumer_delivered_sequence)
              + 1
              - on ($stream) group_left ()
              (max by ($stream) (jetstream_stream_first_sequence) > on ($stream) max by ($stream) (jetstream_stream_first_sequence offset 10m))
            )
            > on ($stream) group_left ()
            0.005 * (
              $stored
            )
            > 0
            and on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_overtaken_messages:max10m
            or
            -1 * ($due_10m < on ($consumer) $due_5m)
            and on ($consumer)
            $due_5m < 0
            and on ($consumer)
            max by ($consumer) (jetstream_consumer_info{filtered="true"}) == 1
            unless on ($consumer)
            max by ($consumer) (changes(jetstream_consumer_leader_changes_total[10m])) > 0
            unless on ($consumer)
            max by ($consumer) ($elected)
        """,
        parts={
            "elected": appeared("jetstream_consumer_leader_changes_total"),
            "due_5m": f"{DUE}5m",
            "due_10m": f"{DUE}10m",
            "stored": """
                max by ($stream) (jetstream_stream_stored_messages_total)
                - on ($stream)
                max by ($stream) (jetstream_stream_stored_messages_total offset 10m)
            """,
        },
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_overtaken_seconds:deriv15m",
        comment=(
            "Seconds until the first sequence of the stream overtakes the consumer, at the "
            "present rates; absent if the consumer is not slower."
        ),
        expr="""
            (
              max by ($consumer) (jetstream_consumer_delivered_sequence)
              + 1
              - on ($stream) group_left ()
              max by ($stream) (jetstream_stream_first_sequence)
              > 0
            )
            / on ($consumer)
            (
              -1 * (
                max by ($consumer) (deriv(jetstream_consumer_delivered_sequence[15m]))
                - on ($stream) group_left ()
                max by ($stream) (deriv(jetstream_stream_first_sequence[15m]))
              )
              > 0
            )
            and on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_overtaken_messages:max10m
        """,
    ),
    Alert(
        name="JetStreamConsumerMessagesLost",
        severity="critical",
        scope="consumer",
        board="jetstream-consumer",
        expr="""
            nats_cluster_account_stream_consumer:jetstream_consumer_lost_messages:delta10m > 0
        """,
        wait="2m",
        keep="15m",
        summary="A JetStream stream deleted messages before a consumer received them",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            '{nats_cluster}) has lost at least {value | printf "%.0f"} messages within 10 '
            "minutes, because the stream is at its limit and deleted them before they were "
            "delivered."
        ),
    ),
    Alert(
        name="JetStreamConsumerLossImminent",
        severity="warning",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "More than half of the messages of the stream are pending, and the stream deletes "
            "its oldest messages faster than the consumer advances. A consumer that has "
            "already lost messages, or that makes no progress, has an alert of its own."
        ),
        expr="""
            nats_cluster_account_stream_consumer:jetstream_consumer_overtaken_seconds:deriv15m < $threshold
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_lost_messages:delta10m
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_stalled_messages:min10m
        """,
        values={"threshold": "3600"},
        wait="5m",
        keep="10m",
        summary=("A JetStream stream is about to delete messages before a consumer receives them"),
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) is slower than its publishers, and the stream is at its limit. At "
            "the present rates the stream deletes the first undelivered message in {value | "
            "humanizeDuration}."
        ),
    ),
)
