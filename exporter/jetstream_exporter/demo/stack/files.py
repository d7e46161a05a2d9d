"""Where the shipped rules and Alertmanager's configuration are: in the installed package, or in the repository."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from jetstream_exporter.demo.child import DemoError

PACKAGED = Path(__file__).parent / "shipped"
REPOSITORY = Path(__file__).resolve().parents[4]
BOARD = re.compile(r"^ +dashboard_url: .*\n", re.MULTILINE)


def shipped(name: str) -> Path:
    """The file or folder `rules`, or `alertmanager/alertmanager.yaml`."""
    for folder in (PACKAGED, REPOSITORY):
        if (folder / name).exists():
            return folder / name
    raise DemoError(f"{name} is neither in the installed package nor in a repository around it")


def rule_files() -> list[Path]:
    return sorted(shipped("rules").glob("*.yaml"))


def linked(files: Sequence[Path], folder: Path, runbooks: str) -> list[Path]:
    """Copies of rule files whose alerts link to these runbooks, and to no boards: there is no Grafana."""
    settings = json.loads(shipped("rules/template.json").read_text())["settings"]
    found = []
    for file in files:
        text = file.read_text().replace(settings["runbook_url"], runbooks)
        copy = folder / file.name
        copy.write_text(BOARD.sub("", text))
        found.append(copy)
    return found
