"""Where the shipped rules and Alertmanager's configuration are: in the installed package, or in the repository."""

from pathlib import Path

from jetstream_exporter.demo.child import DemoError

PACKAGED = Path(__file__).parent / "shipped"
REPOSITORY = Path(__file__).resolve().parents[4]


def shipped(name: str) -> Path:
    """The file or folder `rules`, or `alertmanager/alertmanager.yaml`."""
    for folder in (PACKAGED, REPOSITORY):
        if (folder / name).exists():
            return folder / name
    raise DemoError(f"{name} is neither in the installed package nor in a repository around it")


def rule_files() -> list[Path]:
    return sorted(shipped("rules").glob("*.yaml"))
