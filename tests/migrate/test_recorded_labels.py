"""A recording rule whose result has other labels now says which: somebody's dashboard or alert reads that series."""

import json
from pathlib import Path

import pytest

from jetstream_exporter.migrate.command import main
from jetstream_exporter.migrate.names import names
from jetstream_exporter.migrate.outcome import sentence
from jetstream_exporter.migrate.rewrite import rewrite

KNOWN = names()
TARGET = ", instance is now server, pod is now server"  # of a series that is not aggregated
CHANGED = {
    "sum by (server_id) (gnatsd_varz_mem)": "server_id is now nats_cluster and server",
    "sum by (stream_name, stream_leader) (jetstream_stream_total_bytes)": (
        "stream_name is now stream, stream_leader is gone"
    ),
    "gnatsd_varz_mem * 8": f"server_id is now server, cluster is now nats_cluster{TARGET}",
    "8 * gnatsd_varz_mem": f"server_id is now server, cluster is now nats_cluster{TARGET}",
    "$threshold < gnatsd_varz_mem": f"server_id is now server, cluster is now nats_cluster{TARGET}",
    "rate(nats_core_sent_bytes[5m])": (
        f"server_cluster is now nats_cluster, server_name is now server, server_id is now server{TARGET}"
    ),
    "sum without (server_id) (gnatsd_varz_mem)": f"cluster is now nats_cluster{TARGET}",
    "sum without (server_id, instance, pod) (gnatsd_varz_mem)": "cluster is now nats_cluster",
    "max by (instance, env) (gnatsd_varz_mem)": "instance is now nats_cluster and server",
    "gnatsd_varz_mem / on (server_id) gnatsd_varz_cores": "server_id is now nats_cluster and server",
    "gnatsd_varz_mem / ignoring (env, cluster) gnatsd_varz_cores": f"server_id is now server{TARGET}",
    "sum by (env) (up) * on (env) group_right sum by (env, server_id) (gnatsd_varz_mem)": (
        "server_id is now nats_cluster and server"
    ),
    "gnatsd_varz_mem and on (server_id) gnatsd_varz_cores": (
        f"server_id is now server, cluster is now nats_cluster{TARGET}"
    ),
    "max by (server_id) (gnatsd_varz_mem) or max by (stream_name) (jetstream_stream_total_bytes)": (
        "server_id is now nats_cluster and server, stream_name is now stream"
    ),
    'topk(3, sum by (x, server_id) (label_replace(gnatsd_varz_mem, "x", "$1", "server_id", "(.*)")))': (
        "server_id is now nats_cluster and server"
    ),
    'label_replace(gnatsd_varz_mem, "cluster", "$1", "server_id", "(.*)-.*")': (
        f"server_id is now server{TARGET}"
    ),
}
UNCHANGED = [
    "sum(rate(gnatsd_varz_in_msgs[5m]))",
    "sum by (account) (jetstream_account_storage_used)",
    "absent(gnatsd_varz_mem)",
    'sum by (x) (label_replace(gnatsd_varz_mem, "x", "$1", "server_id", "(.*)"))',
    'sum by (cluster) (label_replace(gnatsd_varz_mem, "cluster", "$1", "server_id", "(.*)"))',
]


@pytest.mark.parametrize(("text", "said"), CHANGED.items())
def test_the_labels_of_a_result_that_change_are_known(text: str, said: str) -> None:
    assert sentence(rewrite(text, KNOWN).labels) == said


@pytest.mark.parametrize("text", UNCHANGED)
def test_a_result_whose_labels_stay_has_none(text: str) -> None:
    found = rewrite(text, KNOWN)
    assert found.changed
    assert found.labels == {}


RULES = """
groups:
  - name: nats
    rules:
      - record: server:nats_mem:max
        expr: max by (server_id) (gnatsd_varz_mem)
      - record: nats_mem:sum
        expr: sum(gnatsd_varz_mem)
      - alert: Big
        expr: max by (server_id) (gnatsd_varz_mem) > 1e9
"""


def test_a_recording_rule_is_noted_with_the_labels_of_its_series_that_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_text(RULES)
    main([str(tmp_path / "a.yaml"), "--format", "json"])
    found = json.loads(capsys.readouterr().out)["files"][0]["findings"]
    notes = [(each["place"], each["message"]) for each in found if "labels" in each["message"]]
    assert notes == [
        (
            "rule server:nats_mem:max, line 5",
            "the labels of server:nats_mem:max change: server_id is now nats_cluster and server; "
            "change what reads it",
        )
    ]
