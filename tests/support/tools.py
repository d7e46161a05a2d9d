"""Where the tools of the tests are."""

from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / ".tools"


def tool(name: str) -> Path:
    """The program `promtool`, `prometheus`, `alertmanager`, `amtool`, `kubectl` or `chromium`."""
    return _there(TOOLS / "bin" / name, name)


def nats_server(version: str) -> Path:
    name = f"nats-server-{version}"
    return _there(TOOLS / name / "bin" / "nats-server", name)


def _there(program: Path, name: str) -> Path:
    if not program.exists():
        raise FileNotFoundError(f"{program} is missing: run `scripts/tools.py {name}`")
    return program
