"""Raft: who leads, who follows, and how many more servers may fail."""

from __future__ import annotations

from dashboards.src import shared, states
from dashboards.src.board import JOB, Board, Row, chosen, cluster
from dashboards.src.panels import BAD, OK, QUIET, WARN, Look, Query, Step, Word, right
from dashboards.src.promql import CLUSTER, CLUSTERS, CONSUMER, SERVERS, STREAM, Scope
from dashboards.src.shapes import stat, timeline, timeseries
from dashboards.src.tables import Column, Link, height_of, table

CHOSEN = (*CLUSTER, "account", "stream")
STREAMS = Scope(STREAM, CHOSEN)
CONSUMERS = Scope(CONSUMER, CHOSEN)
REPLICAS = Scope((*STREAM, "server"), CHOSEN)
STREAM_LINK = Link("Stream", "jetstream-stream", ("nats_cluster", "account", "stream"))

META_LEFT = CLUSTERS.now("jetstream_meta_fault_tolerance")
STREAM_LEFT = f"min({STREAMS.now('jetstream_stream_fault_tolerance')})"
CONSUMER_LEFT = f"min({CONSUMERS.now('jetstream_consumer_fault_tolerance')})"
CONSUMER_CHANGES = CONSUMERS.select("jetstream_consumer_leader_changes_total")
LEFT = (
    Query(f"min({META_LEFT})", "meta group"),
    Query(STREAM_LEFT, "least of streams"),
    Query(CONSUMER_LEFT, "least of consumers"),
)
# A server that knows no leader says so with an empty label.
VIEW = (
    f"label_replace({SERVERS.each(SERVERS.select('jetstream_server_meta_leader_info'), 'leader')}, "
    '"leader", "nobody", "leader", "^$")'
)

# The first that is true names the state.
MEMBER = (
    f"(({states.down()}) + 2) or ({SERVERS.now('jetstream_meta_leader')} * 4) "
    f"or ({SERVERS.now('jetstream_meta_peer_current')} + on ({SERVERS.by()}) "
    f"2 * {SERVERS.now('jetstream_meta_peer_offline')})"
)

META = Row(
    "Meta group",
    (
        stat(
            "Meta leader",
            "The server that leads the meta group, as reported by that server. Good: one name "
            "for each cluster. Bad: there is no leader, so streams and consumers cannot be "
            "created, changed or deleted.",
            (Query(SERVERS.now("jetstream_meta_leader"), "{{nats_cluster}} {{server}}"),),
            look=Look("short", base=QUIET),
            width=4,
            empty="no leader",
            names_only=True,
        ),
        stat(
            "Servers that may still fail",
            "Number of current members minus the majority: how many more servers may fail "
            "before the group is unavailable. Streams with one replica are not counted, "
            "because they fail with their server. Good: 1 or more. Bad: none (the next "
            "failure makes the group unavailable) or no quorum (it is unavailable).",
            LEFT,
            look=shared.TOLERANCE,
            width=12,
        ),
        stat(
            "Members",
            "Members of the meta group that are current, and all members. Good: both numbers "
            "are equal. Bad: fewer members are current, because a server is down or does not "
            "keep up.",
            (
                Query(f"sum({CLUSTERS.now('jetstream_meta_peers_current')})", "current"),
                Query(f"sum({CLUSTERS.now('jetstream_meta_peers')})", "members"),
                Query(f"sum({CLUSTERS.now('jetstream_meta_quorum_needed')})", "needed"),
            ),
            look=Look("short", base=QUIET, decimals=0),
            width=8,
        ),
        timeline(
            "Meta leader in each server's view",
            "The meta leader as reported by each server. Good: all servers report the same "
            "one. Bad: no leader, or two leaders at a time, for longer than an election of "
            "some seconds. The network has then split the cluster.",
            (Query(VIEW, "{{nats_cluster}} {{server}} follows {{leader}}"),),
            look=Look(words=[Word(1, 1, "follows", "blue")]),
            height=6,
        ),
        timeline(
            "Members as reported by the leader",
            "Whether each member leads or is current. Good: always current, and one leads. Bad: "
            "behind for minutes, or offline: the exporter asks the server and gets no answer, or "
            "the leader says so, which takes it some minutes after a crash.",
            (Query(MEMBER, "{{nats_cluster}} {{server}}"),),
            look=Look(
                words=[
                    Word(0, 0, "behind", WARN),
                    Word(1, 1, "current", OK),
                    Word(2, 3, "offline", BAD),
                    Word(4, 4, "leads", "blue"),
                ]
            ),
            height=6,
        ),
        timeseries(
            "Fault tolerance",
            "How many more servers may fail, over time. Good: 1 or more. Bad: at 0 the next "
            "failure makes the group unavailable, and below 0 it is unavailable.",
            LEFT,
            look=Look("short", [Step(0, WARN), Step(1, OK)], base=BAD, decimals=0),
            steps=True,
            points=120,
        ),
        timeseries(
            "Leader changes",
            "Changes of the leader that the exporter observed. Good: constant, with a step "
            "when a server restarts. Bad: repeated steps. Check CPU, disk latency and the "
            "network.",
            (
                Query(
                    f"sum({CLUSTERS.increase('jetstream_meta_leader_changes_total')})", "meta group"
                ),
                Query(
                    f"sum({STREAMS.increase('jetstream_stream_leader_changes_total')})", "streams"
                ),
                Query(
                    shared.total(f"increase({CONSUMER_CHANGES}[$__rate_interval])"),
                    "consumers",
                ),
            ),
            look=Look("short", minimum=0),
            points=40,
        ),
        timeseries(
            "Meta group log",
            "Raft entries of the meta group, and their bytes, that are not in a snapshot yet. "
            "Servers before 2.11.11 do not report them. Good: the number falls after each "
            "snapshot. Bad: it grows without end, so that a restart takes long.",
            (
                Query(
                    CLUSTERS.now("jetstream_meta_snapshot_pending_entries"),
                    "{{nats_cluster}} entries",
                ),
                Query(
                    CLUSTERS.now("jetstream_meta_snapshot_pending_bytes"), "{{nats_cluster}} bytes"
                ),
            ),
            look=Look("short", minimum=0),
            overrides=[right(".* bytes", "bytes")],
        ),
        timeseries(
            "Meta group snapshot",
            "Duration and age of the last snapshot of the meta group. Good: a snapshot takes "
            "well below a second. Bad: it takes many seconds. The meta leader answers no "
            "other requests during a snapshot.",
            (
                Query(
                    CLUSTERS.now("jetstream_meta_snapshot_duration_seconds"),
                    "{{nats_cluster}} duration",
                ),
                Query(
                    CLUSTERS.seconds_since("jetstream_meta_snapshot_timestamp_seconds"),
                    "{{nats_cluster}} age",
                ),
            ),
            look=Look("s", minimum=0),
            overrides=[right(".* age", "s")],
        ),
    ),
)

