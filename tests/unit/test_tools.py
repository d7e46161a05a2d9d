"""scripts/tools.py, run as `make tools` runs it, against pretended programs on PATH."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "tools.py"
PACKAGE = ("prometheus", "promtool")

# Each pretended program logs its arguments beside itself, so that a test can count the calls.
RUNS = "echo 'promtool, version 2.42.0'"
APT_GET = """
case "$*" in
*update*) mkdir -p "$here/lists" ;;
*download*) [ -e "$here/lists" ] || { echo 'E: Unable to locate package' ; exit 100; }
  echo archive > prometheus_1_amd64.deb ;;
esac
"""
DPKG = """
mkdir -p "$3/usr/bin"
for name in prometheus promtool; do
  printf '#!/bin/sh\\necho version 1\\n' > "$3/usr/bin/$name"
  chmod +x "$3/usr/bin/$name"
  [ -e "$here/cut" ] && { echo 'cut off' ; exit 2; }
done
true
"""


class Machine:
    """A machine of which only the given programs are on PATH."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "programs"
        self.tools = folder / "tools"
        self.programs.mkdir()
        for name in ("sh", "dirname", "readlink", "mkdir", "chmod"):
            target = next(at for at in (Path("/bin", name), Path("/usr/bin", name)) if at.exists())
            (self.programs / name).symlink_to(target)

    def has(self, name: str, body: str) -> Path:
        program = self.programs / name
        program.write_text(f'#!/bin/sh\nhere={self.programs}\necho "$@" >> "$0.log"\n{body}\n')
        program.chmod(0o755)
        return program

    def has_debian(self, *, lists: bool = True) -> None:
        self.has("apt-get", APT_GET)
        self.has("dpkg", DPKG)
        if lists:
            (self.programs / "lists").mkdir()

    def calls(self, name: str) -> list[str]:
        log = self.programs / f"{name}.log"
        return log.read_text().splitlines() if log.exists() else []

    def bring(self, *names: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, SCRIPT, "--into", self.tools, *names],
            env=os.environ | {"PATH": str(self.programs)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def found(self, name: str) -> Path:
        return (self.tools / "bin" / name).resolve()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_program_on_path_is_linked_and_nothing_is_downloaded(machine: Machine) -> None:
    machine.has_debian()
    promtool = machine.has("promtool", RUNS)

    assert machine.bring("promtool").returncode == 0

    assert machine.found("promtool") == promtool
    assert machine.calls("apt-get") == []


def test_a_program_on_path_that_does_not_run_gives_way_to_the_package(machine: Machine) -> None:
    machine.has_debian()
    broken = machine.has("promtool", "echo no such library; exit 127")

    done = machine.bring("promtool")

    assert done.returncode == 0
    assert f"{broken} is on PATH but does not run, so it is not used" in done.stderr
    assert machine.found("promtool") == machine.tools / "prometheus/usr/bin/promtool"


def test_alertmanager_may_have_its_debian_name(machine: Machine) -> None:
    program = machine.has("prometheus-alertmanager", RUNS)

    assert machine.bring("alertmanager").returncode == 0

    assert machine.found("alertmanager") == program


def test_one_package_brings_all_its_programs_with_one_download(machine: Machine) -> None:
    machine.has_debian()

    assert machine.bring(*PACKAGE).returncode == 0

    assert [machine.found(name).parent.name for name in PACKAGE] == ["bin", "bin"]
    assert len(machine.calls("apt-get")) == 1


def test_what_is_there_is_not_brought_again(machine: Machine) -> None:
    machine.has_debian()
    machine.bring(*PACKAGE)

    done = machine.bring(*PACKAGE)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(machine.calls("apt-get")) == 1


def test_without_apt_a_sentence_says_what_to_install(machine: Machine) -> None:
    done = machine.bring("promtool")

    assert done.returncode == 1
    assert done.stderr == (
        "tools: promtool is missing: install prometheus so that promtool is on PATH, then run this "
        "again (this is no Debian, so there is no package to unpack)\n"
    )


def test_one_missing_tool_does_not_keep_the_others_away(machine: Machine) -> None:
    amtool = machine.has("amtool", RUNS)

    assert machine.bring("promtool", "amtool").returncode == 1

    assert machine.found("amtool") == amtool


def test_missing_package_lists_are_fetched_for_the_project_alone(machine: Machine) -> None:
    machine.has_debian(lists=False)

    assert machine.bring(*PACKAGE).returncode == 0

    first, update, again = machine.calls("apt-get")
    assert "Dir::State::lists" not in first
    assert f"Dir::State::lists={machine.tools}/apt/lists" in update
    assert f"Dir::State::lists={machine.tools}/apt/lists" in again


def test_a_half_unpacked_tool_is_not_there_and_the_next_run_makes_it_whole(
    machine: Machine,
) -> None:
    machine.has_debian()
    (machine.programs / "cut").touch()
    assert machine.bring(*PACKAGE).returncode == 1
    assert (machine.tools / "prometheus.part/usr/bin/prometheus").exists()
    assert not (machine.tools / "bin").exists()

    (machine.programs / "cut").unlink()
    assert machine.bring(*PACKAGE).returncode == 0

    assert all(machine.found(name).exists() for name in PACKAGE)
    assert not (machine.tools / "prometheus.part").exists()


def test_runs_at_the_same_time_unpack_once(machine: Machine) -> None:
    machine.has_debian()

    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(machine.bring, *PACKAGE) for _ in range(3)]
    assert [run.result().returncode for run in runs] == [0, 0, 0]

    assert len(machine.calls("apt-get")) == 1


def test_package_lists_are_fetched_once_for_all_that_run_at_the_same_time(machine: Machine) -> None:
    machine.has_debian(lists=False)

    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(machine.bring, name) for name in ("promtool", "amtool", "kubectl")]
    texts = [run.result().stdout + run.result().stderr for run in runs]

    assert any("fetching lists for this project alone" in text for text in texts), texts
    assert sum("update" in call for call in machine.calls("apt-get")) == 1


def test_lists_that_did_not_help_are_fetched_again_by_the_next_run(machine: Machine) -> None:
    machine.has(
        "apt-get", "case $* in *download*) echo 'E: Unable to locate package'; exit 100; esac"
    )
    machine.has("dpkg", DPKG)

    assert [machine.bring("promtool").returncode for _ in range(2)] == [1, 1]
    assert sum("update" in call for call in machine.calls("apt-get")) == 2


def test_a_folder_that_cannot_be_made_is_told_for_each_tool(machine: Machine) -> None:
    machine.tools.write_text("")

    done = machine.bring("promtool", "amtool")

    assert done.returncode == 1
    assert "promtool is missing: " in done.stderr
    assert "amtool is missing: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_tool_is_a_usage_error_that_names_the_known_ones(machine: Machine) -> None:
    done = machine.bring("promtol")

    assert done.returncode == 2
    assert "unknown tool 'promtol'; known are prometheus, promtool, alertmanager" in done.stderr
