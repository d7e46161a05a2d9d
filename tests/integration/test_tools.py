"""The tools that the suite itself uses."""

import re
import subprocess
from pathlib import Path

import pytest
from scripts.versions import STARTED
from tests.support.tools import nats_server, tool

LEAST_ALERTMANAGER = """
route: {receiver: nobody}
receivers: [{name: nobody}]
"""


@pytest.mark.parametrize("name", ["prometheus", "promtool", "alertmanager", "amtool"])
def test_every_tool_runs_and_says_who_it_is(name: str) -> None:
    said = subprocess.run(
        [tool(name), "--version"], capture_output=True, text=True, timeout=30, check=True
    )

    assert f"{name}, version" in said.stdout + said.stderr


@pytest.mark.parametrize("version", STARTED)
def test_every_nats_server_is_the_version_that_it_is_named_after(version: str) -> None:
    said = subprocess.run(
        [nats_server(version), "--version"], capture_output=True, text=True, timeout=30, check=True
    )

    assert said.stdout.strip() == f"nats-server: v{version}"


def test_alertmanager_starts_with_its_default_template(tmp_path: Path) -> None:
    """Its --version runs without the template; only a start that comes to listening has read it."""
    config = tmp_path / "alertmanager.yaml"
    config.write_text(LEAST_ALERTMANAGER)
    argv = [str(tool("alertmanager")), f"--config.file={config}", f"--storage.path={tmp_path}"]
    argv += ["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]

    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr is not None
        try:
            last = next((line for line in process.stderr if re.search("Listening|err=", line)), "")
        finally:
            process.kill()

    assert "Listening on" in last
