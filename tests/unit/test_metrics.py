"""The families: their names, types and labels are what rules and dashboards rely on."""

import re

import promql_parser
import pytest
from scripts.metrics_reference import REFERENCE, main, reference

from jetstream_exporter.metrics import TABLES, Family

FAMILIES = {family.name: (family, table) for table in TABLES for family in table.families}

V = ("nats_cluster", "server")
C = ("nats_cluster",)
A = ("nats_cluster", "account")
S = (*A, "stream")
K = (*S, "consumer")

# By label set: a prefix and what follows it. `_total` is on counters and nowhere else.
CONTRACT: list[tuple[tuple[str, ...], str, str]] = [
    (
        V,
        "nats_server_",
        "up start_timestamp_seconds config_load_timestamp_seconds cores cpu_cores_used memory_bytes connections "
        "max_connections subscriptions routes leafnodes accepted_connections_total slow_consumers_total "
        "stale_connections_total stalled_clients_total received_messages_total received_bytes_total "
        "sent_messages_total sent_bytes_total",
    ),
    ((*V, "server_id", "version", "domain"), "nats_server_", "info"),
    ((*V, "check"), "nats_server_", "healthy"),
    ((*V, "listener"), "nats_server_", "tls_certificate_expiry_timestamp_seconds"),
    (
        V,
        "jetstream_server_",
        "enabled complete ha_assets streams consumers stream_leaders consumer_leaders api_requests_total "
        "api_errors_total api_inflight_requests api_pending_requests",
    ),
    (
        (*V, "store"),
        "jetstream_server_store_",
        "used_bytes limit_bytes reserved_bytes ratio",
    ),
    ((*V, "leader"), "jetstream_server_", "meta_leader_info"),
    (
        C,
        "jetstream_meta_",
        "has_leader has_quorum peers peers_current quorum_needed fault_tolerance leader_changes_total "
        "snapshot_pending_entries snapshot_pending_bytes snapshot_duration_seconds snapshot_timestamp_seconds rescue",
    ),
    (
        V,
        "jetstream_meta_",
        "leader peer_current peer_offline peer_lag_entries peer_last_seen_seconds",
    ),
    (A, "jetstream_account_", "api_requests_total api_errors_total"),
    ((*A, "account_name"), "jetstream_account_", "info"),
    ((*A, "store"), "jetstream_account_store_", "used_bytes limit_bytes"),
    (
        S,
        "jetstream_stream_",
        "messages bytes first_sequence last_sequence subjects deleted_messages lost_messages consumers "
        "stored_messages_total first_message_timestamp_seconds last_message_timestamp_seconds max_bytes max_messages "
        "max_age_seconds max_consumers max_message_bytes max_messages_per_subject duplicate_window_seconds replicas "
        "created_timestamp_seconds storage_ratio messages_ratio has_leader has_quorum replicas_current quorum_needed "
        "fault_tolerance leader_changes_total ephemeral_consumers ephemeral_pending_messages "
        "ephemeral_pending_messages_max",
    ),
    ((*S, "retention", "storage", "discard", "kind", "role"), "jetstream_stream_", "info"),
    (
        (*S, "server"),
        "jetstream_stream_",
        "leader replica_current replica_offline replica_lag_entries replica_last_seen_seconds",
    ),
    ((*S, "source", "kind"), "jetstream_stream_source_", "lag_messages last_seen_seconds healthy"),
    (
        K,
        "jetstream_consumer_",
        "pending_messages ack_pending_messages redelivered_messages ack_floor_lag_messages delivered_sequence "
        "ack_floor_sequence deliveries_total acknowledged_deliveries_total waiting_pulls push_bound paused "
        "last_delivery_timestamp_seconds last_ack_timestamp_seconds max_ack_pending max_deliver ack_wait_seconds "
        "max_waiting created_timestamp_seconds has_leader has_quorum fault_tolerance leader_changes_total",
    ),
    (
        (*K, "ack_policy", "deliver_policy", "type", "durable", "filtered"),
        "jetstream_consumer_",
        "info",
    ),
    ((*K, "server"), "jetstream_consumer_", "leader"),
    (("version", "python_version"), "jetstream_exporter_", "build_info"),
    (
        ("source", "target"),
        "jetstream_exporter_source_",
        "up duration_seconds response_bytes",
    ),
    (
        (),
        "jetstream_exporter_",
        "collect_duration_seconds last_success_timestamp_seconds config_age_seconds",
    ),
    (("kind",), "jetstream_exporter_", "objects objects_dropped"),
]
PROMISED = {prefix + name: labels for labels, prefix, names in CONTRACT for name in names.split()}

