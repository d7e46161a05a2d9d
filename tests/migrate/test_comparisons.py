"""Comparisons with a number that found what has no series now: they would never be true again."""

import pytest

from jetstream_exporter.migrate.names import names
from jetstream_exporter.migrate.rewrite import rewrite

KNOWN = names()
WAITING = "(jetstream_consumer_waiting_pulls or jetstream_consumer_push_bound * 0)"
GATEWAYS = (
    '(sum without (remote_cluster, direction) (nats_gateway_connections{direction="outbound"}) or '
    "(nats_server_cores unless on (nats_cluster, server) nats_gateway_configured) * 0)"
)
# Theirs, the comparison that is named, and what to write.
MISSED = [
    ("nats_core_gateway_count == 0", "== 0", GATEWAYS),
    ("sum(nats_core_gateway_count) == 0", "== 0", GATEWAYS),
    ("sum by (server_cluster) (nats_core_gateway_count) < 2", "< 2", GATEWAYS),
    ("2 > sum(nats_core_gateway_count)", "< 2", GATEWAYS),
    ("max_over_time(nats_consumer_num_waiting[5m]) <= 0", "<= 0", WAITING),
    ("(sum by (stream_name) ((jetstream_consumer_num_waiting))) == bool 0", "== 0", WAITING),
    ("rate(nats_core_gateway_recv_bytes[5m]) == 0", "== 0", "nats_gateway_connections * 0"),
    ("nats_core_jetstream_cluster_raft_group_leader != 1", "!= 1", "jetstream_server_enabled * 0"),
    ("sum(nats_core_jetstream_cluster_raft_group_leader) != 1", "!= 1", "jetstream_server_enabled"),
    ("gnatsd_varz_remotes < 2", "< 2", "(nats_server_routes == 0) * 0"),
    ("jetstream_stream_limit_bytes == -1", "== -1", "or jetstream_stream_replicas * 0 - 1)"),
    ("min(jetstream_stream_limit_messages) < 0", "< 0", "or jetstream_stream_replicas * 0 - 1)"),
    ("jetstream_account_max_storage == -1", "== -1", "unless jetstream_account_store_limit_bytes"),
    ("gnatsd_accstatz_current_connections == 0", "== 0", "unless nats_account_connections"),
    (
        "sum by (account) (nats_core_account_conn_count) < 1",
        "< 1",
        "unless nats_account_connections",
    ),
    ("nats_core_go_memlimit_bytes == 0", "== 0", "nats_server_cores * 0"),
    ("nats_core_account_jetstream_stream_count == 0", "== 0", "unless"),
]
FOUND = [
    "nats_core_gateway_count > 0",
    "sum(nats_core_gateway_count) >= 2",
    "2 < sum(nats_core_gateway_count)",
    "count(nats_core_jetstream_cluster_raft_group_leader == 1) != 1",
    "nats_core_jetstream_cluster_raft_group_leader == 1",
    "sum by (cluster_name) (nats_core_jetstream_cluster_raft_group_leader) > 1",
    "jetstream_stream_total_bytes / (jetstream_stream_limit_bytes > 0) > 0.8",
    "jetstream_stream_limit_bytes > 1e9",
    "gnatsd_varz_mem == 0",
    "gnatsd_varz_mem > 0 unless nats_core_gateway_count",
    "gnatsd_accstatz_current_connections > 100",
]


@pytest.mark.parametrize(("text", "comparison", "write"), MISSED, ids=[text for text, *_ in MISSED])
def test_a_comparison_that_would_never_be_true_says_what_it_found_and_what_to_write(
    text: str, comparison: str, write: str
) -> None:
    found = rewrite(text, KNOWN)
    assert found.new == text
    (reason,) = found.unresolved
    assert f"{comparison} " in reason
    assert write in reason


def test_the_sentence_names_the_old_value_and_what_is_absent() -> None:
    (reason,) = rewrite("sum(nats_consumer_num_waiting) == 0", KNOWN).unresolved
    assert reason == (
        "nats_consumer_num_waiting was 0 where jetstream_consumer_waiting_pulls has no series now, "
        f"so == 0 would never be true there; write {WAITING} in place of it, with its filters"
    )
    (reason,) = rewrite("gnatsd_accstatz_current_connections == 0", KNOWN).unresolved
    assert reason == (
        "gnatsd_accstatz_current_connections was 0 where nats_account_connections has no series now, "
        "so == 0 would never be true there; find these with unless nats_account_connections"
    )


NUMBERS = {
    "gnatsd_varz_mem > $threshold": "nats_server_memory_bytes > $threshold",
    "$threshold < gnatsd_varz_mem": "$threshold < nats_server_memory_bytes",
    "gnatsd_varz_mem > ${limit:raw} * 1e6": "nats_server_memory_bytes > ${limit:raw} * 1000000",
    "gnatsd_varz_jetstream_stats_memory * [[factor]]": (
        'jetstream_server_store_used_bytes{store="memory"} * [[factor]]'
    ),
    "sum by (server_id) (gnatsd_varz_mem) / ($a + $b) > bool $c": (
        "sum by (nats_cluster, server) (nats_server_memory_bytes) / ($a + $b) > bool $c"
    ),
}


@pytest.mark.parametrize(("old", "new"), NUMBERS.items())
def test_a_variable_that_may_be_a_number_is_matched_with_nothing(old: str, new: str) -> None:
    found = rewrite(old, KNOWN)
    assert found.unresolved == ()
    assert found.new == new


def test_a_variable_that_is_matched_on_labels_is_a_series_of_somebody() -> None:
    for words in ("on (server_id)", "ignoring (env)"):
        (reason,) = rewrite(f"gnatsd_varz_mem * {words} $series", KNOWN).unresolved
        assert "with a series of another exporter" in reason


@pytest.mark.parametrize("text", FOUND)
def test_a_comparison_that_finds_the_same_is_rewritten(text: str) -> None:
    found = rewrite(text, KNOWN)
    assert found.unresolved == ()
    assert found.changed
