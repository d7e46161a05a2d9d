"""Rules: servers and sources that do not answer, and data that is out of date."""

from rules.src.exporter.presence import SILENT_CLUSTER
from rules.src.model import Alert

# Parts that no target answers, so that no stream is known. Streams that another source lists are monitored; but those of
# the other shards are no streams of a shard that lists none.
UNREAD = """
    max by (namespace, job, part) (jetstream_exporter_source_part_up{part=~"jsz.*|streams"}) == 0
    unless on (namespace, job, part) (
      group by (namespace, job, part) (jetstream_exporter_source_part_up{part!~"jsz-shard-.+"})
      and on (namespace, job)
      group by (namespace, job) (jetstream_stream_has_leader)
    )
    unless on (namespace, job, part)
    group by (namespace, job, part) (
      group by (namespace, job, instance, part) (jetstream_exporter_source_part_up{part=~"jsz-shard-.+"})
      and on (namespace, job, instance)
      group by (namespace, job, instance) (jetstream_stream_has_leader)
    )
"""

ALERTS = (
    Alert(
        name="JetStreamExporterServerScrapeFailing",
        severity="warning",
        scope="server",
        board="jetstream-servers",
        comment=(
            "A server that its meta peers cannot reach either is left to NatsServerDown, and a "
            "cluster of several servers of which none answers is left to "
            "JetStreamClusterVanished. The expression excludes them, instead of an inhibition, "
            "so that an alert that fired before the server died is really resolved. The label "
            "`configured` distinguishes a target that does not answer (1, also if the exporter "
            "does not report it) from a server that only the meta group names (0)."
        ),
        expr="""
            (
              max by ($server) (nats_server_up) == 0
              unless on ($server)
              max by ($server) (jetstream_meta_peer_current) == 0
              unless on ($cluster) (
                $silent_cluster
              )
            )
            + on ($server) group_left (configured)
            0 * count_values by ($server) (
              "configured",
              max by ($server) (nats_server_configured)
              or
              max by ($server) (nats_server_up >= bool 0)
            )
        """,
        parts={"silent_cluster": SILENT_CLUSTER},
        wait="3m",
        real_time=True,
        keep="5m",
        summary=(
            "The exporter cannot reach a NATS server, or the server is not configured as a target"
        ),
        description=(
            'Server {server} of cluster {nats_cluster} {{ if eq $labels.configured "0" }}is '
            "not configured as a target of the exporter{{ else }}cannot be reached by the "
            "exporter{{ end }}. Streams that only this server holds are not monitored."
        ),
    ),
    Alert(
        name="JetStreamExporterServerScrapeFailing",
        severity="critical",
        scope="server",
        board="jetstream-servers",
        comment=(
            "The server is the only one of its cluster, and no meta group lists it. It has no "
            "peers that could report whether it runs, and nothing else of the cluster is "
            "monitored."
        ),
        expr="""
            max by ($server) (nats_server_up{nats_cluster!=""}) == 0
            and on ($cluster)
            count by ($cluster) (group by ($server) (nats_server_up)) == 1
            unless on ($cluster)
            group by ($cluster) (jetstream_meta_peer_current)
        """,
        wait="3m",
        real_time=True,
        keep="5m",
        summary="The exporter cannot reach a standalone NATS server",
        description=(
            "Server {server}, the only server of cluster {nats_cluster}, cannot be reached by "
            "the exporter. None of its streams is monitored."
        ),
    ),
    Alert(
        name="JetStreamExporterSourceFailing",
        severity="warning",
        scope="exporter",
        board="jetstream-exporter",
        comment=(
            "The rule fires for a part of a target that answers other requests, and for a "
            "target of which every part fails, unless at least as many servers are "
            "unreachable, which have alerts of their own. A part that fails for every target "
            "is left to the critical alert below."
        ),
        expr="""
            label_replace(
              (
                max by (namespace, job, source, target, part) (jetstream_exporter_source_part_up) == 0
                and on (namespace, job, source, target)
                max by (namespace, job, source, target) (jetstream_exporter_source_part_up) == 1
                unless on (namespace, job, part) (
                  $unread
                )
              )
              or
              (
                $failing_targets
                unless on (namespace, job) (
                  count by (namespace, job) (
                    max by (namespace, job, nats_cluster, server) (nats_server_up) == 0
                    unless on ($server)
                    max by ($server) (nats_server_configured) == 0
                  )
                  >= on (namespace, job)
                  count by (namespace, job) (
                    $failing_targets
                  )
                )
                unless on (namespace, job) (
                  max by (namespace, job) (jetstream_exporter_source_up) == 0
                  unless on (namespace, job)
                  group by (namespace, job) (nats_server_up)
                )
              ),
              "exporter_namespace", "$$1", "namespace", "(.+)"
            )
        """,
        parts={
            "unread": UNREAD,
            "failing_targets": """
                max by (namespace, job, source, target) (jetstream_exporter_source_up) == 0
                unless on (namespace, job, source, target)
                max by (namespace, job, source, target) (jetstream_exporter_source_part_up) == 1
            """,
        },
        wait="5m",
        real_time=True,
        keep="5m",
        summary="A data source of the JetStream exporter fails",
        description=(
            "The {source} source of the exporter (job {job}) fails for target {target}{{ with $labels.part }} "
            "(part {{ . }}){{ end }}. Metrics that only this source provides are missing, and "
            "alerts that use them cannot fire."
        ),
    ),
    Alert(
        name="JetStreamExporterSourceFailing",
        severity="critical",
        scope="exporter",
        board="jetstream-exporter",
        comment=(
            "No target reports its streams, or those of one shard, although other requests are "
            "answered; or no target answers at all, and no server is known whose own alert could "
            "fire. Streams that another source reports are enough, but not those of other shards."
        ),
        expr="""
            label_replace(
              label_replace(
                (
                  $unread
                  and on (namespace, job)
                  max by (namespace, job) (jetstream_exporter_source_part_up) == 1
                )
                or
                (
                  max by (namespace, job) (jetstream_exporter_source_up) == 0
                  unless on (namespace, job)
                  group by (namespace, job) (nats_server_up)
                ),
                "shard", "$$1", "part", "jsz-shard-(.+)"
              ),
              "exporter_namespace", "$$1", "namespace", "(.+)"
            )
        """,
        parts={"unread": UNREAD},
        wait="3m",
        real_time=True,
        keep="5m",
        summary="The JetStream exporter gets no data about streams",
        description=(
            "No source of the exporter (job {job}) answers{{ with $labels.part }} requests for {{ . }}{{ end "
            "}}. No stream and no consumer{{ with $labels.shard }} of shard {{ . }}{{ end }} is monitored."
        ),
    ),
    Alert(
        name="JetStreamExporterDataStale",
        severity="critical",
        scope="exporter",
        board="jetstream-exporter",
        comment=(
            "The time of the last success is compared with its own earlier value and not with "
            "a clock, because the clock of an exporter may be wrong. The two samples must be "
            "more than half of the offset apart, so that a gap between scrapes does not count "
            "as stale data. The rule compares per cluster that an exporter reports, and one "
            "replica with current data is enough. If an exporter reports no cluster, the rule "
            "compares per job, per shard and per cluster that a label of the target names, "
            "because only shard 0 reports servers, and another shard reads other accounts."
        ),
        expr="""
            label_replace(
              min by ($cluster, namespace, job) (
                group by ($cluster, namespace, job, instance) (nats_server_up{nats_cluster!=""})
                * on (namespace, job, instance) group_left ()
                max by (namespace, job, instance) (
                  $unchanged
                )
              ) == 1
              or
              min by ($cluster, namespace, job, shard) (
                (
                  group by ($cluster, namespace, job, instance, shard) (jetstream_exporter_shard_info)
                  * on (namespace, job, instance) group_left ()
                  max by (namespace, job, instance) (
                    $unchanged
                  )
                  or on (namespace, job, instance)
                  max by ($cluster, namespace, job, instance) (
                    $unchanged
                  )
                )
                unless on (namespace, job, instance)
                group by (namespace, job, instance) (nats_server_up{nats_cluster!=""})
              ) == 1,
              "exporter_namespace", "$$1", "namespace", "(.+)"
            )
        """,
        values={"age": "2m"},
        parts={
            "unchanged": """
                jetstream_exporter_last_success_timestamp_seconds
                == bool (jetstream_exporter_last_success_timestamp_seconds offset $age)
                and
                timestamp(jetstream_exporter_last_success_timestamp_seconds)
                - timestamp(jetstream_exporter_last_success_timestamp_seconds offset $age) > 60
            """
        },
        wait="2m",
        real_time=True,
        keep="5m",
        summary="JetStream metrics are out of date",
        description=(
            "No collection of the exporter (job {job}{{ with $labels.shard }}, shard {{ . }}{{ end }})"
            "{{ with $labels.nats_cluster }} for cluster {{ . }}{{ end }} has succeeded for more than "
            "2 minutes. Alerts that use these metrics evaluate old values."
        ),
    ),
)
