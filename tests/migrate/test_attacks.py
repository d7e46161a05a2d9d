"""Expressions and files that crashed, hung or were changed silently: each is told, and costs nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from jetstream_exporter.migrate.command import main
from jetstream_exporter.migrate.names import names
from jetstream_exporter.migrate.rewrite import rewrite

KNOWN = names()
UNRESOLVED = [
    "a AND " * 600 + "gnatsd_varz_mem",
    "gnatsd_varz_mem @ ${__to:date:seconds}",
    "gnatsd_varz_mem @ $__to",
    "gnatsd_varz_mem @ 1e15",
    '{__name__=~"nats_.*\\\\z"}',
    '{__name__=~"gnatsd_(\\\\w+)+!"}',
    '{__name__=~"nats_[[:alpha:]]+"}',
    "gnatsd_connz_total offset 5m",
    "gnatsd_connz_total @ end()",
    "gnatsd_varz_mem + on (server_id) fill(0) gnatsd_varz_cores",
    "gnatsd_varz_mem + on (server_id) fill_left(0) gnatsd_varz_cores",
]
FOREIGN = [
    'up{job="x"} and {__name__=~"go_.*\\\\z"}',
    '{__name__=~"(\\\\w+)+!"}',
    '{__name__=~"x(?i)y"}',
]
REWRITTEN = {
    "gnatsd_varz_mem OFFSET $o": "nats_server_memory_bytes offset $o",
    "rate(gnatsd_varz_in_msgs[5m] OFFSET $o)": "rate(nats_server_received_messages_total[5m] offset $o)",
    'sum by (cluster) (label_replace(gnatsd_varz_mem, "cluster", "$1", "server_id", "(.*)-.*"))': (
        'sum by (cluster) (label_replace(nats_server_memory_bytes, "cluster", "$1", "server", "(.*)-.*"))'
    ),
    'sum by (name) (label_replace(gnatsd_varz_mem, "name", "$1", "server_id", "(.*)"))': (
        'sum by (name) (label_replace(nats_server_memory_bytes, "name", "$1", "server", "(.*)"))'
    ),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", UNRESOLVED, ids=lambda text: text[:50])
def test_an_expression_that_cannot_be_rewritten_says_so(text: str) -> None:
    found = rewrite(text, KNOWN)
    assert found.unresolved
    assert found.new == text


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", FOREIGN)
def test_a_pattern_of_others_is_left_alone(text: str) -> None:
    assert not rewrite(text, KNOWN).changed


@pytest.mark.parametrize(("old", "new"), REWRITTEN.items())
def test_an_expression_keeps_its_times_and_the_labels_that_it_makes(old: str, new: str) -> None:
    assert rewrite(old, KNOWN).new == new


def run(folder: Path, files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The report by the name of the file."""
    (folder / "in").mkdir()
    for name, text in files.items():
        (folder / "in" / name).write_text(text)
    main([str(folder / "in"), "--output", str(folder / "out"), "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    return {Path(each["path"]).name: each for each in report["files"]}


GOOD = '{"panels": [{"targets": [{"expr": "gnatsd_varz_mem"}]}]}'


@pytest.mark.parametrize(
    "bad",
    ["null", "3", "true", '{"panels":' + '["]",' * 500 + "1" + "]" * 500 + "}"],
    ids=["null", "number", "boolean", "deep"],
)
def test_a_file_that_is_no_board_costs_no_other_file(
    bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path, {"a.json": bad, "b.json": GOOD}, capsys)
    assert found["a.json"]["rewritten"] == 0
    assert found["b.json"]["rewritten"] == 1
    assert "nats_server_memory_bytes" in (tmp_path / "out/b.json").read_text()


def test_half_of_a_pair_of_surrogates_stays_an_escape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = '{"panels": [{"description": "\\\\ud800", "targets": [{"expr": "gnatsd_varz_mem"}]}]}'
    run(tmp_path, {"a.json": board}, capsys)
    assert (
        json.loads((tmp_path / "out/a.json").read_text())["panels"][0]["description"] == "\\ud800"
    )


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity"])
def test_a_number_that_json_has_not_is_told(
    number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = GOOD.replace("[{", f'[{{"max": {number}, ', 1)
    found = run(tmp_path, {"a.json": board}, capsys)
    assert found["a.json"]["unresolved"] == 1
    assert not (tmp_path / "out/a.json").exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gnatsd_varz_cpu, server_id", "nats_server_cpu_cores_used, server"),
        ("gnatsd_healthz_status, server_id", 'nats_server_healthy{check="full"}, server'),
        ("gnatsd_connz_total, server_id", "nats_server_connections, server"),
        (
            'jetstream_consumer_last_ack_seconds{stream_name=~"$s{2}"}, consumer_name',
            'jetstream_consumer_last_ack_timestamp_seconds{stream=~"$s{2}"}, consumer',
        ),
    ],
)
def test_a_variable_asks_for_a_series_and_for_no_expression(
    old: str, new: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variable = {"type": "query", "name": "v", "query": f"label_values({old})"}
    board = {"panels": [], "templating": {"list": [variable]}}
    run(tmp_path, {"a.json": json.dumps(board)}, capsys)
    written = json.loads((tmp_path / "out/a.json").read_text())
    assert written["templating"]["list"][0]["query"] == f"label_values({new})"


RULES = """
groups:
  - name: nats
    rules:
      - alert: NatsDown
        expr: up{job="pne"} == 0
      - alert: Stuck
        expr: jetstream_consumer_num_pending > 100
        annotations:
          summary: '{{ $labels.consumer_name }} on {{ $labels.server_name }} led by {{ $labels.stream_leader }}'
"""


def test_what_an_alert_says_of_its_target_and_of_labels_that_are_gone_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path, {"a.yaml": RULES}, capsys)
    said = {each["place"]: each["message"] for each in found["a.yaml"]["findings"]}
    notes = [each["message"] for each in found["a.yaml"]["findings"]]
    assert any("write nats_server_up" in note for note in notes), said
    assert any("names server_name" in note for note in notes)
    assert any("names stream_leader" in note for note in notes)
    assert not any("names consumer_name" in note for note in notes)


def test_yaml_in_braces_is_a_rule_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "{groups: [{name: a, rules: [{alert: A, expr: gnatsd_varz_mem > 1}]}]}\n"
    found = run(tmp_path, {"a.yaml": text}, capsys)
    assert found["a.yaml"]["rewritten"] == 1
    assert "nats_server_memory_bytes" in (tmp_path / "out/a.yaml").read_text()
