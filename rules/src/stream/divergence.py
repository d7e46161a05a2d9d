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
            "fires instead."
        ),
        expr="""
            max by ($stream) (jetstream_stream_lost_messages) > 0
            unless on ($stream)
            max by ($stream) (jetstream_stream_replicas_diverged) > 0
            $unless_stream_excluded
        """,
        wait="1m",
        keep="15m",
        summary="A JetStream stream lost messages because its store is damaged",
        description=(
            "The leader of stream {stream} (account {account}, cluster {nats_cluster}) cannot read "
            '{value | printf "%.0f"} messages of the stream on its disk. Consumers do not receive '
            "them."
        ),
    ),
)
