"""Raft: who leads, who follows, and how many more servers may fail."""

from __future__ import annotations

from dashboards.src import shared
from dashboards.src.board import JOB, Board, Row, chosen, cluster
from dashboards.src.panels import BAD, OK, QUIET, WARN, Look, Query, Step, Word, right
from dashboards.src.promql import CLUSTER, CLUSTERS, CONSUMER, SERVERS, STREAM, Scope
from dashboards.src.shapes import stat, timeline, timeseries
from dashboards.src.tables import Column, Link, table

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

META = Row(
    "Meta group",
    (
        stat(
            "Meta leader",
            "The server that leads the meta group, in its own word. Good: one name for each cluster. Bad: no "
            "leader; streams and consumers cannot be created, changed or placed.",
            (Query(SERVERS.now("jetstream_meta_leader"), "{{nats_cluster}} {{server}}"),),
            look=Look("short", base=QUIET),
            width=4,
            empty="no leader",
            names_only=True,
        ),
        stat(
            "Servers that may still fail",
            "Current members less the majority needed: how many more may fail before the group stops. Good: 1 or "
            "more. Bad: none, the next failure stops it; quorum lost, it stands. Unreplicated streams are not "
            "counted: they fail with their server.",
            LEFT,
            look=shared.TOLERANCE,
            width=12,
        ),
        stat(
            "Members",
            "Members of the meta group that are up to date, and all that belong to it. Good: equal. Bad: fewer "
            "current; a server is down or cannot keep up.",
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
            "Whom each server takes for the meta leader. Good: all name the same. Bad: nobody, or two names at "
            "one time, for longer than an election of seconds: the cluster is cut in parts.",
            (Query(VIEW, "{{nats_cluster}} {{server}} follows {{leader}}"),),
            look=Look(words=[Word(1, 1, "follows", "blue")]),
            height=6,
        ),
        timeline(
            "Members in the leader's word",
            "Whether each member (not the leader itself) is up to date. Good: current throughout. Bad: behind. "
            "After a crash a member turns behind in about ten seconds, and offline minutes later.",
            (
                Query(
                    f"{SERVERS.now('jetstream_meta_peer_current')} + on ({SERVERS.by()}) "
                    f"2 * {SERVERS.now('jetstream_meta_peer_offline')}",
                    "{{nats_cluster}} {{server}}",
                ),
            ),
            look=Look(
                words=[
                    Word(0, 0, "behind", WARN),
                    Word(1, 1, "current", OK),
                    Word(2, 3, "offline", BAD),
                ]
            ),
            height=6,
        ),
        timeseries(
            "Fault tolerance",
            "How many more servers may fail, over time. Good: at 1 and above. Bad: at 0 the next failure stops "
            "the group, below 0 it has stopped.",
            LEFT,
            look=Look("short", [Step(0, WARN), Step(1, OK)], base=BAD, decimals=0),
            steps=True,
            points=120,
        ),
        timeseries(
            "Leader changes",
            "Elections that this exporter saw end with another leader. Good: flat, with a step when a server is "
            "restarted. Bad: steps again and again; look at CPU, disk latency and the network.",
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
            "Raft entries, and their bytes, that are not in a snapshot of the meta group yet. Good: a saw-tooth. "
            "Bad: ever growing; a restart then takes long. Servers before 2.11.11 do not tell.",
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
            "How long the last snapshot of the meta group took, and how long ago it was. Good: a snapshot takes "
            "well below a second. Bad: many seconds; the meta leader answers nothing else meanwhile.",
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
            "Raft entries (not messages) that the ten worst replicas are behind their leader. Good: near 0, or "
            f"falling after a restart. Bad: above {shared.REPLICA_LAG:g} and not falling.",
            (
                Query(
                    REPLICAS.top_over_time(10, "jetstream_stream_replica_lag_entries"),
                    "{{nats_cluster}} {{account}} {{stream}} on {{server}}",
                ),
            ),
            look=Look("short", [Step(shared.REPLICA_LAG, WARN)], minimum=0),
            many=True,
            height=10,
        ),
        table(
            "Replicas, worst first",
            "The fifty replicas in the worst state, in the word of their leaders; a leader's own is not among "
            "them. Good: current, not offline, no lag. Bad: behind for minutes, or offline.",
            REPLICAS.labels,
            (
                Column("State", REPLICAS.only(_CURRENT, WORST), shared.CURRENT),
                Column("Offline", REPLICAS.only(_OFFLINE, WORST), shared.OFFLINE),
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
            height=10,
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
            "Requests to the JetStream API each server handles, a second. Good: steady. Bad: a sudden rise; "
            "clients that create consumers in a loop load the meta group.",
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
            "Share of requests answered with an error. Good: near 0. Bad: above "
            f"{shared.percent(shared.API_ERRORS)} for minutes. A refused publish is not among them.",
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
