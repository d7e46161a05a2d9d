"""Rules: the exporter and what it must report are there."""

from rules.src.model import Alert

# A cluster of several servers of which none answers.
SILENT_CLUSTER = """\
max by ($cluster) (nats_server_up{nats_cluster!=""}) == 0
and on ($cluster)
count by ($cluster) (group by ($server) (nats_server_up)) > 1
unless on ($cluster)
max by ($cluster) (jetstream_meta_peer_current) == 1"""

ALERTS = (
    Alert(
        name="JetStreamWatchdog",
        severity="none",
        scope="exporter",
        board="jetstream-exporter",
        pint="alerts/comparison",
        expr="vector(1)",
        summary="The alerting pipeline works",
        description=(
            "This alert always fires. The service that receives it must raise an alarm when "
            "the alert stops arriving."
        ),
    ),
    Alert(
        name="JetStreamExporterDown",
        severity="critical",
        scope="exporter",
        board="jetstream-exporter",
        comment=(
            "max, because one healthy replica of two is enough. The rule aggregates by job and "
            "namespace, because each may watch another cluster, and by the cluster if a label "
            "of the target names it. If a target was removed and others remain, "
            "JetStreamClusterVanished fires instead."
        ),
        expr="""
            label_replace(
              max by ($cluster, namespace, job) (up{job=~"$job"}) == 0,
              "exporter_namespace", "$$1", "namespace", "(.+)"
            )
            or
            absent(up{job=~"$job"})
        """,
        wait="5m",
        real_time=True,
        summary="Prometheus cannot scrape the JetStream exporter",
        description=(
            'Prometheus can scrape no target of job {{ or $labels.job "jetstream-exporter" '
            "}}{{ with $labels.namespace }} in namespace {{ . }}{{ end }}, or no such target "
            "is configured. No other JetStream alert can fire for the clusters of this job."
        ),
    ),
    Alert(
        name="JetStreamExpectedObjectMissing",
        severity="critical",
        scope="cluster",
        board="jetstream-overview",
        comment=(
            "The exporter reports 0 only if every server that could hold the object has listed "
            "all that it has. While a server is down, the series is absent, and other alerts "
            "say so."
        ),
        expr="max by ($cluster, kind, account, name) (jetstream_expected_present) == 0",
        wait="3m",
        real_time=True,
        keep="5m",
        summary="A server, stream or consumer that has to exist is missing",
        description=(
            "The {kind} {name}{{ with $labels.account }} of account {{ . }}{{ end }} does not "
            "exist in cluster {nats_cluster}, although the configuration of the exporter "
            "expects it. All servers of the cluster have answered."
        ),
    ),
    Alert(
        name="JetStreamClusterVanished",
        severity="critical",
        scope="cluster",
        board="jetstream-overview",
        comment=(
            "Three cases, in this order. First: a cluster that was reported within the last 6 "
            "hours is not reported now; this excludes a cluster whose exporter is down "
            "(JetStreamExporterDown) and one whose servers are now reported under another "
            "cluster name. Second: no server of a cluster of several servers answers (for a "
            "cluster of one server, JetStreamExporterServerScrapeFailing fires). Third: "
            "servers answer, but no stream and nothing else of /jsz is reported, and "
            "JetStreamExporterSourceFailing does not fire. A cluster whose streams were all "
            "deleted is not affected, because its servers still report "
            "jetstream_server_streams 0."
        ),
        expr="""
            (
              group by ($cluster) (
                group by ($cluster, namespace, job) (last_over_time(nats_server_up{nats_cluster!=""}[6h]))
                unless on (namespace, job)
                max by (namespace, job) (up{job=~"$job"}) == 0
              )
              unless on ($cluster)
              group by ($cluster) (nats_server_up)
              unless on ($cluster)
              group by ($cluster) (last_over_time(nats_server_info[6h]) and on (server_id) nats_server_info)
            )
            or
            (
              $silent_cluster
            )
            or
            group by ($cluster) (
              group by ($cluster, namespace, job) (jetstream_stream_has_leader offset 1h)
              unless on ($cluster)
              group by ($cluster) (jetstream_stream_has_leader)
              unless on ($cluster)
              group by ($cluster) (jetstream_server_streams)
              unless on (namespace, job)
              max by (namespace, job) (jetstream_exporter_source_part_up{part=~"jsz.*|streams"}) == 0
              and on ($cluster)
              group by ($cluster) (nats_server_up == 1)
            )
        """,
        parts={"silent_cluster": SILENT_CLUSTER},
        wait="3m",
        real_time=True,
        keep="5m",
        summary="A JetStream cluster is no longer monitored",
        description=(
            "No exporter reports cluster {nats_cluster} any more, or none of its servers "
            "answers, or its servers report nothing about streams. No other alert can fire for "
            "this cluster."
        ),
    ),
)