# What prometheus-nats-exporter 0.20 and nats-surveyor 0.9 emit (their collectors' BuildFQName calls).
THEIRS = {
    f"jetstream_{kind}_{name}"
    for kind, names in {
        "server": "jetstream_disabled max_memory max_storage total_consumers total_message_bytes total_messages "
        "total_streams",
        "account": "max_memory max_storage memory_used storage_used",
        "stream": "consumer_count first_seq last_seq limit_bytes limit_messages mirror_active_duration_ns mirror_lag "
        "source_active_duration_ns source_lag subject_count total_bytes total_messages",
        "consumer": "ack_floor_consumer_seq ack_floor_stream_seq delivered_consumer_seq delivered_stream_seq "
        "last_ack_seconds last_delivery_seconds num_ack_pending num_pending num_redelivered num_waiting",
    }.items()
    for name in names.split()
}
THEIR_PREFIXES = (
    "gnatsd_",
    "nats_core_",
    "nats_stream_",
    "nats_consumer_",
    "nats_survey_",
    "nats_jetstream_",
    "nats_latency_",
)


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_every_promised_family_is_there_with_its_type_and_labels(name: str) -> None:
    family, table = FAMILIES[name]
    expected = "counter" if name.endswith("_total") else "gauge"
    assert (expected, PROMISED[name]) == (family.type, tuple(table.labels))


def test_no_name_is_given_twice() -> None:
    names = [family.name for table in TABLES for family in table.families]
    assert sorted(set(names)) == sorted(names)


def test_only_counters_end_in_total() -> None:
    wrong = [
        f.name for f, _ in FAMILIES.values() if (f.type == "counter") != f.name.endswith("_total")
    ]
    assert wrong == []


def test_names_and_labels_are_valid() -> None:
    for name, (_, table) in FAMILIES.items():
        assert re.fullmatch("(nats_server|jetstream)_[a-z0-9_]+", name)
        for label in table.labels:
            assert re.fullmatch("[a-z_]+", label)
            assert not label.startswith("__")


def test_no_family_has_the_name_of_another_exporter_s() -> None:
    """Both can live in one Prometheus."""
    assert set() == FAMILIES.keys() & THEIRS
    assert [name for name in FAMILIES if name.startswith(THEIR_PREFIXES) or name == "nats_up"] == []


@pytest.mark.parametrize("family", [f for f, _ in FAMILIES.values()], ids=lambda f: f.name)
def test_every_family_is_explained_with_a_query_that_parses(family: Family[object]) -> None:
    assert family.help.endswith(".")
    assert family.origin
    promql_parser.parse(family.query)
    used = re.findall(
        r"\b(?:nats|jetstream)_[a-z_]+\b", re.sub(r"\b(?:by|on) \([^)]*\)", "", family.query)
    )
    assert {family.name, f"{family.name}_bucket"} & set(used)
    known = {name.removesuffix("_bucket") for name in used} - {"nats_cluster"}
    assert set() == known - FAMILIES.keys()


def test_the_reference_is_what_the_tables_say() -> None:
    assert reference() == REFERENCE.read_text(encoding="utf-8"), "run scripts/metrics_reference.py"
    assert main(["--check"]) == 0


def test_the_reference_opens_with_the_four_numbers() -> None:
    opening = REFERENCE.read_text(encoding="utf-8").split("\n## ")[0]
    for name in (
        "jetstream_consumer_ack_pending_messages",
        "jetstream_consumer_redelivered_messages",
        "jetstream_consumer_ack_floor_lag_messages",
        "jetstream_stream_storage_ratio",
    ):
        assert name in opening
