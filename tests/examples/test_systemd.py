"""The unit is as tight as its README says, and starts what is installed."""

import re
import shutil
import subprocess

import pytest
from tests.support import chart

from jetstream_exporter import __main__ as command
from jetstream_exporter import config

FOLDER = chart.ROOT / "examples/systemd"
UNIT = FOLDER / "jetstream-exporter.service"


def analyze(*argv: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    return subprocess.run(["systemd-analyze", *argv], capture_output=True, text=True, check=False)


def test_the_exposure_is_what_the_readme_says() -> None:
    said = re.search(r"rates the unit (\d+\.\d)", (FOLDER / "README.md").read_text())
    seen = re.search(
        r"exposure level for .*: (\d+\.\d)", analyze("security", "--offline=yes", str(UNIT)).stdout
    )

    if seen is None:
        pytest.skip("this systemd-analyze cannot judge a unit that is not loaded")
    assert said is not None
    # Releases of systemd weigh and add checks; the figure is Debian 12's.
    assert abs(float(said[1]) - float(seen[1])) <= 0.3


def test_systemd_understands_every_line() -> None:
    complaints = analyze("verify", "--man=no", str(UNIT)).stderr.splitlines()
    about_us = [line for line in complaints if "jetstream-exporter.service" in line]

    assert [line for line in about_us if "is not executable" not in line] == []


def test_the_flags_of_the_unit_are_flags_of_the_exporter() -> None:
    flags = set(re.findall(r" (--[a-z.-]+)", UNIT.read_text()))

    assert flags == {"--config.file", "--config.check", "--web.listen-address"}
    assert flags <= set(command.make_parser().format_help().replace("[", " ").split())


def test_the_configuration_is_one() -> None:
    config.parse((FOLDER / "config.yaml").read_text(), "config.yaml")
