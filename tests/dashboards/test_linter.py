"""The rules of Grafana's dashboard-linter that expressions and structure leave over, and the linter itself."""

import shutil
import subprocess

import pytest
import yaml
from tests.support.boards import FOLDER, Json, boards, panels, variables

BOARDS = boards()
each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())
# Of the linter's list, those that the boards use.
UNITS = {"short", "percentunit", "bytes", "Bps", "s", "cps", "mps", "reqps"}
CHECKED = {"stat", "timeseries", "bargauge"}


@each_board
def test_a_board_cannot_be_edited_in_place(board: Json) -> None:
    """uneditable-dashboard: what is provisioned would lose the edit."""
    assert board["editable"] is False


@each_board
def test_the_data_source_is_a_variable_of_the_usual_name(board: Json) -> None:
    """template-datasource-rule"""
    (source,) = (v for v in variables(board).values() if v["type"] == "datasource")
    assert (source["name"], source["label"], source["query"]) == (
        "datasource",
        "Data source",
        "prometheus",
    )


@each_board
def test_the_job_is_a_variable_of_several_values(board: Json) -> None:
    """template-job-rule"""
    job = variables(board)["job"]
    assert (job["type"], job["label"], job["multi"], job["allValue"]) == (
        "query",
        "Job",
        True,
        ".+",
    )


@each_board
def test_variables_are_asked_again_when_the_time_range_changes(board: Json) -> None:
    """template-on-time-change-reload-rule"""
    assert {v["refresh"] for v in variables(board).values() if v["type"] == "query"} == {2}


@each_board
def test_every_panel_has_a_unit_that_grafana_knows_or_words(board: Json) -> None:
    """panel-units-rule"""
    for panel in panels(board):
        defaults = panel["fieldConfig"]["defaults"]
        if panel["type"] in CHECKED:
            assert defaults.get("unit") in UNITS or defaults["mappings"], panel["title"]
        for override in panel["fieldConfig"]["overrides"]:
            units = [p["value"] for p in override["properties"] if p["id"] == "unit"]
            assert set(units) <= UNITS, panel["title"]


@each_board
def test_every_panel_asks_something(board: Json) -> None:
    """panel-no-targets-rule"""
    assert all(target["expr"] for panel in panels(board) for target in panel["targets"])
    assert all(panel["targets"] for panel in panels(board))


def test_every_exception_from_the_linter_has_a_reason() -> None:
    exceptions = yaml.safe_load((FOLDER / ".lint").read_text())["exclusions"]
    assert [name for name, entry in exceptions.items() if not entry.get("reason")] == []


@each_board
def test_the_linter_itself_finds_nothing(board: Json) -> None:
    linter = shutil.which("dashboard-linter")
    if linter is None:
        pytest.skip("dashboard-linter is not on PATH; its rules are tested above")
    file = FOLDER / f"{board['uid']}.json"
    found = subprocess.run(
        [linter, "lint", "--strict", "--config", FOLDER / ".lint", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout
