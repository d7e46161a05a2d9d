"""The measurement of the dashboards' queries, with a load that is small."""

from argparse import Namespace
from pathlib import Path

from bench import boards
from bench.boards import Timing
from bench.load import Size
from tests.support.boards import boards as committed


def test_the_slowest_queries_stand_first_and_the_most_series_are_named() -> None:
    options = Namespace(size=Size(500, 40), minutes=10, interval=15, rounds=3)
    timings = [Timing("B", "fast", "A", 0.1, 50), Timing("B", "slow", "A", 1.5, 1)]
    text = boards.document(options, timings, "0.5")
    assert text.index("| B | slow | A | 1.500 | 1 |") < text.index("| B | fast | A | 0.100 | 50 |")
    assert "20,000 consumers (500x40), 10 minutes" in text
    assert "Most series of one answer: 50." in text


def test_every_query_of_every_board_is_measured(tmp_path: Path) -> None:
    flags = ["--size", "2x2", "--minutes", "0.1", "--interval", "1", "--rounds", "1"]
    assert boards.main([*flags, "--into", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("boards-*.md")
    text = file.read_text()
    assert "4 consumers (2x2)" in text
    queries = sum(
        len(panel.get("targets", ())) for b in committed().values() for panel in b["panels"]
    )
    assert f"{queries} queries, the twenty slowest" in text
