"""Dashboards made for the purpose: every name of theirs, in every place where Grafana has an expression."""

import json
from pathlib import Path
from typing import Any

import pytest

from jetstream_exporter.migrate import pne, surveyor
from jetstream_exporter.migrate.command import main
from jetstream_exporter.migrate.names import names

Json = dict[str, Any]
KNOWN = sorted(names().known)
# A name for each pattern of those without a successor.
UNDERIVABLE = [
    "gnatsd_connz_in_bytes",
    "gnatsd_accountz_total_subs",
    "gnatsd_gatewayz_inbound_gateway_configured",
    "gnatsd_gatewayz_outbound_gateway_conn_idle_seconds",
    "gnatsd_routez_server_id",
    "gnatsd_subsz_avg_fanout",
    "gnatsd_varz_http_req_stats_raftz",
    "gnatsd_varz_disk_io_wait_stats_waiters",
    "gnatsd_varz_in_client_msgs",
    "gnatsd_varz_server_name",
    "gnatsd_varz_jetstream_meta_snapshot_last_duration",
    "gnatsd_varz_jetstream_stats_accounts",
    "gnatsd_varz_jetstream_stats_api_level",
    "jetstream_server_total_messages",
    "gnatsd_varz_jetstream_config_sync_interval",
    "gnatsd_varz_max_payload",
    "gnatsd_varz_unheard_of",
    "nats_up",
    "nats_survey_duration_seconds_sum",
    "nats_latency_total_duration_sum",
    "nats_core_gatewayz_inbound_gateway_conn_uptime_seconds",
    "nats_core_route_sent_bytes",
    "nats_core_rtt_nanoseconds",
    "nats_core_raftz_meta_applied",
    "nats_core_account_jetstream_tiered_storage_used",
    "nats_core_account_jetstream_enabled",
    "nats_core_account_client_msgs_sent",
    "nats_core_jetstream_accounts",
    "nats_core_jetstream_server_total_messages",
    "nats_core_jetstream_filestore_reserved_used_bytes",
    "nats_core_unheard_of",
    "nats_jetstream_acknowledgement_duration_sum",
    "nats_jetstream_total_advisories",
    "nats_jetstream_restore_duration",
]


def panel(number: int, *exprs: str, **more: Any) -> Json:
    targets = [
        {"refId": chr(65 + i), "expr": expr, "legendFormat": "{{ stream_name }} on {{server_id}}"}
        for i, expr in enumerate(exprs)
    ]
    return {
        "id": number,
        "title": f"Panel {number}",
        "type": "timeseries",
        "targets": targets,
        **more,
    }


def migrate(
    tmp_path: Path, board: Json, capsys: pytest.CaptureFixture[str]
) -> tuple[int, Json, Json]:
    """Exit code, report, and the board that was written."""
    file = tmp_path / "board.json"
    file.write_text(json.dumps(board))
    code = main([str(file), "--output", str(tmp_path / "out"), "--format", "json"])
    written = json.loads((tmp_path / "out" / "board.json").read_text())
    return code, json.loads(capsys.readouterr().out), written


def test_a_board_with_every_name_of_theirs_is_ours_but_for_those_that_cannot_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    panels = [
        panel(i, name, f"sum(rate({name}[$__rate_interval]))") for i, name in enumerate(KNOWN)
    ]
    panels += [panel(1000 + i, name) for i, name in enumerate(UNDERIVABLE)]
    code, report, written = migrate(tmp_path, {"title": "All", "panels": panels}, capsys)

    (file,) = report["files"]
    unresolved = {f["old"] for f in file["findings"] if f["level"] == "unresolved"}
    assert unresolved == set(UNDERIVABLE)
    assert code == len(UNDERIVABLE)
    assert file["rewritten"] == 2 * len(KNOWN)
    assert file["expressions"] == 2 * len(KNOWN) + len(UNDERIVABLE)
    left = {name for name in KNOWN if f'"{name}"' in json.dumps(written)}
    assert left == set()


