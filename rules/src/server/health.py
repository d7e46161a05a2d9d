"""Rules: servers that are down, unhealthy or restarted, and clients that they disconnect."""

from rules.src.counters import difference
from rules.src.model import Alert
from rules.src.starts import JUST_STARTED

DOWN = (
    Alert(
        name="NatsServerDown",
        severity="critical",
        scope="server",
        board="jetstream-servers",
        comment=(
            "Two observers have to agree: the exporter cannot read the server, and the meta "
            "leader does not hear from it. If only the exporter cannot reach it, "
            "JetStreamExporterServerScrapeFailing fires. Without a meta leader there is no "
            "second observer."
        ),
        expr="""
            max by ($server) (nats_server_up) == 0
            and on ($server)
            max by ($server) (jetstream_meta_peer_current) == 0
        """,
        wait="1m",
        real_time=True,
        keep="5m",
        summary="A NATS server is down",
        description=(
            "Server {server} of cluster {nats_cluster} answers neither the exporter nor its "
            "meta leader. Streams whose only replica is on this server are unavailable, and "
            "other streams have lost a replica."
        ),
    ),
    Alert(
        name="JetStreamServerUnhealthy",
        severity="critical",
        scope="server",
        board="jetstream-servers",
        comment=(
            "Without a meta leader the health check of every server fails (503), and "
            "JetStreamMetaNoLeader fires once for all of them. A server that has just started "
            "reads its store first, so that it has 10 minutes more, unless it started more than "
            "once within the hour."
        ),
        expr="""
            max by ($server) (nats_server_healthy) == 0
            unless on ($server)
            max by ($server) (nats_server_up) == 0
            unless on ($server) (
              $just_started
            )
            unless on ($cluster)
            max by ($cluster) (jetstream_meta_has_leader) == 0
        """,
        parts={"just_started": JUST_STARTED},
        wait="5m",
        real_time=True,
        keep="5m",
        summary="A NATS server answers but fails its health check",
        description=(
            "Server {server} of cluster {nats_cluster} answers, but its health check fails. "
            "JetStream on this server is recovering, cannot write, or is disabled."
        ),
    ),
)

NOTICES = (
    Alert(
        name="NatsServerRestarted",
        severity="warning",
        scope="server",
        board="jetstream-servers",
        comment=(
            "Each restart gives the server another start time. A rolling restart restarts each "
            "server once, so that only a second restart of the same server counts. A server that "
            "crashes every few hours restarts more often than another server of its cluster."
        ),
        expr="""
            max by ($server) (changes(nats_server_start_timestamp_seconds[1h])) > $threshold
            or
            max by ($server) (changes(nats_server_start_timestamp_seconds[1d])) > 2
            and on ($server)
            max by ($server) (changes(nats_server_start_timestamp_seconds[1d]))
            > on ($cluster) group_left ()
            2 + min by ($cluster) (max by ($server) (changes(nats_server_start_timestamp_seconds[1d])))
        """,
        values={"threshold": "1"},
        keep="15m",
        summary="A NATS server restarted repeatedly",
        description=(
            'Server {server} of cluster {nats_cluster} restarted {value | printf "%.0f"} times '
            "within an hour or, unlike another server of its cluster, within a day. Each time, other servers lead its streams, and it has to catch up."
        ),
    ),
    Alert(
        name="NatsSlowConsumersDetected",
        severity="warning",
        scope="server",
        board="jetstream-servers",
        comment=(
            "The expression uses a difference, because increase() extrapolates (11 instead of "
            "10). If the server restarted, the counts before and after the restart are added."
        ),
        expr="""
            max by ($server) (
              $difference
            )
            > 0
        """,
        parts={"difference": difference("nats_server_slow_consumers_total", "10m")},
        keep="15m",
        summary="A NATS server disconnected slow clients",
        description=(
            "Server {server} of cluster {nats_cluster} disconnected about {value | printf "
            '"%.0f"} clients within 10 minutes because they did not read fast enough.'
        ),
    ),
    Alert(
        name="NatsServerConnectionsNearLimit",
        severity="warning",
        scope="server",
        board="jetstream-servers",
        expr="""
            max by ($server) (nats_server_connections)
            / on ($server)
            (max by ($server) (nats_server_max_connections) > 0)
            > $threshold
        """,
        values={"threshold": "0.90"},
        wait="5m",
        keep="10m",
        summary="A NATS server has nearly as many clients as it accepts",
        description=(
            "Server {server} of cluster {nats_cluster} has {value | humanizePercentage} of the "
            "connections that its max_connections allows. At the limit it refuses clients."
        ),
    ),
)
