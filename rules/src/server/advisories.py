"""Rules: what servers say of themselves by advisories."""

from rules.src.counters import difference
from rules.src.model import Alert, Severity


def _trouble(
    severity: Severity, kinds: str, comment: str, description: str, more: str = ""
) -> Alert:
    return Alert(
        name="JetStreamAdvisoryServerTrouble",
        severity=severity,
        scope="cluster",
        board="jetstream-raft",
        comment=comment,
        expr="""
            max by ($cluster, kind) (
              $difference
            )
            > 0
        """.rstrip()
        + more,
        parts={"difference": difference(f'jetstream_advisories_total{{kind=~"{kinds}"}}', "15m")},
        keep="15m",
        summary="A NATS server reported trouble with JetStream",
        description=description,
    )


ALERTS = (
    _trouble(
        "critical",
        "server_out_of_space",
        "A server of a cluster that cannot write the log of a Raft group turns JetStream off until it is restarted. One "
        "that cannot write the files of streams only publishes nothing; since 2.14 it fails its health check. The "
        "exporter receives the advisory in the system account only, and believes nobody else.",
        "{value | humanize} times within 15 minutes a server of cluster {nats_cluster} reported that its store is out "
        "of space. It has turned JetStream off.",
    ),
    _trouble(
        "warning",
        "api_limit_reached|meta_rescue|stream_batch_abandoned",
        "Each of these is rare in normal life. All but abandoned batches are received in the system account only. A "
        "lowered quorum of the meta group (2.15) is a state as well, and the alert stays as long as it does. A server "
        "that was removed raises JetStreamMetaGroupShrunk.",
        '{{ if eq $labels.kind "meta_rescue" }}The quorum of the meta group of cluster {nats_cluster} was lowered'
        "{{ else }}Cluster {nats_cluster} reports {kind}: {value | humanize}{{ end }} within 15 minutes"
        '{{ if eq $labels.kind "meta_rescue" }}, or still is lowered{{ end }}.',
        """
            or
            label_replace(max by ($cluster) (jetstream_meta_rescue) == 1, "kind", "meta_rescue", "", "")
        """,
    ),
)