def test_every_reason_for_a_missing_successor_was_met() -> None:
    known = names()
    met = {known.reason(name) for name in UNDERIVABLE}
    assert {each.reason for each in (*pne.MISSING, *surveyor.MISSING)} == met


def test_expressions_are_found_wherever_a_board_has_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = {
        "title": "Old and new shapes",
        "rows": [{"title": "of Grafana 4", "panels": [panel(1, "gnatsd_varz_mem")]}],
        "panels": [
            {"type": "row", "id": 2, "title": "closed", "panels": [panel(3, "nats_varz_mem")]},
            {"id": 4, "libraryPanel": {"uid": "x", "model": panel(5, "nats_core_mem_bytes")}},
        ],
        "__elements": {"x": {"kind": 1, "model": panel(6, "gnatsd_varz_cores")}},
        "annotations": {
            "list": [
                {
                    "name": "restarts",
                    "expr": "changes(gnatsd_varz_start[5m]) > 0",
                    "titleFormat": "{{server_id}}",
                }
            ]
        },
        "templating": {
            "list": [
                variable("server", "label_values(nats_server_total_streams, server_id)"),
                variable(
                    "stream",
                    {
                        "query": 'label_values(nats_stream_last_seq{account="$a"}, stream_name)',
                        "refId": "A",
                    },
                ),
                variable("place", "label_values(nats_stream_last_seq, server_id)"),
                variable(
                    "busy",
                    "query_result(nats_consumer_num_pending > 0)",
                    regex='/consumer_name="([^"]+)"/',
                ),
                variable("ds", "prometheus", type="datasource"),
                {
                    "type": "custom",
                    "name": "what",
                    "query": "Memory : nats_varz_mem, Big : topk(3\\, nats_varz_mem)",
                    "options": [{"text": "Memory", "value": "nats_varz_mem"}],
                    "current": {"text": "Memory", "value": "nats_varz_mem"},
                },
            ]
        },
    }
    code, report, written = migrate(tmp_path, board, capsys)

    assert code == 0
    assert report["files"][0]["expressions"] == report["files"][0]["rewritten"] == 11
    text = json.dumps(written)
    for old in ("gnatsd", "nats_varz", "nats_core", "nats_stream", "nats_consumer"):
        assert old not in text
    variables = {each["name"]: each for each in written["templating"]["list"]}
    assert variables["server"]["query"] == "label_values(jetstream_server_streams, server)"
    assert variables["stream"]["query"]["query"] == (
        'label_values(jetstream_stream_last_sequence{account="$a"}, stream)'
    )
    assert variables["place"]["query"] == "label_values(nats_server_info, server)"
    assert variables["busy"]["query"] == "query_result(jetstream_consumer_pending_messages > 0)"
    assert variables["busy"]["regex"] == '/consumer="([^"]+)"/'
    assert variables["ds"]["query"] == "prometheus"
    assert variables["what"]["query"] == (
        "Memory : nats_server_memory_bytes, Big : topk(3\\, nats_server_memory_bytes)"
    )
    assert variables["what"]["options"][0]["value"] == "nats_server_memory_bytes"
    assert written["annotations"]["list"][0]["titleFormat"] == "{{server}}"


def variable(name: str, query: Any, **more: Any) -> Json:
    return {"type": "query", "name": name, "query": query, **more}


