"""Rules: values that hide each other, and objects and metrics that are not exported."""

from rules.src.model import Alert

from jetstream_exporter.metrics.lean import CONDITIONS

ALERTS = (
    Alert(
        name="JetStreamExporterNameConflict",
        severity="critical",
        scope="cluster",
        board="jetstream-servers",
        comment=(
            "Either an exporter reports the conflict itself, or the series of two exporters "
            "show it at one time: two leaders of one meta group, or two processes under one "
            "server name. A restart or an election changes these series too, but for less time "
            "than `for`. Samples that are older than a scrape or two are ignored."
        ),
        expr="""
            max by ($cluster) (jetstream_exporter_name_conflicts) > 0
            or
            count by ($cluster) (
              group by ($server) (time() - timestamp(jetstream_meta_leader) < 90)
            ) > 1
            or
            max by ($cluster) (
              count by ($server) (
                group by ($server, server_id) (time() - timestamp(nats_server_info) < 90)
              )
            ) > 1
        """,
        wait="5m",
        keep="5m",
        summary="Two JetStream clusters or servers share a name",
        description=(
            "More than one cluster is named {nats_cluster}, or more than one server in it has "
            "the same name. Metrics of one hide those of the other, so that alerts can be "
            "missing or wrong."
        ),
    ),
    Alert(
        name="JetStreamExporterCardinalityLimitReached",
        severity="warning",
        scope="exporter",
        board="jetstream-exporter",
        expr="max by ($cluster, job, kind) (jetstream_exporter_objects_dropped) > 0",
        wait="10m",
        keep="5m",
        summary="Some JetStream objects are not exported",
        description=(
            "Job {job} does not export {value | humanize} objects of kind {kind} because its "
            "limit is reached. No alert can fire for these objects."
        ),
    ),
    Alert(
        name="JetStreamExporterShardMissing",
        severity="warning",
        scope="exporter",
        board="jetstream-exporter",
        comment=(
            "No Prometheus target requests some of the slices of a collection "
            "(/metrics?shard=0/8), or one of the exporters that share the accounts of a "
            "cluster (section shard of the configuration) is not scraped. Their streams and "
            "consumers are not monitored. If the totals differ, the other alert fires instead."
        ),
        expr="""
            max by (namespace, job) (jetstream_exporter_shards)
            - count by (namespace, job) (
              group by (namespace, job, shard) (jetstream_exporter_shard_info)
            ) > 0
            unless on (namespace, job)
            count by (namespace, job) (group by (namespace, job, total) (jetstream_exporter_shard_info)) > 1
        """,
        wait="10m",
        keep="5m",
        summary="Slices or shards of the JetStream metrics are not scraped",
        description=(
            "{value | humanize} of the slices or shards of job {job} are not scraped. No alert "
            "can fire for the streams and consumers in them."
        ),
    ),
    Alert(
        name="JetStreamExporterShardTotalsDisagree",
        severity="warning",
        scope="exporter",
        board="jetstream-exporter",
        comment=(
            "Slices or shards with different totals overlap, and some objects are in none of them."
        ),
        expr="""
            count by (namespace, job) (
              group by (namespace, job, total) (jetstream_exporter_shard_info)
            ) > 1
        """,
        wait="10m",
        keep="5m",
        summary="The slices or shards of the JetStream metrics have different totals",
        description=(
            "The slices or shards of job {job} have {value | humanize} different totals. Some "
            "streams and consumers are scraped twice, and others are not monitored."
        ),
    ),
)

