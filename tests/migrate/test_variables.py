"""Variables of a dashboard ask for the same values of the same objects."""

import json
from pathlib import Path

import pytest

from jetstream_exporter.migrate.command import main

QUERIES = {
    'jetstream_stream_total_bytes{cluster=~"$x"}, server_name': 'nats_server_info{nats_cluster=~"$x"}, server',
    'jetstream_stream_total_bytes{cluster="a", env="p", namespace="n"}, server_id': (
        'nats_server_info{nats_cluster="a", env="p", namespace="n"}, server'
    ),
    'jetstream_server_total_streams{cluster="a"}, server_name': 'jetstream_server_streams{nats_cluster="a"}, server',
    'jetstream_server_total_streams{cluster=~"$x"}, domain': 'nats_server_info{nats_cluster=~"$x"}, domain',
    'jetstream_stream_total_bytes{cluster="it\'s {\\"a\\"}"}, server_name': (
        'nats_server_info{nats_cluster="it\'s {\\"a\\"}"}, server'
    ),
    'nats_stream_total_bytes{account=~"$a"}, stream_name': 'jetstream_stream_bytes{account=~"$a"}, stream',
    "gnatsd_varz_mem, instance": "nats_server_memory_bytes, server",
    "gnatsd_varz_mem, name": "nats_server_memory_bytes, name",
    "gnatsd_leafz_conn_in_bytes, name": "nats_leafnode_received_bytes_total, remote",
}


def migrated(
    folder: Path, query: str, capsys: pytest.CaptureFixture[str]
) -> tuple[str, list[tuple[str, str]]]:
    variable = {"type": "query", "name": "v", "query": f"label_values({query})"}
    board = {"panels": [], "templating": {"list": [variable]}}
    (folder / "a.json").write_text(json.dumps(board))
    main([str(folder / "a.json"), "--output", str(folder / "out"), "--format", "json"])
    (report,) = json.loads(capsys.readouterr().out)["files"]
    written = json.loads((folder / "out/a.json").read_text())
    said = [(each["level"], each["message"]) for each in report["findings"]]
    return written["templating"]["list"][0]["query"], said


@pytest.mark.parametrize(("old", "new"), QUERIES.items())
def test_a_variable_keeps_its_filters(
    old: str, new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query, said = migrated(tmp_path, old, capsys)
    assert query == f"label_values({new})"
    assert not [message for _, message in said if "filter" in message]


def test_a_filter_that_servers_have_not_is_dropped_and_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = 'jetstream_stream_total_bytes{cluster="a", stream_name=~"$s", $more}, server_name'
    query, said = migrated(tmp_path, old, capsys)
    assert query == 'label_values(nats_server_info{nats_cluster="a"}, server)'
    assert (
        "note",
        'the filter stream=~"$s", $more was dropped: servers are those of nats_server_info, which has no such label',
    ) in said


def test_a_variable_of_a_label_that_is_gone_is_unresolved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query, said = migrated(tmp_path, "jetstream_stream_total_bytes, stream_leader", capsys)
    assert query == "label_values(jetstream_stream_total_bytes, stream_leader)"
    assert ("unresolved", "the new series have no label stream_leader") in said
