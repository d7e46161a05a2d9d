"""Rules: the stores of a server, and what streams reserve of them."""

from typing import Literal

from rules.src.model import Alert, Severity


def store_high(
    severity: Severity, store: Literal["file", "memory"], threshold: str, wait: str
) -> Alert:
    name, streams = {
        "file": ("JetStreamServerStorageHigh", "every stream"),
        "memory": ("JetStreamServerMemoryStoreHigh", "every memory stream"),
    }[store]
    return Alert(
        name=name,
        severity=severity,
        scope="server",
        board="jetstream-servers",
        expr=f'max by ($server) (jetstream_server_store_ratio{{store="{store}"}}) > $threshold',
        values={"threshold": threshold},
        wait=wait,
        keep="10m",
        summary=f"The {store} store of a NATS server is nearly full",
        description=(
            "Server {server} of cluster {nats_cluster} uses {value | humanizePercentage} of its "
            f"{store} store. When the store is full, {streams} on the server rejects new messages."
        ),
    )


ALERTS = (
    store_high("warning", "file", "0.80", wait="15m"),
    store_high("critical", "file", "0.90", wait="5m"),
    store_high("warning", "memory", "0.80", wait="15m"),
    store_high("critical", "memory", "0.90", wait="5m"),
    Alert(
        name="JetStreamServerStorageFillingUp",
        severity="warning",
        scope="server",
        board="jetstream-servers",
        comment=(
            "The conditions, in this order: the forecast exceeds the limit; more than half is "
            "used; there are five hours of history, so that a new server is not judged by its "
            "first hour; and the usage still grows, so that a finished bulk load does not "
            "count."
        ),
        expr="""
            max by ($server) (predict_linear(jetstream_server_store_used_bytes{store="file"}[$window], $horizon))
            > on ($server)
            (max by ($server) (jetstream_server_store_limit_bytes{store="file"}) > 0)
            and on ($server)
            max by ($server) (jetstream_server_store_ratio{store="file"}) > $threshold
            and on ($server)
            max by ($server) (count_over_time(jetstream_server_store_used_bytes{store="file"}[1h] offset 5h)) > 0
            and on ($server)
            max by ($server) (deriv(jetstream_server_store_used_bytes{store="file"}[1h])) > 0
        """,
        values={"threshold": "0.5", "window": "6h", "horizon": "24 * 3600"},
        wait="1h",
        keep="10m",
        summary="The file store of a NATS server is filling up",
        description=(
            "At the rate of the last 6 hours, server {server} of cluster {nats_cluster} will "
            "store {value | humanize1024}B in 24 hours, more than the limit of its file store."
        ),
    ),
    Alert(
        name="JetStreamServerStorageOvercommitted",
        severity="warning",
        scope="server",
        board="jetstream-servers",
        comment=(
            "A server rejects a stream that does not fit "
            "(JetStreamServerReservationsExhausted), so that only a lowered limit causes this."
        ),
        expr="""
            max by ($server) (jetstream_server_store_reserved_bytes{store="file"})
            > on ($server)
            (max by ($server) (jetstream_server_store_limit_bytes{store="file"}) > 0)
        """,
        wait="30m",
        keep="5m",
        summary="Streams reserve more than the file store of a NATS server may hold",
        description=(
            "The streams on server {server} of cluster {nats_cluster} reserve {value | "
            "humanize1024}B through max_bytes, more than the limit of its file store. The "
            "store can be full before the streams reach their own limits."
        ),
    ),
    Alert(
        name="JetStreamServerReservationsExhausted",
        severity="warning",
        scope="server",
        board="jetstream-servers",
        comment=(
            "A server rejects a stream whose max_bytes does not fit into what is not reserved "
            "yet (error 10047), even if little is stored. The rule therefore checks the "
            "reserved share and, above 75%, whether a stream as large as the largest one would "
            "still fit. Reservations above the limit, after the limit was lowered, are left to "
            "JetStreamServerStorageOvercommitted."
        ),
        expr="""
            (
              $reserved_share
              > 0.90
              or
              $reserved_share
              > 0.75
              and on ($server, store)
              (
                max by ($server, store) (jetstream_server_store_limit_bytes)
                - on ($server, store)
                max by ($server, store) (jetstream_server_store_reserved_bytes)
              )
              < on ($cluster, store) group_left ()
              max by ($cluster, store) (
                label_replace(
                  max by ($stream) (jetstream_stream_max_bytes)
                  * on ($stream) group_left (storage)
                  max by ($stream, storage) (jetstream_stream_info),
                  "store", "$$1", "storage", "(.+)"
                )
              )
            )
            unless on ($server, store)
            max by ($server, store) (jetstream_server_store_reserved_bytes)
            > on ($server, store)
            max by ($server, store) (jetstream_server_store_limit_bytes)
        """,
        parts={
            "reserved_share": """
                max by ($server, store) (jetstream_server_store_reserved_bytes)
                / on ($server, store)
                (max by ($server, store) (jetstream_server_store_limit_bytes) > 0)
            """
        },
        wait="15m",
        keep="10m",
        summary="Streams reserve nearly all of the store of a NATS server",
        description=(
            "Streams reserve {value | humanizePercentage} of the {store} store on server "
            "{server} of cluster {nats_cluster} through max_bytes. The server rejects a stream "
            "whose max_bytes exceeds the rest, even if little is stored."
        ),
    ),
    Alert(
        name="JetStreamMaxStoreExceedsVolume",
        severity="warning",
        scope="server",
        board="jetstream-servers",
        comment=(
            "The rule needs metrics of the kubelet and of kube-state-metrics, servers that are "
            "named like their pods (as the NATS chart does), and the exporter in the namespace "
            "of NATS: the series carry the pod of the exporter, so that the pod of the server "
            "is taken from the server's name. Without these series the alert cannot fire."
        ),
        expr="""
            max by ($server) (
              label_replace(
                max by ($server, namespace) (jetstream_server_store_limit_bytes{store="file"}),
                "pod", "$$1", "server", "(.+)"
              )
              > on (namespace, pod) group_left ()
              0.95 * max by (namespace, pod) (
                kube_pod_spec_volumes_persistentvolumeclaims_info
                * on (namespace, persistentvolumeclaim) group_left ()
                max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_capacity_bytes)
              )
            )
        """,
        wait="30m",
        keep="5m",
        summary="The store limit of a NATS server exceeds its volume",
        description=(
            "Server {server} of cluster {nats_cluster} may store {value | humanize1024}B, more "
            "than 95% of its volume. The disk can be full before the server reaches its own "
            "limit."
        ),
    ),
)
