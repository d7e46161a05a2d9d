"""Expressions of theirs, and what they become."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
from rules.src.config import Config
from rules.src.render import expression
from rules.src.tables import RULES
from tests.support import fast_yaml
from tests.support.boards import boards
from tests.support.each import each
from tests.support.promtool import promtool

from jetstream_exporter.migrate.names import names
from jetstream_exporter.migrate.rewrite import Rewritten, rewrite
from jetstream_exporter.migrate.tree import MOST_PARTS

KNOWN = names()

# Theirs, ours, and a part of what has to be said; empty where nothing changes but the name.
PAIRS: list[tuple[str, str, str]] = [
    # Names, units and constant labels.
    ("gnatsd_varz_mem", "nats_server_memory_bytes", ""),
    ("nats_varz_cpu > 80", "(nats_server_cpu_cores_used * 100) > 80", ""),
    ("gnatsd_healthz_status == 1", '(1 - nats_server_healthy{check="full"}) == 1', ""),
    ("nats_core_uptime", "time() - nats_server_start_timestamp_seconds", ""),
    (
        "nats_varz_jetstream_stats_storage / nats_varz_jetstream_config_max_storage > 0.8",
        'jetstream_server_store_used_bytes{store="file"} / jetstream_server_store_limit_bytes{store="file"} > 0.8',
        "",
    ),
    ('{__name__="gnatsd_varz_mem", env="prod"}', 'nats_server_memory_bytes{env="prod"}', ""),
    # Both have the same labels in theirs, and not in ours.
    (
        "gnatsd_varz_mem / gnatsd_varz_jetstream_config_max_memory",
        'nats_server_memory_bytes / ignoring (store) jetstream_server_store_limit_bytes{store="memory"}',
        "",
    ),
    # Leaders.
    (
        'nats_consumer_num_pending{is_consumer_leader="true", consumer_name="billing"} > 10',
        'jetstream_consumer_pending_messages{consumer="billing"} > 10',
        "is_consumer_leader was dropped",
    ),
    (
        'sum by (stream_name) (jetstream_stream_total_messages{is_stream_leader=~"$leader"})',
        "sum by (stream) (jetstream_stream_messages)",
        "is_stream_leader was dropped",
    ),
    (
        'jetstream_server_total_streams{is_meta_leader="true"}',
        "jetstream_server_streams and on (nats_cluster, server) jetstream_meta_leader",
        "",
    ),
    # Sums over replicas.
    (
        "sum(jetstream_stream_total_bytes) by (account, stream_name)",
        "sum by (account, stream) (jetstream_stream_bytes)",
        "sum() counted one series of jetstream_stream_total_bytes for each replica",
    ),
    # The value of a label is nobody's to change, whatever it looks like.
    (
        'sum by (stream_name) (nats_stream_total_bytes{account="sum (a)"})',
        'sum by (stream) (jetstream_stream_bytes{account="sum (a)"})',
        "",
    ),
    # Rates of gauges.
    (
        "rate(jetstream_stream_total_messages[5m])",
        "rate(jetstream_stream_stored_messages_total[5m])",
        "it was replaced by the counter jetstream_stream_stored_messages_total",
    ),
    (
        "rate(nats_consumer_num_pending[$__rate_interval])",
        "deriv(jetstream_consumer_pending_messages[$__rate_interval])",
        "nats_consumer_num_pending is a gauge",
    ),
    (
        "increase(nats_consumer_num_redelivered[1h])",
        "delta(jetstream_consumer_redelivered_messages[1h])",
        "is a gauge",
    ),
    (
        "delta(gnatsd_varz_in_msgs[5m])",
        "increase(nats_server_received_messages_total[5m])",
        "is a counter",
    ),
    ("irate(nats_core_sent_bytes[1m])", "irate(nats_server_sent_bytes_total[1m])", ""),
    # Windows over what is computed.
    ("max_over_time(nats_varz_cpu[1h])", "max_over_time(nats_server_cpu_cores_used[1h]) * 100", ""),
    ("changes(nats_varz_cpu[1h])", "changes(nats_server_cpu_cores_used[1h])", ""),
    (
        "max_over_time(gnatsd_healthz_status[10m] offset 1h)",
        '1 - min_over_time(nats_server_healthy{check="full"}[10m] offset 1h)',
        "",
    ),
    (
        "max_over_time(nats_consumer_last_ack_seconds[10m] offset 1h)",
        "max_over_time((time() - jetstream_consumer_last_ack_timestamp_seconds)[10m:30s] offset 1h)",
        "a subquery with a step of 30s",
    ),
    (
        "max_over_time(nats_consumer_last_ack_seconds[$__interval])",
        "max_over_time((time() - jetstream_consumer_last_ack_timestamp_seconds)[$__interval:])",
        "whose step is the evaluation interval",
    ),
    (
        "max_over_time(gnatsd_varz_mem[10m:30s])",
        "max_over_time(nats_server_memory_bytes[10m:30s])",
        "",
    ),
    (
        "jetstream_consumer_last_ack_seconds offset 5m",
        "time() - 300 - jetstream_consumer_last_ack_timestamp_seconds offset 5m",
        "",
    ),
    # Labels.
    (
        'sum by (server_id) (gnatsd_varz_connections{server_id=~"$server"})',
        'sum by (nats_cluster, server) (nats_server_connections{server=~"$server"})',
        "",
    ),
    (
        "max without (server_id, server_name, is_stream_leader) (jetstream_stream_total_bytes)",
        "max without () (jetstream_stream_bytes)",
        "was dropped from the grouping",
    ),
    (
        'sum by (instance) (gnatsd_varz_connections{job="nats", instance=~"$instance", env="prod"})',
        'sum by (nats_cluster, server) (nats_server_connections{server=~"$instance", env="prod"})',
        'job="nats" selects a scrape target of the other exporter',
    ),
    (
        "jetstream_stream_last_seq - on (server_id, stream_name) group_right "
        "jetstream_consumer_ack_floor_stream_seq",
        "jetstream_stream_last_sequence - on (nats_cluster, stream) group_right () "
        "jetstream_consumer_ack_floor_sequence",
        "",
    ),
    (
        "nats_core_mem_bytes * on (server_id) group_left (server_version) nats_core_info",
        "nats_server_memory_bytes * on (nats_cluster, server) group_left (version) nats_server_info",
        "",
    ),
    (
        'label_replace(nats_stream_total_bytes, "queue", "$1", "stream_name", "(.*)")',
        'label_replace(jetstream_stream_bytes, "queue", "$1", "stream", "(.*)")',
        "",
    ),
    ('gnatsd_varz_version{value=~"2[.]1.*"}', 'nats_server_info{version=~"2[.]1.*"}', ""),
    # Limits.
    (
        "jetstream_stream_total_bytes / (jetstream_stream_limit_bytes > 0)",
        "jetstream_stream_bytes / (jetstream_stream_max_bytes > 0)",
        "An unlimited value is absent",
    ),
    # Grafana's variables.
    (
        "topk($count, sum(rate(gnatsd_varz_in_bytes[[[window]]])) by ([[label]]))",
        "topk($count, sum by ([[label]]) (rate(nats_server_received_bytes_total[[[window]]])))",
        "",
    ),
    (
        'nats_core_mem_bytes{server_cluster=~"${cluster:regex}"}[${__range_s}s:$res]',
        'nats_server_memory_bytes{nats_cluster=~"${cluster:regex}"}[${__range_s}s:$res]',
        "",
    ),
    (
        "gnatsd_varz_mem{$filter} offset $shift",
        "nats_server_memory_bytes{$filter} offset $shift",
        "",
    ),
    # Quotes, escapes, comments.
    (
        "gnatsd_varz_mem{a='it\\'s \"x\"', b=`c\\d`}",
        'nats_server_memory_bytes{a="it\'s \\"x\\"", b="c\\\\d"}',
        "",
    ),
    ("gnatsd_varz_mem # of a server", "nats_server_memory_bytes", "comments"),
    ("-gnatsd_varz_mem ^ 2 ^ 3 - -1", "-nats_server_memory_bytes ^ 2 ^ 3 - -1", ""),
    (
        "gnatsd_varz_mem and on () vector(1) == bool 1e3",
        "nats_server_memory_bytes and on () vector(1) == bool 1000",
        "",
    ),
    ("absent(nats_core_cpu_percentage)", "absent(nats_server_cpu_cores_used * 100)", ""),
]

# Theirs, and why it has no successor.
HOPELESS = [
    ("rate(gnatsd_connz_in_bytes[5m])", "no series of single connections"),
    ("nats_latency_total_duration_bucket", "latencies of services are not measured"),
    ("gnatsd_varz_no_such_field", "the server's JSON field is not exported"),
    ("jetstream_stream_no_such", "neither prometheus-nats-exporter 0.20 nor nats-surveyor 0.9 has"),
    ('jetstream_stream_total_bytes{is_stream_leader="false"}', "values of followers"),
    ('jetstream_stream_total_bytes{is_stream_leader!="true"}', "values of followers"),
    ('jetstream_stream_total_bytes{server_name="nats-0"}', "has no such label"),
    ('jetstream_stream_total_bytes{stream_leader="nats-0"}', "has no such label"),
    ('jetstream_stream_total_bytes{stream_raft_group="S-R3F-x"}', "has no such label"),
    ('jetstream_stream_total_bytes{stream_meta_team="a"}', "labels.metadata"),
    ("gnatsd_varz_mem{server_id='http://nats-0:8222'}", "use its name"),
    ('{__name__=~"gnatsd_varz_.*"}', "selects metrics with a regular expression"),
    ("gnatsd_varz_${what}", "a variable is part of the metric's name"),
    ("jetstream_stream_limit_bytes == -1", "was -1 where jetstream_stream_max_bytes has no series"),
    ("gnatsd_varz_mem * on (pod) group_left (node) kube_pod_info", "a series of another exporter"),
    ("gnatsd_varz_mem and up", "on all labels with a series of another exporter"),
    ("gnatsd_varz_mem[", "it is not PromQL"),
    ("rate(gnatsd_varz_mem)", "it is not PromQL"),
    ("jetstream_consumer_last_ack_seconds @ end()", "an age at another time"),
    (f"{'(' * 300}gnatsd_varz_mem{')' * 300}", f"more than {MOST_PARTS} operators"),
    (f"gnatsd_varz_mem{' + 1' * 5000}", f"more than {MOST_PARTS} operators"),
]

# Of others, or ours already.
FOREIGN = [
    'node_cpu_seconds_total{instance="a", server_id="b"}',
    "jetstream_consumer_pending_messages",
    'rate(jetstream_consumer_ack_time_seconds_bucket{le="1"}[5m])',
    "sum by (server_id) (up)",
    '{job="loki"} |= `error`',
    "not ( promql",
]


def migrated(text: str) -> Rewritten:
    return rewrite(text, KNOWN)


@pytest.mark.parametrize(("old", "new", "said"), PAIRS, ids=[old for old, _, _ in PAIRS])
def test_an_expression_becomes_ours(old: str, new: str, said: str) -> None:
    found = migrated(old)

    assert found.unresolved == ()
    assert found.new == new
    assert said in " | ".join(found.notes)


@pytest.mark.parametrize(("old", "why"), HOPELESS, ids=[old[:60] for old, _ in HOPELESS])
def test_an_expression_without_a_successor_stays_and_says_why(old: str, why: str) -> None:
    found = migrated(old)

    assert found.new == old
    assert why in " | ".join(found.unresolved)
    assert found.names


@each("text", FOREIGN)
def test_what_is_not_theirs_stays_to_the_letter(text: str) -> None:
    found = migrated(text)

    assert (found.new, found.names, found.unresolved, found.notes) == (text, (), (), ())


def test_a_prefix_of_an_installation_is_known_where_it_is_told() -> None:
    assert migrated("mynats_varz_mem").names == ()
    told = rewrite("mynats_varz_mem + mynats_stream_total_bytes", names(("mynats",)))
    assert told.new == "nats_server_memory_bytes + jetstream_stream_bytes"


@each("name", sorted(KNOWN.known))
def test_every_name_that_the_table_has_becomes_ours_alone_and_over_a_window(name: str) -> None:
    for text in (name, f"max_over_time({name}[5m])", f"rate({name}[5m])", f"sum({name}) > 1"):
        found = migrated(text)
        assert found.unresolved == (), text
        assert name not in re.findall(r"\w+", found.new), found.new


@each("name", sorted(KNOWN.known))
def test_prometheus_takes_what_every_name_becomes(name: str) -> None:
    for text in (name, f"max_over_time({name}[5m] offset 1h)", f"count_over_time({name}[5m])"):
        promql_parser.parse(migrated(text).new)


def own_expressions() -> list[str]:
    """All of the project's, with Grafana's variables."""
    found = [expression(rule, Config()) for rule in RULES]
    texts = re.findall(r'"expr": ("(?:\\.|[^"\\])*")', json.dumps(boards()))
    return [*found, *(json.loads(text) for text in texts)]


def test_an_expression_is_written_as_it_was_read() -> None:
    """What is printed is the same tree to the parser. Each gets a series of theirs, so that it is printed at all."""
    checked = 0
    for text in own_expressions():
        if "__name__=~" in text:
            continue  # the pattern finds names of theirs as well
        plain = re.sub(r"\[\$__\w+\]", "[7m]", re.sub(r"#.*", "", text))
        plain = re.sub(r"\$\{?\w+\}?", "x", plain)
        found = migrated(f"({plain}\n) or on () gnatsd_varz_mem")
        assert found.unresolved == (), plain
        assert str(promql_parser.parse(found.new)) == str(
            promql_parser.parse(f"({plain}\n) or on () nats_server_memory_bytes")
        )
        checked += 1
    assert checked > 300


def test_prometheus_itself_takes_every_result(tmp_path: Path) -> None:
    """promtool, not the parser that made it."""
    texts = [old for old, _, _ in PAIRS]
    texts += [
        f(name)
        for name in KNOWN.known
        for f in (str, "rate({}[5m])".format, "max_over_time({}[5m])".format)
    ]
    results = [migrated(text).new for text in texts]
    rules = [
        {"record": f"r:{number}", "expr": re.sub(r"\[\$\w+\]|\[\[\[\w+\]\]\]", "[5m]", text)}
        for number, text in enumerate(results)
        if not re.search(r"\$count|\$filter|\[\$\{|\[\$\w+:", text)
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(fast_yaml.dump({"groups": [{"name": "all", "rules": rules}]}))

    promtool("check", "rules", file)
    assert len(rules) > 400
