"""The committed JSON is what the generator makes, and its numbers are the rules' own."""

import subprocess
import sys

import pytest
from dashboards.src import __main__ as generator
from dashboards.src import thresholds
from dashboards.src.boards import BOARDS
from tests.support.boards import FOLDER, boards


def test_every_committed_board_is_byte_for_byte_what_the_generator_makes() -> None:
    made = {board.file: board.text().encode() for board in BOARDS}
    committed = {file.name: file.read_bytes() for file in FOLDER.glob("*.json")}
    assert {name for name in made | committed if made.get(name) != committed.get(name)} == set()


def test_the_order_of_a_set_or_the_hash_seed_does_not_change_a_byte() -> None:
    texts = [
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from dashboards.src.boards import *; print(hash('a'));"
                "[print(b.text()) for b in BOARDS]",
            ],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
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
    monkeypatch.setattr(generator, "FOLDER", tmp_path)
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    (tmp_path / "jetstream-raft.json").write_text("{}")
    assert generator.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "dashboards/jetstream-raft.json is not what dashboards/src makes\n"
    )


def test_a_threshold_is_the_number_that_the_rule_compares_with(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    rule = {
        "alert": "Full",
        "labels": {"severity": "warning"},
        "expr": 'max by (a) (ratio{b="c"}) > 0.8\nand min_over_time(depth[7m]) > 0.3 * age',
    }
    monkeypatch.setattr(thresholds, "rules", lambda: (rule,))
    assert thresholds.limit("Full", "ratio", "warning") == 0.8
    assert thresholds.window("Full", "depth") == "7m"
    assert thresholds.factor("Full", "age") == 0.3


def test_a_rule_that_is_gone_stops_the_generator_with_its_name(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(thresholds, "rules", lambda: ())
    with pytest.raises(thresholds.ThresholdError, match=r"rules/: Gone \(critical\) has nothing"):
        thresholds.limit("Gone", "metric", "critical")


def test_a_board_shows_the_threshold_of_the_rule() -> None:
    panels = {panel["title"]: panel for panel in boards()["jetstream-servers.json"]["panels"]}
    steps = panels["Used share"]["fieldConfig"]["defaults"]["thresholds"]["steps"]
    ratio = "jetstream_server_store_ratio"
    limits = [
        thresholds.limit("JetStreamServerStorageHigh", ratio, severity)
        for severity in ("warning", "critical")
    ]
    assert [step["value"] for step in steps] == [None, *limits]
