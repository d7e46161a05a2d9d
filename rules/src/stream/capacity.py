"""Rules: streams that are near a limit, at it, or without one."""

from rules.src.model import Alert

# Nobody publishes to a sealed stream, so that it cannot become fuller.
UNLESS_SEALED = """
    unless on ($stream)
    max by ($stream) (jetstream_stream_features_info{sealed="true"})
"""

ALERTS = (
    Alert(
        name="JetStreamStreamStorageHigh",
        severity="warning",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "A stream with discard old, retention limits and no max_age is always close to its "
            "limit by design. With a max_age, the size limit deletes messages before they "
            "reach that age. With another retention, it deletes messages that were not "
            "processed."
        ),
        expr="""
            max by ($stream) (jetstream_stream_storage_ratio) > $threshold
            unless on ($stream) (
              max by ($stream) (jetstream_stream_info{discard="old",retention="limits"}) == 1
              unless on ($stream)
              max by ($stream) (jetstream_stream_max_age_seconds)
            )
            $unless_sealed
            $unless_stream_excluded
        """,
        values={"threshold": "0.80"},
        parts={"unless_sealed": UNLESS_SEALED},
        wait="15m",
        keep="10m",
        summary="A JetStream stream is near its size limit",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) uses {value | "
            "humanizePercentage} of its max_bytes."
        ),
    ),
    Alert(
        name="JetStreamStreamStorageHigh",
        severity="critical",
        scope="stream",
        board="jetstream-stream",
        expr="""
            max by ($stream) (jetstream_stream_storage_ratio) > $threshold
            and on ($stream)
            max by ($stream) (jetstream_stream_info{discard="new"}) == 1
            $unless_sealed
            $unless_stream_excluded
        """,
        values={"threshold": "0.95"},
        parts={"unless_sealed": UNLESS_SEALED},
        wait="5m",
        keep="10m",
        summary="A JetStream stream rejects messages or is about to",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) uses {value | "
            "humanizePercentage} of its max_bytes and has discard policy new. At the limit, "
            "publishers get errors."
        ),
    ),
    Alert(
        name="JetStreamStreamRejectingPublishes",
        severity="critical",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "A stream with discard new rejects messages at max_msgs, at max_bytes, and when "
            "less than the mean size of a message is left of max_bytes. A stream with max_msgs "
            "1 is excluded: it is used as a lock and is full while a client holds the lock. "
            "Larger messages are rejected further below the limit, and no counter of the "
            "server shows it; the best sign is that a stream near a limit stored messages "
            "within the last 6 hours, but none for 15 minutes. It is none for a bucket of keys or "
            "objects, which is quiet after each upload. Nobody publishes to a sealed stream."
        ),
        expr="""
            (
              max by ($stream) (jetstream_stream_messages_ratio) >= 1
              or
              max by ($stream) (jetstream_stream_storage_ratio) >= 1
              or
              max by ($stream) (jetstream_stream_storage_ratio) > 0.5
              and on ($stream)
              (1 - max by ($stream) (jetstream_stream_storage_ratio))
              * on ($stream)
              max by ($stream) (jetstream_stream_messages)
              < on ($stream)
              max by ($stream) (jetstream_stream_storage_ratio)
              or
              (
                max by ($stream) (jetstream_stream_storage_ratio) > 0.90
                or
                max by ($stream) (jetstream_stream_messages_ratio) > 0.90
              )
              and on ($stream)
              max by ($stream) (changes(jetstream_stream_last_sequence[15m])) == 0
              and on ($stream)
              max by ($stream) (changes(jetstream_stream_last_sequence[6h])) > 0
              unless on ($stream)
              max by ($stream) (jetstream_stream_info{kind=~"kv|object"})
            )
            and on ($stream)
            max by ($stream) (jetstream_stream_info{discard="new"}) == 1
            unless on ($stream)
            max by ($stream) (jetstream_stream_max_messages) == 1
            $unless_sealed
            $unless_stream_excluded
        """,
        parts={"unless_sealed": UNLESS_SEALED},
        wait="1m",
        keep="10m",
        summary="A JetStream stream rejects messages",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) is at {value | "
            "humanizePercentage} of a limit and has discard policy new. It is full, or has "
            "stored nothing for 15 minutes, and publishers get errors."
        ),
    ),
    Alert(
        name="JetStreamStreamConsumersNearLimit",
        severity="warning",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "The limit is the lower of two: the stream's own limit or, if it has none, the "
            "server's default (1000 since 2.15); and the account's limit, which the server "
            "applies to each stream."
        ),
        expr="""
            max by ($stream) (jetstream_stream_consumers)
            / on ($stream)
            (
              min by ($stream) (
                max by ($stream) (jetstream_stream_max_consumers)
                or
                max by ($stream) (jetstream_stream_consumers >= bool 0)
                * on ($cluster) group_left ()
                min by ($cluster) (jetstream_server_default_max_consumers)
                or
                label_replace(
                  max by ($stream) (jetstream_stream_consumers >= bool 0)
                  * on ($account) group_left ()
                  max by ($account) (jetstream_account_max_consumers),
                  "of", "account", "", ""
                )
              ) > 0
            )
            > $threshold
            $unless_stream_excluded
        """,
        values={"threshold": "0.90"},
        wait="5m",
        keep="10m",
        summary="A JetStream stream is near its maximum number of consumers",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) has {value | "
            "humanizePercentage} of the maximum number of consumers. At the limit the server "
            "creates no further consumer, not even for a client that reconnects."
        ),
    ),
    Alert(
        name="JetStreamStreamConsumersGrowing",
        severity="warning",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "Clients that lose and make a consumer again and again leave hundreds behind within minutes, and a "
            "server can keep them for ever. The number is compared with that of a day ago and, if it is there, of a "
            "week ago, so that a stream whose consumers come and go each day or each week is silent. A slow leak shows "
            "in the comparison with a week ago only, and goes on from day to day."
        ),
        expr="""
            max by ($stream) (jetstream_stream_consumers) > $threshold
            and on ($stream) (
              max by ($stream) (jetstream_stream_consumers) > 3 * max by ($stream) (jetstream_stream_consumers offset 1d)
              or
              max by ($stream) (jetstream_stream_consumers) > 3 * max by ($stream) (jetstream_stream_consumers offset 1w)
              and on ($stream)
              max by ($stream) (jetstream_stream_consumers) > 1.05 * max by ($stream) (jetstream_stream_consumers offset 1d)
            )
            unless on ($stream)
            max by ($stream) (jetstream_stream_consumers) <= 3 * max by ($stream) (jetstream_stream_consumers offset 1w)
            $unless_stream_excluded
        """,
        values={"threshold": "300"},
        wait="30m",
        keep="10m",
        summary="A JetStream stream has many more consumers than a day or a week ago",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) has {value | humanize} consumers, more than "
            "three times as many as a day or a week ago. Each one costs the servers memory, and clients that leak consumers "
            "can end a server."
        ),
    ),
    Alert(
        name="JetStreamStreamUnbounded",
        severity="info",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "Key-value and object store buckets are excluded, because they are limited per key "
            "or by their users."
        ),
        expr="""
            max by ($stream) (jetstream_stream_info{kind="stream"}) == 1
            unless on ($stream) (
              max by ($stream) (jetstream_stream_max_bytes)
              or
              max by ($stream) (jetstream_stream_max_age_seconds)
              or
              max by ($stream) (jetstream_stream_max_messages)
            )
            $unless_stream_excluded
        """,
        wait="1h",
        summary="A JetStream stream has no limit",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) has no max_bytes, "
            "max_msgs or max_age. It grows until the server's store is full."
        ),
    ),
    Alert(
        name="JetStreamStreamMessagesAgingOut",
        severity="critical",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "A stream with retention limits is expected to delete messages by age; with "
            "another retention, the messages are unprocessed work. The age is measured by the "
            "clock of the server that will delete the message, if the exporter knows it."
        ),
        expr="""
            (
              max by ($stream) (jetstream_stream_first_message_age_seconds)
              or on ($stream)
              time() - max by ($stream) (jetstream_stream_first_message_timestamp_seconds)
            )
            > on ($stream)
            ($share * max by ($stream) (jetstream_stream_max_age_seconds) > 0)
            and on ($stream)
            max by ($stream) (jetstream_stream_info{retention=~"workqueue|interest"}) == 1
            and on ($stream)
            max by ($stream) (jetstream_stream_messages) > 0
            $unless_stream_excluded
        """,
        values={"share": "0.75"},
        wait="5m",
        keep="10m",
        summary="Unprocessed JetStream messages are about to be deleted by age",
        description=(
            "The oldest message of stream {stream} (account {account}, cluster {nats_cluster}) "
            "is {value | humanizeDuration} old, more than 75% of max_age. At max_age the "
            "server deletes it unprocessed."
        ),
    ),
)
