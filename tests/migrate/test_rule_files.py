"""Rule files: the expressions become ours, and everything else stays to the letter."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from jetstream_exporter.migrate.command import main

RULES = """\
# What the platform team watches.
groups:
  - name: nats   # theirs
    rules:
      - alert: NatsMemory
        # The second comment.
        expr: gnatsd_varz_mem{job="nats"} > 1e9
        for: 5m
        labels: {severity: warning, queue: '{{ $labels.cluster }}'}
        annotations:
          summary: "Server {{ $labels.server_id }} uses {{ $value }}"
      - alert: Backlog
        expr: |
          sum by (stream_name, consumer_name) (
            nats_consumer_num_pending{is_consumer_leader="true"}   # of the leader
          ) > 1000
        annotations:
          description: >-
            Consumer {{ .Labels.consumer_name }} of
            {{ $labels.stream_name }} is behind.

      - record: job:nats_in:rate5m
        expr: 'sum(rate(gnatsd_varz_in_msgs{cluster="it''s"}[5m]))'
      - alert: Connections
        expr: "rate(gnatsd_connz_in_bytes[5m]) > 0"
      - alert: NotOurs
        expr: up{job="nats"} == 0
"""
MIGRATED = """\
# What the platform team watches.
groups:
  - name: nats   # theirs
    rules:
      - alert: NatsMemory
        # The second comment.
        expr: 'nats_server_memory_bytes > 1000000000'
        for: 5m
        labels: {severity: warning, queue: '{{ $labels.nats_cluster }}'}
        annotations:
          summary: "Server {{ $labels.server }} uses {{ $value }}"
      - alert: Backlog
        expr: 'sum by (stream, consumer) (jetstream_consumer_pending_messages) > 1000'
        annotations:
          description: 'Consumer {{ .Labels.consumer }} of {{ $labels.stream }} is behind.'

      - record: job:nats_in:rate5m
        expr: 'sum(rate(nats_server_received_messages_total{nats_cluster="it''s"}[5m]))'
      - alert: Connections
        expr: "rate(gnatsd_connz_in_bytes[5m]) > 0"
      - alert: NotOurs
        expr: up{job="nats"} == 0
"""


def migrate(tmp_path: Path, text: str, name: str = "rules.yaml") -> tuple[int, str]:
    file = tmp_path / name
    file.write_text(text)
    code = main([str(file), "--output", str(tmp_path / "out")])
    written = tmp_path / "out" / name
    return code, written.read_text() if written.exists() else ""


def test_a_file_stays_as_it_is_but_for_what_had_to_change(tmp_path: Path) -> None:
    assert migrate(tmp_path, RULES) == (1, MIGRATED)


def test_the_report_names_the_alert_and_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate(tmp_path, RULES)
    report = capsys.readouterr().out

    line = RULES.splitlines().index("      - alert: Connections") + 1
    assert f"unresolved: alert Connections, line {line}: gnatsd_connz_in_bytes: " in report
    assert report.endswith("1 unresolved in 1 file\n")


@pytest.mark.parametrize(
    ("kind", "wrap"),
    [
        ("PrometheusRule", lambda groups: {"kind": "PrometheusRule", "spec": {"groups": groups}}),
        ("several documents", lambda groups: {"groups": groups}),
    ],
)
def test_rules_are_found_in_what_operators_keep_them_in(
    tmp_path: Path, kind: str, wrap: Any
) -> None:
    groups = [{"name": "a", "rules": [{"alert": "A", "expr": "gnatsd_varz_mem > 1"}]}]
    code, text = migrate(tmp_path, f"{yaml.safe_dump(wrap(groups))}---\nkind: Other\n")

    assert code == 0, kind
    assert "nats_server_memory_bytes > 1" in text


def test_alert_rules_of_grafana_are_rules(tmp_path: Path) -> None:
    data = [{"refId": "A", "model": {"expr": "gnatsd_varz_mem", "refId": "A"}}]
    rule = {"uid": "x", "title": "Memory", "data": data, "annotations": {}}
    code, text = migrate(tmp_path, yaml.safe_dump({"apiVersion": 1, "groups": [{"rules": [rule]}]}))

    assert code == 0
    assert yaml.safe_load(text)["groups"][0]["rules"][0]["data"][0]["model"]["expr"] == (
        "nats_server_memory_bytes"
    )


def test_rules_in_json_are_json_afterwards(tmp_path: Path) -> None:
    code, text = migrate(
        tmp_path,
        '{"groups": [{"name": "a", "rules": [{"alert": "A", "expr": "gnatsd_varz_mem{a=\\"b\\"} > 1"}]}]}',
        "r.json",
    )
    assert code == 0
    assert text == (
        '{"groups": [{"name": "a", "rules": [{"alert": "A", "expr": "nats_server_memory_bytes{a=\\"b\\"} > 1"}]}]}'
    )


def test_text_beyond_ascii_moves_nothing(tmp_path: Path) -> None:
    text = "groups:\n- name: 'Zähler ✓ 🐇'\n  rules:\n  - {record: 'é', expr: gnatsd_varz_mem, labels: {a: '日本'}}\n"
    code, written = migrate(tmp_path, text)

    assert (code, written) == (0, text.replace("gnatsd_varz_mem", "'nats_server_memory_bytes'"))
