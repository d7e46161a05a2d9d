"""The measurement of the dashboards' queries, with a load that is small."""

from argparse import Namespace
from pathlib import Path

import pytest
from bench import boards
from bench.boards_page import Found, Timing, document
from bench.load import Size
from scripts.render_boards.answers import Asker
from tests.support.boards import boards as committed
from tests.support.tools import tool

OPTIONS = Namespace(
    size=Size(500, 40), minutes=10, interval=15, rounds=3, prometheus=tool("prometheus")
)


def test_the_slowest_queries_stand_first_and_the_most_series_are_named() -> None:
    timings = [Timing("B", "fast", "A", 0.1, 50), Timing("B", "slow", "A", 1.5, 1)]
    text = document(OPTIONS, Found(timings, 400_000), "0.5")
    assert text.index("| B | slow | A | 1.500 | 1 |") < text.index("| B | fast | A | 0.100 | 50 |")
    assert "20,000 consumers (500x40), 400,000 series, 10 minutes" in text
    assert "Without an answer within 2 s: none. Most series of one answer: 50." in text


def test_a_query_that_is_slow_or_fails_is_counted() -> None:
    timings = [Timing("B", "slow", "A", 2.5, 1), Timing("B", "refused", "A", 0.1, None)]
    text = document(OPTIONS, Found(timings, 1), "0.5")
    assert "| B | refused | A | 0.100 | failed |" in text
    assert "Without an answer within 2 s: 2." in text


def test_a_refused_query_is_no_end_of_the_measurement() -> None:
    nobody = Asker("http://127.0.0.1:9", 0, 60, 15, {})
    panel = {"title": "P", "gridPos": {"w": 12}, "targets": [{"expr": "up", "instant": True}]}
    assert boards.asked(nobody, panel, {}, rounds=3)[1] is None


def test_a_prometheus_without_the_consumers_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Queries over nothing are fast."""
    monkeypatch.setattr(boards, "exporter_argv", lambda *_: ["sleep", "60"])
    monkeypatch.setattr(boards, "PATIENCE", 1)
    flags = ["--size", "1x2", "--minutes", "0.05", "--interval", "1", "--into", str(tmp_path)]
    assert boards.main(flags) == 1
    assert "Prometheus has 0 of 2 consumers" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_every_query_of_every_board_is_measured(tmp_path: Path) -> None:
    flags = ["--size", "2x2", "--minutes", "0.1", "--interval", "1", "--rounds", "1"]
    assert boards.main([*flags, "--into", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("boards-*.md")
    text = file.read_text()
    assert "4 consumers (2x2)" in text
    assert "failed" not in text
    queries = sum(
        len(panel.get("targets", ())) for b in committed().values() for panel in b["panels"]
    )
    assert f"{queries} queries, the twenty slowest" in text
