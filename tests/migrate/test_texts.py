"""Legends, options and texts name a label as the result of their own expression calls it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jetstream_exporter.migrate.command import main

Json = dict[str, Any]


def migrated(
    folder: Path, content: Json, capsys: pytest.CaptureFixture[str]
) -> tuple[Json, list[str]]:
    """The board or library panel, and the notes."""
    (folder / "a.json").write_text(json.dumps(content))
    main([str(folder / "a.json"), "--output", str(folder / "out"), "--format", "json"])
    (report,) = json.loads(capsys.readouterr().out)["files"]
    written = json.loads((folder / "out/a.json").read_text())
    return written, [f"{each['place']}: {each['message']}" for each in report["findings"]]


def panel(expr: str, legend: str = "", **more: Any) -> Json:
    target = {"refId": "A", "expr": expr, "legendFormat": legend}
    return {"panels": [{"id": 1, "title": "P", "targets": [target], **more}]}


LEAFS = "gnatsd_leafz_conn_in_bytes"
LEGENDS = {
    ("gnatsd_varz_mem", "{{name}} {{value}} {{server_id}}"): "{{name}} {{value}} {{server}}",
    (LEAFS, "{{name}} of {{account_id}}"): "{{remote}} of {{account}}",
    ("gnatsd_varz_version", "{{value}}"): "{{version}}",
    ('count_values("value", gnatsd_varz_mem)', "{{value}}"): "{{value}}",
    ("nats_stream_total_bytes", "{{stream_name}} {{stream}}"): "{{stream}} {{stream}}",
    ("sum(rate(nats_consumer_num_pending[5m])) by (stream_name)", "{{stream_name}}"): "{{stream}}",
    (
        "nats_consumer_num_pending > 0",
        "{{stream_name}}/{{consumer_name}}",
    ): "{{stream}}/{{consumer}}",
    ("sum by (server_name) (jetstream_server_total_streams)", "{{server_id}}"): "{{server}}",
    (
        'label_replace(sum by (server_name) (jetstream_server_total_streams), "server_id", "$1", "server_name", "(.)")',
        "{{server_id}}",
    ): "{{server_id}}",
    ("gnatsd_varz_mem", "{{server_name}}"): "{{server}}",
    ("sum(gnatsd_varz_mem)", "{{server_id}}"): "{{server_id}}",
    ("gnatsd_varz_mem", "{{instance}} {{job}}"): "{{server}} {{job}}",
    (
        "sum without (instance) (gnatsd_varz_mem)",
        "{{instance}} {{server_id}}",
    ): "{{instance}} {{server}}",
    ("sum by (instance) (gnatsd_varz_mem)", "{{ instance }}"): "{{server}}",
    (
        'label_replace(gnatsd_varz_mem, "cluster", "$1", "server_id", "(.*)-.*")',
        "{{cluster}}/{{server_id}}",
    ): "{{cluster}}/{{server}}",
    ("sum by (cluster) (jetstream_stream_total_bytes)", "{{cluster}}"): "{{nats_cluster}}",
}


@pytest.mark.parametrize(("given", "new"), LEGENDS.items(), ids=lambda each: str(each)[:60])
def test_a_legend_names_the_labels_of_the_result(
    given: tuple[str, str], new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board, notes = migrated(tmp_path, panel(*given), capsys)
    assert board["panels"][0]["targets"][0]["legendFormat"] == new
    assert not [note for note in notes if "legend" in note]


def test_a_legend_that_loses_a_label_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = panel(
        "jetstream_stream_total_bytes", "{{server_name}} {{stream_leader}} {{stream_name}} {{x}}"
    )
    board, notes = migrated(tmp_path, given, capsys)
    assert board["panels"][0]["targets"][0]["legendFormat"].strip() == "{{stream}} {{x}}"
    assert (
        'panel "P" (id 1), query A: the legend names server_name, stream_leader, which the new series have not'
        in notes
    )


def test_a_label_that_theirs_had_on_every_server_is_gone_from_what_a_cluster_has_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = panel("nats_core_jetstream_meta_snapshot_pending_bytes", "{{server_name}}")
    board, notes = migrated(tmp_path, given, capsys)
    assert board["panels"][0]["targets"][0]["legendFormat"] == ""
    assert [note for note in notes if "the legend names server_name, which the new" in note]


def test_the_address_of_a_server_s_exporter_is_gone_from_streams(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = panel("jetstream_stream_total_bytes", "{{stream_name}} {{instance}}")
    board, notes = migrated(tmp_path, given, capsys)
    assert board["panels"][0]["targets"][0]["legendFormat"] == "{{stream}} "
    assert [note for note in notes if "the legend names instance, which the new" in note]


OPTIONS = {
    "options": {
        "textMode": "name",
        "displayLabels": ["name", "value"],
        "links": ["/d/x?a=${__field.labels.name}&b=${__field.labels.value}"],
    },
    "transformations": [{"id": "organize", "options": {"renameByName": {"name": "Name"}}}],
    "fieldConfig": {"overrides": [{"matcher": {"id": "byName", "options": "name"}}]},
}


def test_name_is_a_word_like_others_where_no_leaf_node_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board, _ = migrated(tmp_path, panel("gnatsd_varz_mem", **OPTIONS), capsys)
    assert {key: board["panels"][0][key] for key in OPTIONS} == OPTIONS


def test_name_is_the_remote_server_where_leaf_nodes_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = migrated(tmp_path, panel(LEAFS, **OPTIONS), capsys)[0]["panels"]
    assert shown["transformations"][0]["options"] == {"renameByName": {"remote": "Name"}}
    assert shown["fieldConfig"]["overrides"][0]["matcher"]["options"] == "remote"
    assert shown["options"]["textMode"] == "name"
    assert shown["options"]["displayLabels"] == ["name", "value"]
    assert shown["options"]["links"] == [
        "/d/x?a=${__field.labels.remote}&b=${__field.labels.value}"
    ]


def test_a_panel_with_leaf_nodes_changes_no_other_panel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = panel(LEAFS, **OPTIONS)["panels"] + panel("gnatsd_varz_mem", **OPTIONS)["panels"]
    row = {"type": "row", "id": 9, "targets": [], "panels": both, **OPTIONS}
    board, _ = migrated(tmp_path, {"panels": [row]}, capsys)
    assert board["panels"][0]["options"] == OPTIONS["options"]
    assert board["panels"][0]["panels"][1]["options"] == OPTIONS["options"]


@pytest.mark.parametrize(
    ("expr", "old", "new"),
    [
        ("gnatsd_varz_mem", '/name="(.*)"/', '/name="(.*)"/'),
        (LEAFS, '/name="(.*)"/', '/remote="(.*)"/'),
        ("gnatsd_varz_mem", '/server_id="(.*)"/', '/server="(.*)"/'),
    ],
)
def test_the_pattern_of_a_variable_names_the_labels_of_the_result(
    expr: str, old: str, new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variable = {"type": "query", "name": "v", "query": f"query_result({expr})", "regex": old}
    board, _ = migrated(tmp_path, {"panels": [], "templating": {"list": [variable]}}, capsys)
    assert board["templating"]["list"][0]["regex"] == new


def rules(folder: Path, content: Json, capsys: pytest.CaptureFixture[str]) -> tuple[Json, str]:
    (folder / "a.yaml").write_text(yaml.safe_dump(content, width=1000))
    main([str(folder / "a.yaml"), "--output", str(folder / "out"), "--format", "json"])
    (report,) = json.loads(capsys.readouterr().out)["files"]
    written = yaml.safe_load((folder / "out/a.yaml").read_text())
    (rule,) = written["groups"][0]["rules"]
    return rule, " | ".join(each["message"] for each in report["findings"])


def test_the_text_of_an_alert_names_the_labels_of_the_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = '{{ $labels.name }} {{ index $labels "server_id" }} {{ .Labels.cluster }}'
    rule = {"alert": "A", "expr": "gnatsd_varz_mem > 1", "annotations": {"summary": summary}}
    written, said = rules(tmp_path, {"groups": [{"name": "g", "rules": [rule]}]}, capsys)
    assert written["annotations"]["summary"] == (
        '{{ $labels.name }} {{ index $labels "server" }} {{ .Labels.nats_cluster }}'
    )
    assert "the text names" not in said


def of_grafana(expr: str, summary: str) -> Json:
    data = [
        {"refId": "A", "model": {"refId": "A", "expr": expr, "legendFormat": "{{server_id}}"}},
        {"refId": "B", "datasourceUid": "__expr__", "model": {"type": "threshold"}},
    ]
    rule = {
        "uid": "x",
        "title": "T",
        "annotations": {"summary": summary},
        "labels": {"team": "{{ $labels.server_id }}"},
        "data": data,
    }
    return {"apiVersion": 1, "groups": [{"name": "g", "rules": [rule]}]}


def test_the_texts_of_an_alert_of_grafana_name_the_labels_of_its_queries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = (
        "{{ $labels.server_id }} {{ $values.B.Labels.server_id }} {{ $labels.grafana_folder }}"
    )
    written, _ = rules(tmp_path, of_grafana("gnatsd_varz_mem", summary), capsys)
    assert written["annotations"]["summary"] == (
        "{{ $labels.server }} {{ $values.B.Labels.server }} {{ $labels.grafana_folder }}"
    )
    assert written["labels"] == {"team": "{{ $labels.server }}"}
    assert written["data"][0]["model"]["legendFormat"] == "{{server}}"


def test_the_texts_of_an_alert_of_grafana_that_name_a_label_that_is_gone_are_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = of_grafana("jetstream_stream_total_bytes", "{{ $labels.stream_leader }}")
    _, said = rules(tmp_path, given, capsys)
    assert "the text names stream_leader, which the new series have not" in said
    assert "the text names server_id, which the new series have not" in said


def test_the_texts_of_an_alert_of_somebody_else_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = of_grafana("node_load1", "{{ $labels.server_id }}")
    written, _ = rules(tmp_path, given, capsys)
    assert written == given["groups"][0]["rules"][0]
