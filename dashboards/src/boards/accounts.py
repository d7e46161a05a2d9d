"""Accounts: what one account uses of what it may."""

from __future__ import annotations

from dashboards.src import shared
from dashboards.src.board import JOB, Board, Row, chosen, cluster
from dashboards.src.panels import BAD, WARN, Look, Panel, Query, Step, dashed
from dashboards.src.promql import CLUSTER, STREAM, Scope, marked
from dashboards.src.shapes import stat, timeseries
from dashboards.src.tables import Column, Link, table

CHOSEN = (*CLUSTER, "account")
ITS = 'account="$account"'
IT = Scope(CHOSEN, CHOSEN, one=True)
STORES = Scope((*CHOSEN, "store"), CHOSEN, one=True)
TIERS = Scope((*CHOSEN, "tier"), CHOSEN, one=True)
TIER_STORES = Scope((*CHOSEN, "tier", "store"), CHOSEN, one=True)
STREAMS = Scope(STREAM, CHOSEN, one=True)
CLUSTERS = Scope(CLUSTER, CLUSTER, one=True)

USED = STORES.now("jetstream_account_store_used_bytes")
RESERVED = STORES.now("jetstream_account_store_reserved_bytes")
LIMIT = STORES.now("jetstream_account_store_limit_bytes")
ON = f"on ({STORES.by()})"
NEAR = Look("percentunit", [Step(shared.ACCOUNT_NEAR, WARN)], minimum=0)
FULL = Look(
    "percentunit", [Step(shared.ACCOUNT_WARN, WARN), Step(shared.ACCOUNT_BAD, BAD)], minimum=0
)
UNLIMITED = "unlimited, or not known"
WARNS = f"warns at {shared.percent(shared.ACCOUNT_WARN)}"
NEARLY = f"warns at {shared.percent(shared.ACCOUNT_NEAR)}"


def share(scope: Scope, used: str, limit: str) -> str:
    return f"{scope.now(used)} / on ({scope.by()}) ({scope.now(limit)} > 0)"


NOW = Row(
    "Limits",
    (
        stat(
            "Storage used",
            "Used bytes divided by the limit of the account, including replicas. Good: below "
            f"{shared.percent(shared.ACCOUNT_WARN)}. Bad: above "
            f"{shared.percent(shared.ACCOUNT_BAD)}. At the limit all streams of the account "
            "reject new messages.",
            (Query(f"{USED} / {ON} ({LIMIT} > 0)", f"{{{{store}}}}, {WARNS}"),),
            look=FULL,
            width=6,
            empty=UNLIMITED,
        ),
        stat(
            "Storage reserved",
            "Sum of the max_bytes of its streams, divided by the limit of the account. Only "
            "the accounts source reports this. Good: below "
            f"{shared.percent(shared.ACCOUNT_NEAR)}. Bad: above. A stream that does not fit "
            "cannot be created, even if little is stored.",
            (Query(f"{RESERVED} / {ON} ({LIMIT} > 0)", f"{{{{store}}}}, {NEARLY}"),),
            look=NEAR,
            width=6,
            empty=UNLIMITED,
        ),
        stat(
            "Streams",
            "Number of streams, divided by the maximum of the account. Only the accounts "
            f"source reports this. Good: below {shared.percent(shared.ACCOUNT_NEAR)}. Bad: "
            "above. At the limit no stream can be created.",
            (
                Query(
                    share(IT, "jetstream_account_streams", "jetstream_account_max_streams"), NEARLY
                ),
                Query(
                    share(
                        TIERS,
                        "jetstream_account_tier_streams",
                        "jetstream_account_tier_max_streams",
                    ),
                    f"{{{{tier}}}}, {NEARLY}",
                ),
            ),
            look=NEAR,
            width=6,
            empty=UNLIMITED,
        ),
        stat(
            "Consumers",
            "Number of consumers, divided by the maximum of the account. Only the accounts "
            "source reports this. The server applies the maximum to each stream. Good: below "
            f"{shared.percent(shared.ACCOUNT_NEAR)}. Bad: above, if most of the consumers "
            "belong to one stream.",
            (
                Query(
                    share(IT, "jetstream_account_consumers", "jetstream_account_max_consumers"),
                    NEARLY,
                ),
                Query(
                    share(
                        TIERS,
                        "jetstream_account_tier_consumers",
                        "jetstream_account_tier_max_consumers",
                    ),
                    f"{{{{tier}}}}, {NEARLY}",
                ),
            ),
            look=NEAR,
            width=6,
            empty=UNLIMITED,
        ),
    ),
)