def test_legends_links_and_columns_have_our_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {
        "excludeByName": {"server_id": True, "server_name": True, "Time": True},
        "renameByName": {"stream_name": "Stream"},
    }
    table = panel(
        1,
        "jetstream_stream_total_bytes",
        transformations=[{"id": "organize", "options": options}],
        fieldConfig={"overrides": [{"matcher": {"id": "byName", "options": "consumer_name"}}]},
        options={
            "links": ["/d/x?var-s=${__data.fields.stream_name}&var-l=${__field.labels.server_name}"]
        },
    )
    other = panel(
        2, "node_load1", transformations=[{"options": {"renameByName": {"stream_name": "x"}}}]
    )
    _, _, written = migrate(tmp_path, {"panels": [table, other]}, capsys)

    ours, theirs = written["panels"]
    assert ours["targets"][0]["legendFormat"] == "{{stream}} on "
    assert ours["transformations"][0]["options"]["excludeByName"] == {"server": True, "Time": True}
    assert ours["transformations"][0]["options"]["renameByName"] == {"stream": "Stream"}
    assert ours["fieldConfig"]["overrides"][0]["matcher"]["options"] == "consumer"
    assert ours["options"]["links"] == [
        "/d/x?var-s=${__data.fields.stream}&var-l=${__field.labels.server}"
    ]
    assert theirs == other


def test_a_query_of_another_data_source_is_named_and_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = panel(7, "nats_varz_mem")
    foreign["targets"][0]["datasource"] = {"type": "loki", "uid": "l"}
    code, report, written = migrate(
        tmp_path, {"panels": [foreign, panel(8, "nats_varz_mem")]}, capsys
    )

    assert code == 0
    note = report["files"][0]["findings"][0]
    assert (note["place"], note["message"]) == (
        'panel "Panel 7" (id 7), query A',
        "the query was skipped, because its data source is loki",
    )
    assert written["panels"][0] == foreign
    assert written["panels"][1]["targets"][0]["expr"] == "nats_server_memory_bytes"


def test_the_data_source_of_a_panel_is_that_of_its_queries_unless_they_have_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = {
        "panels": [panel(1, "nats_varz_mem", "nats_varz_mem", datasource={"type": "influxdb"})]
    }
    board["panels"][0]["targets"][1]["datasource"] = {"type": "prometheus", "uid": "${ds}"}
    board["templating"] = {"list": [variable("v", "label_values(nats_varz_mem, server_id)")]}
    board["templating"]["list"][0]["datasource"] = {"type": "loki"}
    _, report, written = migrate(tmp_path, board, capsys)

    first, second = written["panels"][0]["targets"]
    assert (first["expr"], second["expr"]) == ("nats_varz_mem", "nats_server_memory_bytes")
    assert written["templating"] == board["templating"]
    assert report["files"][0]["findings"][0]["message"].endswith("its data source is influxdb")


def test_the_place_of_a_finding_is_the_panel_and_the_query(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = {
        "panels": [{"type": "row", "panels": [panel(3, "gnatsd_varz_mem", "gnatsd_varz_mem +")]}]
    }
    code, report, _ = migrate(tmp_path, board, capsys)

    assert code == 1
    (found,) = report["files"][0]["findings"]
    assert found["place"] == 'panel "Panel 3" (id 3), query B'
    assert found["message"].startswith("it is not PromQL")
    assert found["old"] == "gnatsd_varz_mem +"


def test_a_board_without_a_name_of_theirs_stays_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = {"panels": [panel(1, "up")]}
    code, report, written = migrate(tmp_path, board, capsys)

    assert (code, written) == (0, board)
    assert (
        report["files"][0]["findings"][0]["message"]
        == "no query uses a name of prometheus-nats-exporter or nats-surveyor"
    )


def test_a_name_that_is_left_anywhere_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = panel(1, "nats_varz_mem", description="Shows nats_varz_mem of gnatsd_varz_cpu:rate5m")
    text["targets"][0]["metric"] = "nats_varz_mem"
    code, report, written = migrate(tmp_path, {"panels": [text]}, capsys)

    assert code == 0
    assert written["panels"][0]["targets"][0]["metric"] == "nats_server_memory_bytes"
    (note,) = report["files"][0]["findings"]
    assert note["message"] == "nats_varz_mem is still mentioned, outside of an expression"
    lines = (tmp_path / "out" / "board.json").read_text().splitlines()
    assert f"line {1 + next(i for i, t in enumerate(lines) if 'Shows' in t)} of" in note["place"]
    assert written["panels"][0]["description"] == text["description"]
