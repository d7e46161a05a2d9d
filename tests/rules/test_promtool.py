"""Prometheus' own tool loads the rules and judges with them."""

import subprocess
from pathlib import Path

import pytest
from tests.support.rules import PROMTOOL_FILES, RULE_FILES
from tests.support.tools import tool

# Half a minute of one idle processor for the largest file, and minutes on a busy machine.
DEADLINE = 400

pytestmark = pytest.mark.timeout(DEADLINE + 20)


def promtool(*argv: str | Path) -> str:
    done = subprocess.run(
        [tool("promtool"), *argv], text=True, capture_output=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_prometheus_loads_the_file(path: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("path", PROMTOOL_FILES, ids=lambda path: path.name)
def test_prometheus_judges_as_the_named_cases_say(path: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", path)
