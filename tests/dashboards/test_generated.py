"""The committed JSON is what the generator makes, and its numbers are the rules' own."""

import json
import re
import subprocess
import sys

import pytest
from dashboards.src import __main__ as generator
from dashboards.src import thresholds
from dashboards.src.boards import BOARDS, shadow
from rules.src.config import Config
from rules.src.render import expression
from rules.src.shadow import FILES as SHADOWS
from rules.src.tables import alert
from tests.support import promql
from tests.support.boards import FOLDER, boards


def test_every_committed_board_is_byte_for_byte_what_the_generator_makes() -> None:
    made = {board.file: board.text().encode() for board in BOARDS}
    committed = {file.name: file.read_bytes() for file in FOLDER.glob("*.json")}
    assert {name for name in made | committed if made.get(name) != committed.get(name)} == set()


def test_the_board_of_the_shadow_is_what_the_generator_makes() -> None:
    assert (FOLDER / shadow.BOARD.file).read_text() == shadow.BOARD.text()


def test_every_series_of_the_shadow_s_board_is_one_that_its_rules_record() -> None:
    recorded = {rule.name for file in SHADOWS for group in file.groups for rule in group.rules}
    asked = set(re.findall(r"compat_shadow:\w+:\w+", shadow.BOARD.text()))
    assert asked
    assert asked <= recorded
    for pattern in re.findall(r'__name__=~\\"([^"\\]+)', shadow.BOARD.text()):
        assert any(re.fullmatch(pattern, name) for name in recorded)


def test_every_query_of_the_shadow_s_board_is_one_that_prometheus_takes() -> None:
    texts = re.findall(r'"expr": ("(?:\\.|[^"\\])*")', shadow.BOARD.text())
    assert len(texts) > 10
    for text in texts:
        promql.parse(re.sub(r"\$\{?\w+\}?", "x", json.loads(text)))


def test_the_order_of_a_set_or_the_hash_seed_does_not_change_a_byte() -> None:
    texts = [
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from dashboards.src.boards import *; print(hash('a'));"
                "[print(b.text()) for b in BOARDS]",
            ],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ".:exporter"},
            cwd=FOLDER.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n", 1)
        for seed in ("1", "2")
    ]
    assert texts[0][0] != texts[1][0]
    assert texts[0][1] == texts[1][1]


def test_check_names_a_board_that_was_edited_by_hand(tmp_path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    tmp_path /= "dashboards"
    tmp_path.mkdir()
    monkeypatch.setattr(generator, "FOLDER", tmp_path)
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    (tmp_path / "jetstream-raft.json").write_text("{}")
    assert generator.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "dashboards/jetstream-raft.json is not what dashboards/src makes\n"
    )


def test_a_number_is_the_one_in_the_table_of_the_rules() -> None:
    rule = alert("JetStreamServerStorageHigh", "warning")
    assert thresholds.threshold(rule.name, "warning") == float(rule.values["threshold"])
    assert thresholds.value("JetStreamServerStorageFillingUp", "window") in (
        expression(alert("JetStreamServerStorageFillingUp"), Config())
    )


def test_a_rule_that_is_gone_stops_the_generator_with_its_name() -> None:
    with pytest.raises(LookupError, match="there is no alert Gone critical"):
        thresholds.threshold("Gone", "critical")


def test_a_board_shows_the_threshold_of_the_rule() -> None:
    panels = {panel["title"]: panel for panel in boards()["jetstream-servers.json"]["panels"]}
    steps = panels["Used share"]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    limits = [
        thresholds.threshold("JetStreamServerStorageHigh", "warning"),
        thresholds.threshold("JetStreamServerStorageHigh", "critical"),
    ]
    assert [step["value"] for step in steps] == [None, *limits]
