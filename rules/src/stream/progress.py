"""Rules: streams that keep what is finished, do not copy what is new, or collect what failed."""

from rules.src.counters import difference
from rules.src.model import Alert

ALERTS = (
    Alert(
        name="JetStreamInterestStreamPinned",
        severity="warning",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "An interest or work-queue stream removes the messages that its consumers have "
            "finished. If it grows and its first sequence does not change, at least one "
            "consumer finishes nothing. Dead-letter streams are excluded, because their "
            "messages wait for people and not for consumers. MQTT streams are excluded, "
            "because their messages wait for persistent sessions that are inactive, and so are streams that may "
            "hold scheduled messages, which wait until they are due. The stream "
            "must have been reported 55 minutes ago, by any exporter, because the first "
            "sequence of a new stream had no time to change."
        ),
        expr="""
            max by ($stream) (min_over_time(jetstream_stream_messages[1h])) > 0
            and on ($stream)
            max by ($stream) (jetstream_stream_info{retention=~"interest|workqueue",kind!="mqtt",role!="dead_letter"}) == 1
            and on ($stream)
            max by ($stream) (deriv(jetstream_stream_messages[1h])) > 0
            and on ($stream)
            max by ($stream) (changes(jetstream_stream_first_sequence[1h])) == 0
            and on ($stream)
            group by ($stream) (jetstream_stream_info offset 55m)
            $unless_scheduled
            $unless_stream_excluded
        """,
        wait="30m",
        keep="10m",
        summary="A consumer keeps a JetStream stream from removing messages",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) grows and has not "
            "removed a message for 1 hour. At least one of its consumers acknowledges nothing. "
            "That consumer may no longer be in use."
        ),
    ),
    Alert(
        name="JetStreamSourceOrMirrorLagging",
        severity="warning",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "The server updates the lag only when a message arrives: if the origin is gone, "
            "the lag keeps its last value, even 0, and only the lost contact shows the "
            "problem. The lag of a copy that catches up falls by more than it fluctuates, and a lag "
            "that the copy stores in 10 seconds is that of a busy stream. If the "
            "last message that arrived said that others follow, and none came for 10 minutes and "
            "then 10 more, the copy stands still in spite of its contact."
        ),
        expr="""
            (
              (
                max by ($stream, source) (jetstream_stream_source_lag_messages) > $threshold
                unless on ($stream, source)
                max by ($stream, source) (
                  avg_over_time(jetstream_stream_source_lag_messages[10m])
                  + stddev_over_time(jetstream_stream_source_lag_messages[20m])
                )
                < on ($stream, source)
                max by ($stream, source) (
                  avg_over_time(jetstream_stream_source_lag_messages[10m] offset 10m)
                )
                unless on ($stream, source)
                max by ($stream, source) (jetstream_stream_source_lag_messages)
                < on ($stream) group_left ()
                10 * max by ($stream) (rate(jetstream_stream_stored_messages_total[5m]))
              )
              or
              (
                max by ($stream, source) (jetstream_stream_source_lag_messages)
                and on ($stream, source)
                max by ($stream, source) (jetstream_stream_source_healthy) == 0
              )
              or
              max by ($stream, source) (jetstream_stream_source_healthy) == 0
              or
              (
                max by ($stream, source) (
                  jetstream_stream_source_lag_messages > 0
                  and min_over_time(jetstream_stream_source_lag_messages[10m]) > 0
                  and changes(jetstream_stream_source_lag_messages[10m]) == 0
                )
                and on ($stream)
                max by ($stream) (changes(jetstream_stream_last_sequence[10m])) == 0
              )
            )
            $unless_stream_excluded
        """,
        values={"threshold": "1000"},
        wait="10m",
        keep="5m",
        summary="A JetStream mirror or source has lost contact or does not catch up",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) copies from {source}, "
            "but has lost contact with it or does not advance. The last known lag is {value | "
            "humanize} messages."
        ),
    ),
    Alert(
        name="JetStreamDeadLetterGrowing",
        severity="warning",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "The rule counts stored messages, so that a purge or a replay in between hides no "
            "arrival; if that metric is switched off, it uses the number of messages that the "
            "stream holds. The expression uses differences, because increase() extrapolates "
            "(11 instead of 10)."
        ),
        expr="""
            (
              max by ($stream) (
                $difference
              )
              > 0
              or
              max by ($stream) (
                jetstream_stream_messages - (jetstream_stream_messages offset 15m)
                or
                jetstream_stream_messages - min_over_time(jetstream_stream_messages[15m])
              )
              > 0
            )
            and on ($stream)
            max by ($stream) (jetstream_stream_info{role="dead_letter"}) == 1
            $unless_stream_excluded
        """,
        parts={"difference": difference("jetstream_stream_stored_messages_total", "15m")},
        keep="30m",
        summary="Messages arrive in a dead-letter stream",
        description=(
            'About {value | printf "%.0f"} messages arrived in dead-letter stream {stream} '
            "(account {account}, cluster {nats_cluster}) within 15 minutes."
        ),
    ),
)
