"""Lists of labels: `by` and `on` keep what tells as much as before, `without` and `ignoring` leave out no more."""

import pytest

from jetstream_exporter.migrate.names import names
from jetstream_exporter.migrate.rewrite import rewrite

KNOWN = names()
# Theirs, and ours. prometheus-nats-exporter has server_id on everything, and server_name only on what /jsz says.
WITHOUT = {
    "sum without (server_id) (gnatsd_varz_mem)": "sum without (server) (nats_server_memory_bytes)",
    "sum without (server_id) (jetstream_server_total_streams)": "sum without () (jetstream_server_streams)",
    "sum without (server_name) (jetstream_server_total_streams)": "sum without () (jetstream_server_streams)",
    "sum without (server_id, server_name) (jetstream_server_total_streams)": (
        "sum without (server) (jetstream_server_streams)"
    ),
    "sum without (server_name, server_id, cluster) (jetstream_server_total_streams)": (
        "sum without (server, nats_cluster) (jetstream_server_streams)"
    ),
    # The server's ID tells clusters apart, and our name of the server does not.
    "max without (cluster) (jetstream_server_total_streams)": "max without () (jetstream_server_streams)",
    "max without (peer) (nats_core_jetstream_cluster_raft_group_replica_peer_current)": (
        "max without (server) (jetstream_meta_peer_current)"
    ),
    "max without (instance, pod, job, env) (gnatsd_varz_mem)": (
        "max without (instance, pod, job, env) (nats_server_memory_bytes)"
    ),
    "max without (account_name) (jetstream_stream_total_bytes)": "max without () (jetstream_stream_bytes)",
    "max without (account, account_name, account_id) (jetstream_stream_total_bytes)": (
        "max without (account) (jetstream_stream_bytes)"
    ),
    "max without (stream_name) (nats_stream_total_bytes)": "max without (stream) (jetstream_stream_bytes)",
    # What only ours has, such as the ID beside the name, would keep apart what theirs added up.
    "count without (server_id, server_name) (nats_core_info)": (
        "count without (server, domain, server_id) (nats_server_info)"
    ),
    "max without (server_id) (gnatsd_varz_jetstream_stats_memory)": (
        'max without (server, store) (jetstream_server_store_used_bytes{store="memory"})'
    ),
    'max without (x) (label_replace(gnatsd_varz_mem, "x", "$1", "server_id", "(.*)"))': (
        'max without (x) (label_replace(nats_server_memory_bytes, "x", "$1", "server", "(.*)"))'
    ),
}
IGNORING = {
    "gnatsd_varz_mem / ignoring (server_id) gnatsd_varz_cores": (
        "nats_server_memory_bytes / ignoring (server) nats_server_cores"
    ),
    "gnatsd_varz_mem / ignoring (server_name, domain) jetstream_server_total_streams": (
        "nats_server_memory_bytes / ignoring () jetstream_server_streams"
    ),
    "gnatsd_varz_mem / ignoring (instance, pod) gnatsd_varz_cores": (
        "nats_server_memory_bytes / ignoring (instance, pod) nats_server_cores"
    ),
    "gnatsd_varz_mem / ignoring (env) gnatsd_varz_jetstream_config_max_memory": (
        'nats_server_memory_bytes / ignoring (env, store) jetstream_server_store_limit_bytes{store="memory"}'
    ),
    "gnatsd_varz_in_msgs / ignoring (env) gnatsd_varz_http_req_stats_varz": (
        "nats_server_received_messages_total / ignoring (env, path) "
        'nats_server_monitoring_requests_total{path="/varz"}'
    ),
}
# A name of a server is unique in its cluster only.
BY = {
    "sum by (instance) (gnatsd_varz_mem)": "sum by (nats_cluster, server) (nats_server_memory_bytes)",
    "sum by (pod, env) (gnatsd_varz_mem)": "sum by (nats_cluster, server, env) (nats_server_memory_bytes)",
    "sum by (server_name) (jetstream_server_total_streams)": (
        "sum by (nats_cluster, server) (jetstream_server_streams)"
    ),
    "sum by (cluster, server_name) (jetstream_server_total_streams)": (
        "sum by (nats_cluster, server) (jetstream_server_streams)"
    ),
    "max by (peer) (nats_core_jetstream_cluster_raft_group_replica_peer_current)": (
        "max by (nats_cluster, server) (jetstream_meta_peer_current)"
    ),
    "gnatsd_varz_mem / on (instance) gnatsd_varz_cores": (
        "nats_server_memory_bytes / on (nats_cluster, server) nats_server_cores"
    ),
    "jetstream_stream_last_seq - on (stream_name, instance) jetstream_stream_first_seq": (
        "jetstream_stream_last_sequence - on (nats_cluster, stream) jetstream_stream_first_sequence"
    ),
    "gnatsd_varz_mem * on (server_id) group_left (server_name) jetstream_server_total_streams": (
        "nats_server_memory_bytes * on (nats_cluster, server) group_left () jetstream_server_streams"
    ),
    "topk by (instance) (3, gnatsd_varz_mem)": "topk by (nats_cluster, server) (3, nats_server_memory_bytes)",
}
UNRESOLVED = {
    "sum without (server_id) (gnatsd_varz_mem or jetstream_server_total_streams)": (
        "it leaves out server_id of series of which some have server_name as well"
    ),
    "gnatsd_varz_mem * ignoring (job) node_load1": "with a series of another exporter",
    "sum by (server_id) (gnatsd_varz_mem) / sum by (server_id) (node_load1)": (
        "with a series of another exporter"
    ),
    "gnatsd_varz_mem / on (instance) jetstream_stream_total_bytes": (
        "a series of a server with a series of a whole cluster"
    ),
}


@pytest.mark.parametrize(("old", "new"), (WITHOUT | IGNORING | BY).items())
def test_a_list_of_labels_keeps_its_meaning(old: str, new: str) -> None:
    found = rewrite(old, KNOWN)
    assert found.unresolved == ()
    assert found.new == new


@pytest.mark.parametrize(("old", "why"), UNRESOLVED.items())
def test_a_list_that_would_match_or_add_up_something_else_is_told(old: str, why: str) -> None:
    (reason,) = rewrite(old, KNOWN).unresolved
    assert why in reason


def test_what_others_are_grouped_by_stays() -> None:
    for text in (
        "sum(gnatsd_varz_mem) / sum(node_load1)",
        "sum by (env) (gnatsd_varz_mem) / sum by (env) (node_load1)",
        "sum by (server_id) (gnatsd_varz_mem) or sum by (server_id) (node_load1)",
        "gnatsd_varz_mem * on (env) group_left (region) site_info",
    ):
        assert rewrite(text, KNOWN).unresolved == (), text