_CURRENT = REPLICAS.now("jetstream_stream_replica_current")
_OFFLINE = REPLICAS.now("jetstream_stream_replica_offline")
_LAG = REPLICAS.now("jetstream_stream_replica_lag_entries")
WORST = REPLICAS.top(
    50,
    f"(1 - {_CURRENT}) + on ({REPLICAS.by()}) {_OFFLINE} + on ({REPLICAS.by()}) {_LAG} / 1e9",
)

STREAM_REPLICAS = Row(
    "Replicas of streams",
    (
        timeseries(
            "Furthest behind",
            "Raft entries (not messages) by which the ten slowest replicas are behind their "
            "leader. Good: near 0, or falling after a restart. Bad: above "
            f"{shared.REPLICA_LAG:g} and not falling.",
            (
                Query(
                    REPLICAS.top_over_time(10, "jetstream_stream_replica_lag_entries"),
                    "{{nats_cluster}} {{account}} {{stream}} on {{server}}",
                ),
            ),
            look=Look("short", [Step(shared.REPLICA_LAG, WARN)], minimum=0),
            many=True,
            height=height_of(10),
        ),
        table(
            "Replicas, worst first",
            "The fifty replicas in the worst state, as reported by their leaders. The replica "
            "of the leader itself is not included. Good: current, with no lag. Bad: behind for "
            "minutes, or offline: its server does not answer, or its leader says so.",
            REPLICAS.labels,
            (
                Column(
                    "State", REPLICAS.only(f"({states.replica(REPLICAS)})", WORST), states.REPLICA
                ),
                Column(
                    f"Lag (warns at {shared.REPLICA_LAG:g})",
                    REPLICAS.only(_LAG, WORST),
                    Look("short", [Step(shared.REPLICA_LAG, WARN)], base=QUIET),
                ),
                Column(
                    "Last seen",
                    REPLICAS.only(
                        REPLICAS.now("jetstream_stream_replica_last_seen_seconds"), WORST
                    ),
                    shared.SECONDS,
                ),
            ),
            width=12,
            rows=10,
            link=STREAM_LINK,
            empty="no replicated stream",
        ),
    ),
)

_REQUESTS = SERVERS.rate("jetstream_server_api_requests_total")
_ERRORS = SERVERS.rate("jetstream_server_api_errors_total")

API = Row(
    "JetStream API",
    (
        timeseries(
            "API requests",
            "JetStream API requests per second of each server. Good: steady. Bad: a sudden "
            "rise. Clients that create consumers in a loop load the meta group.",
            (
                Query(_REQUESTS, "{{nats_cluster}} {{server}}"),
                Query(
                    SERVERS.now("jetstream_server_api_pending_requests"),
                    "{{nats_cluster}} {{server}} queued",
                ),
            ),
            look=Look("reqps", minimum=0),
            many=True,
        ),
        timeseries(
            "API errors",
            "Share of requests that are answered with an error. Rejected publishes are not "
            f"counted. Good: near 0. Bad: above {shared.percent(shared.API_ERRORS)} for "
            "minutes.",
            (
                Query(
                    f"{_ERRORS} / on ({SERVERS.by()}) clamp_min({_REQUESTS}, 1e-9)",
                    "{{nats_cluster}} {{server}}",
                ),
            ),
            look=Look("percentunit", [Step(shared.API_ERRORS, WARN)], minimum=0),
        ),
    ),
)

BOARD = Board(
    "jetstream-raft",
    "Raft",
    "Leaders, replicas and how many more servers may fail.",
    (
        JOB,
        cluster(several=True),
        chosen("account", "Account", "jetstream_stream_has_leader", "nats_cluster", several=True),
        chosen(
            "stream",
            "Stream",
            "jetstream_stream_has_leader",
            "nats_cluster",
            "account",
            several=True,
        ),
    ),
    (META, STREAM_REPLICAS, API),
)