FAMILIES = (
    Alert(
        name="JetStreamExporterFamilyMissing",
        severity="warning",
        scope="exporter",
        board="jetstream-exporter",
        comment=(
            "A metric family that existed an hour ago does not exist now, although there are "
            "no fewer objects that it describes: servers that answer, and streams and "
            "consumers with a leader. Each kind of object is counted by two families, because "
            "one of them may be the missing one. A source that fails is left to "
            "JetStreamExporterSourceFailing. A family that exists only while the metadata of an "
            "object sets it, or while messages wait for a consumer, may end at any time. The lean "
            "profile exports some families only while they have something to tell, and within an "
            "hour of changing to it none is missing. Sums over all accounts end where shards divide the accounts, so that within "
            "an hour of their introduction none is missing either. A family that fewer than half of the streams or "
            "consumers had may end too: the last mirror is promoted, or the last push consumer deleted."
        ),
        expr="""
            label_replace(
              group by ($cluster, namespace, job, family) (
                label_replace(
                  label_replace(
                    label_replace(
                      count by ($cluster, namespace, job, __name__) (
                        $families offset 1h
                      )
                      unless on ($cluster, namespace, job, __name__)
                      group by ($cluster, namespace, job, __name__) (
                        $families
                      ),
                      "kind", "$$1", "__name__", "jetstream_(stream|consumer)_.+"
                    )
                    >= on ($cluster, namespace, job, kind) group_left ()
                    (
                      0.5 * max by ($cluster, namespace, job, kind) (
                        label_replace(
                          count by ($cluster, namespace, job, __name__) ($objects offset 1h),
                          "kind", "$$1", "__name__", "jetstream_(stream|consumer)_.+"
                        )
                      )
                      or
                      label_replace(0 * count by ($cluster, namespace, job) ($led offset 1h), "kind", "stream", "", "")
                      or
                      label_replace(0 * count by ($cluster, namespace, job) ($led offset 1h), "kind", "consumer", "", "")
                      or
                      0 * count by ($cluster, namespace, job) ($led offset 1h)
                      or
                      0 * count by (namespace, job) ($led offset 1h)
                    ),
                    "family", "$$1", "__name__", "(.+)"
                  ),
                  "profile", "lean", "__name__", "$passing"
                )
                unless on (namespace, job, profile)
                group by (namespace, job, profile) (jetstream_exporter_profile_info)
                unless on (namespace, job) (
                  group by (namespace, job) (jetstream_exporter_profile_info{profile="lean"})
                  unless on (namespace, job)
                  group by (namespace, job) (jetstream_exporter_profile_info{profile="lean"} offset 1h)
                )
                unless on (namespace, job) (
                  group by (namespace, job) (jetstream_exporter_shard_info)
                  unless on (namespace, job)
                  group by (namespace, job) (jetstream_exporter_shard_info offset 1h)
                )
                and on (namespace, job) (
                  count by (namespace, job) ($led == 1)
                  >= on (namespace, job)
                  0.9 * count by (namespace, job) ($led offset 1h == 1)
                  or
                  count by (namespace, job) ($valued)
                  >= on (namespace, job)
                  0.9 * count by (namespace, job) ($valued offset 1h)
                )
                unless on (namespace, job)
                min by (namespace, job) ({__name__=~"jetstream_exporter_source(_part)?_up"}) == 0
              ) == 1,
              "exporter_namespace", "$$1", "namespace", "(.+)"
            )
        """,
        parts={
            "passing": "|".join(sorted(CONDITIONS)),
            "families": (
                '{__name__=~"nats_server_.+|jetstream_(server|meta|account|stream|consumer|exporter)_.+",'
                '__name__!~".+_(bucket|threshold|threshold_invalid_info|monitoring_enabled|labels)'
                '|jetstream_consumer_(oldest|pinned)_.+|nats_server_health_error_info"}'
            ),
            "objects": (
                '{__name__=~"jetstream_(stream|consumer)_has_leader|jetstream_stream_messages'
                '|jetstream_consumer_ack_pending_messages"}'
            ),
            "led": '{__name__=~"nats_server_up|jetstream_(stream|consumer)_has_leader"}',
            "valued": (
                '{__name__=~"nats_server_info|jetstream_stream_messages'
                '|jetstream_consumer_ack_pending_messages"}'
            ),
        },
        wait="10m",
        keep="10m",
        summary="A JetStream metric is no longer exported",
        description=(
            "Job {job} exported {family}{{ with $labels.nats_cluster }} for cluster {{ . }}{{ "
            "end }} 1 hour ago and does not export it now. Alerts that use this metric cannot "
            "fire."
        ),
    ),
)
