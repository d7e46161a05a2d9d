"""Rules: replicas of one stream that hold different contents."""

from rules.src.model import Alert

ALERTS = (
    Alert(
        name="JetStreamStreamReplicasDiverged",
        severity="critical",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "The exporter has compared several scrapes already. Replicas that are behind, servers that start or stop "
            "and streams from which messages are being removed are no difference."
        ),
        expr="""
            max by ($stream) (jetstream_stream_replicas_diverged) > 0
            $unless_stream_excluded
        """,
        wait="1m",
        keep="15m",
        summary="Replicas of a JetStream stream hold different messages",
        description=(
            "Replicas of stream {stream} (account {account}, cluster {nats_cluster}) hold other messages than their "
            "leader; their number is {value | humanize}. Messages can disappear or return when another replica leads, "
            "and what a read returns depends on the replica that answers it."
        ),
    ),
    Alert(
        name="JetStreamStreamMessagesDamaged",
        severity="critical",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "The leader of the stream found that a part of its store cannot be read. If the "
            "replicas hold different messages because of that, JetStreamStreamReplicasDiverged "
            "fires instead. Or a stream with storage on disk was created within 10 minutes after the start of "
            "the server that leads it, although it was known before with higher sequences: the server "
            "started without its disk, and a client made the stream anew."
        ),
        expr="""
            (
              max by ($stream) (jetstream_stream_lost_messages) > 0
              or
              label_replace(
                max by ($stream) (max_over_time(jetstream_stream_last_sequence[1h]))
                - on ($stream)
                max by ($stream) (jetstream_stream_last_sequence)
                > 0
                and on ($stream)
                max by ($stream) (jetstream_stream_info{storage="file"}) == 1
                and on ($stream)
                group by ($stream) (
                  group by ($stream, server) (jetstream_stream_leader)
                  * on ($stream) group_left ()
                  max by ($stream) (jetstream_stream_created_timestamp_seconds)
                  - on ($server) group_left ()
                  max by ($server) (nats_server_start_timestamp_seconds)
                  < 600
                  > 0
                ),
                "kind", "restart", "", ""
              )
            )
            unless on ($stream)
            max by ($stream) (jetstream_stream_replicas_diverged) > 0
            $unless_stream_excluded
        """,
        wait="1m",
        keep="15m",
        summary="A JetStream stream lost messages that were on its disk",
        description=(
            '{{ if eq $labels.kind "restart" }}Stream {stream} (account {account}, cluster {nats_cluster}) was created anew after '
            'a restart of its server. Before, it had stored {value | printf "%.0f"} messages more{{ else }}The leader '
            "of stream {stream} (account {account}, cluster {nats_cluster}) cannot read "
            '{value | printf "%.0f"} messages of the stream on its disk{{ end }}. Consumers do not receive '
            "them."
        ),
    ),
)