STORE = Row(
    "Storage",
    (
        timeseries(
            "Against the account's limit",
            "Bytes that the account uses in all of the cluster, including replicas, bytes "
            "that its streams reserve, and its limit (dashed). Good: both are below the "
            "limit. Bad: near the limit.",
            (
                Query(USED, "{{store}} used"),
                Query(RESERVED, "{{store}} reserved"),
                Query(LIMIT, "{{store}} limit"),
            ),
            look=Look("bytes", minimum=0),
            overrides=[dashed(".* limit", pattern=True)],
        ),
        timeseries(
            "Used by tier, and the tier's limit",
            "The same for an account that is limited by the number of replicas of a stream "
            "(tiers). The dashed line is the limit. Good: below the limit. Bad: near the "
            "limit.",
            (
                Query(
                    TIER_STORES.now("jetstream_account_tier_store_used_bytes"),
                    "{{tier}} {{store}} used",
                ),
                Query(
                    TIER_STORES.now("jetstream_account_tier_store_reserved_bytes"),
                    "{{tier}} {{store}} reserved",
                ),
                Query(
                    TIER_STORES.now("jetstream_account_tier_store_limit_bytes"),
                    "{{tier}} {{store}} limit",
                ),
            ),
            look=Look("bytes", minimum=0),
            empty="no tiers",
            overrides=[dashed(".* limit", pattern=True)],
        ),
    ),
)

API = Row(
    "JetStream API",
    (
        timeseries(
            "Requests and errors",
            "JetStream API requests of the account per second, and those that were answered "
            "with an error. Each connect of an MQTT client causes one error. Good: few "
            "errors. Bad: a growing number of errors without new connections.",
            (
                Query(IT.rate("jetstream_account_api_requests_total"), "calls"),
                Query(IT.rate("jetstream_account_api_errors_total"), "errors"),
            ),
            look=Look("cps", minimum=0),
            width=24,
        ),
    ),
)

SERVERS = Scope((*CHOSEN, "server"), CHOSEN, one=True)


def clients(title: str, text: str, unit: str, *families: tuple[str, str]) -> Panel:
    """The rates of counters of all servers, or the sum of gauges."""
    return timeseries(
        title,
        text,
        tuple(
            Query(
                f"sum by ({IT.by()}) "
                f"({SERVERS.rate(name) if name.endswith('_total') else SERVERS.now(name)})",
                legend,
            )
            for name, legend in families
        ),
        look=Look(unit, minimum=0),
        width=6,
        empty="no clients, or not asked",
    )


CLIENTS = Row(
    "Clients",
    (
        clients(
            "Connections",
            "Clients and leaf nodes of the account on all servers. Good: as many as there are programs. Bad: growing "
            "without end, or near the limit of the account.",
            "short",
            ("nats_account_connections", "clients"),
            ("nats_account_leafnodes", "leaf nodes"),
        ),
        clients(
            "Subscriptions",
            "Subscriptions of the account on all servers, counted on each server that knows them. Good: constant. Bad: "
            "growing without end, because a program subscribes again and again.",
            "short",
            ("nats_account_subscriptions", "subscriptions"),
        ),
        clients(
            "Bytes",
            "Bytes per second of messages of the account. Those that pass from server to server count more than once. "
            "Good: as usual. Bad: a sudden change.",
            "Bps",
            ("nats_account_received_bytes_total", "received"),
            ("nats_account_sent_bytes_total", "sent"),
        ),
        clients(
            "Slow consumers",
            "Connections of the account per second that servers closed because they did not read fast enough. Good: 0. "
            "Bad: above 0, because these clients lose messages.",
            "cps",
            ("nats_account_slow_consumers_total", "closed"),
        ),
    ),
)

CONTENTS = Row(
    "Streams",
    (
        table(
            "Largest streams",
            "The fifty streams of the account with the most bytes in one replica, and their "
            "consumers. Good: the streams that you expect. Bad: an unknown stream, or "
            "hundreds of consumers for one stream.",
            STREAMS.labels,
            (
                Column(
                    "Bytes", STREAMS.top(50, STREAMS.now("jetstream_stream_bytes")), shared.BYTES
                ),
                Column("Reserves", STREAMS.now("jetstream_stream_max_bytes"), shared.BYTES),
                Column("Replicas", STREAMS.now("jetstream_stream_replicas"), shared.PLAIN),
                Column("Consumers", STREAMS.now("jetstream_stream_consumers"), shared.PLAIN),
            ),
            rows=10,
            link=Link("Stream", "jetstream-stream", STREAM),
            sort="Bytes",
        ),
    ),
)

BOARD = Board(
    "jetstream-accounts",
    "Accounts",
    "Storage, streams and consumers of one account, compared with its limits.",
    (
        JOB,
        cluster(several=False, metric="jetstream_account_info"),
        chosen("account", "Account", "jetstream_account_info", "nats_cluster", several=False),
    ),
    (NOW, STORE, CLIENTS, API, CONTENTS),
    Query(
        CLUSTERS.over("increase", "jetstream_meta_leader_changes_total", "2m"), "of the meta group"
    ),
    marked(ITS, 'account=""'),
)
