"""Rules: The meta group: the Raft group of all servers that places streams and consumers."""

from rules.src.counters import difference
from rules.src.meta_members import ALERTS as MEMBERS
from rules.src.model import Alert, Group, RuleFile
from rules.src.starts import JUST_STARTED

META = Group(
    name="jetstream-meta",
    interval="30s",
    rules=(
        Alert(
            name="JetStreamMetaNoLeader",
            severity="critical",
            scope="cluster",
            board="jetstream-raft",
            comment="An election takes 4 to 9 seconds, so that it never lasts as long as `for`.",
            expr="max by ($cluster) (jetstream_meta_has_leader) == 0",
            wait="1m",
            real_time=True,
            keep="5m",
            summary="The JetStream cluster has no meta leader",
            description=(
                "No server of cluster {nats_cluster} leads the meta group. Streams and consumers "
                "cannot be created, changed or deleted. Streams that have lost their own quorum "
                "are unavailable."
            ),
        ),
        Alert(
            name="JetStreamMetaLeaderDisagreement",
            severity="critical",
            scope="cluster",
            board="jetstream-raft",
            comment=(
                'Servers that know no leader report the leader "" and are left to '
                "JetStreamMetaNoLeader. The servers are not read at one instant, so that one "
                "election can look like two leaders for one scrape. Samples that are older than "
                "`for` are ignored, because series that ended while Prometheus restarted stay "
                "visible for 5 minutes. If two servers lead at one time, two clusters share a "
                "name, and JetStreamExporterNameConflict fires."
            ),
            expr="""
                count by ($cluster) (
                  count by ($cluster, leader) (time() - timestamp(jetstream_server_meta_leader_info{leader!=""}) < 120)
                ) > 1
                unless on ($cluster)
                max by ($cluster) (jetstream_meta_has_leader) == 0
                unless on ($cluster)
                count by ($cluster) (group by ($server) (time() - timestamp(jetstream_meta_leader) < 90)) > 1
            """,
            wait="2m",
            real_time=True,
            keep="5m",
            summary="NATS servers report different meta leaders",
            description=(
                "The servers of cluster {nats_cluster} report {value | humanize} different meta "
                "leaders. The network has probably split the cluster."
            ),
        ),
        Alert(
            name="JetStreamMetaNoFaultTolerance",
            severity="warning",
            scope="cluster",
            board="jetstream-raft",
            comment=(
                "The alert is silent while NatsServerDown names the missing server, and while the "
                "quorum itself is lost. A server that has just started has 10 minutes more to catch up, "
                "unless it started more than once within the hour."
            ),
            expr="""
                (
                  max by ($cluster) (jetstream_meta_fault_tolerance) <= 0
                  and on ($cluster) max by ($cluster) (jetstream_meta_peers) > 1
                )
                unless on ($cluster) (
                  (
                    max by ($server) (nats_server_up) == 0
                    or
                    $just_started
                  )
                  and on ($server)
                  max by ($server) (jetstream_meta_peer_current) == 0
                )
                unless on ($cluster)
                max by ($cluster) (jetstream_meta_has_leader) == 0
            """,
            parts={"just_started": JUST_STARTED},
            wait="5m",
            real_time=True,
            keep="5m",
            summary="The JetStream meta group cannot lose another server",
            description=(
                "The meta group of cluster {nats_cluster} has only as many current servers as its "
                "quorum needs. If one more server fails, streams and consumers can no longer be "
                "created or changed."
            ),
        ),
        Alert(
            name="JetStreamMetaLeaderFlapping",
            severity="warning",
            scope="cluster",
            board="jetstream-raft",
            comment=(
                "A rolling restart of three servers causes one to three elections, and one of five "
                "up to five: each server that started within these 15 minutes is allowed one more. "
                "The expression "
                "uses a difference, because increase() extrapolates (3.1 instead of 3). If the "
                "exporter restarted, the counts before and after the restart are added."
            ),
            expr="""
                max by ($cluster) (
                  $difference
                )
                > $threshold
                unless on ($cluster)
                max by ($cluster) (
                  $difference
                )
                <= on ($cluster)
                $threshold + count by ($cluster) (max by ($server) (time() - nats_server_start_timestamp_seconds) < 900)
                unless on ($cluster)
                max by ($cluster) (jetstream_meta_has_leader) == 0
            """,
            values={"threshold": "3"},
            parts={"difference": difference("jetstream_meta_leader_changes_total", "15m")},
            keep="15m",
            summary="The JetStream meta leader changes often",
            description=(
                'Cluster {nats_cluster} elected a meta leader about {value | printf "%.0f"} times '
                "within 15 minutes."
            ),
        ),
        *MEMBERS,
    ),
)

FILE = RuleFile(
    subject="meta",
    comment=(
        "These rules are about the meta group: the Raft group of all servers with JetStream, which "
        "places streams and consumers."
    ),
    groups=(META,),
)
