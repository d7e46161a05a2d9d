"""CONFIGURATION.md says what the schemas and the flags say."""

from pathlib import Path

import pytest
from scripts import configuration_reference as script
from scripts.configuration_reference import EXAMPLE, REFERENCE, main, reference

from jetstream_exporter.config import parse
from jetstream_exporter.metrics import TABLES


def test_the_reference_is_current() -> None:
    assert reference() == REFERENCE.read_text(encoding="utf-8"), (
        "run scripts/configuration_reference.py"
    )


def test_an_outdated_reference_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "REFERENCE", tmp_path / "CONFIGURATION.md")
    assert main(["--check"]) == 1
    assert "is out of date" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_its_example_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_PASSWORD", "hunter2")
    config = parse(EXAMPLE, "example.yaml")
    families = {family.name for table in TABLES for family in table.families}
    assert set(config.families.disabled) <= families


def test_every_key_has_a_meaning() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 30
    assert [row for row in rows if row.endswith("|  |")] == []
