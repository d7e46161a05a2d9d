"""Debian packages unpacked into a folder, and what runs from there without being installed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HOUR = 3600.0  # seconds
FETCHED = "fetched"  # the file that says when package lists were fetched
ALERTMANAGER_SHARE = "usr/share/prometheus/alertmanager"


class ToolError(Exception):
    """A tool that cannot be brought; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    package: str
    programs: tuple[str, ...]  # what it may be called, on PATH and in the package's usr/bin
    trial: tuple[str, ...] = ("--version",)
    needs_others: bool = False  # of Debian's packages, which this machine may lack


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
            errors="replace",
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


@contextlib.contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Alone with this among all that bring tools into the folder at the same time."""
    with (folder / f".lock-{what}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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


def bring_package(folder: Path, tools: Sequence[Tool]) -> None:
    """The package that has these tools. It is unpacked, since an installed one would start services."""
    if not all(map(shutil.which, ("apt-get", "dpkg"))):
        raise ToolError("this is no Debian, so there is no package to unpack")
    package = tools[0].package

    def fill(part: Path) -> None:
        unpack(folder, tools[0], part)
        for tool in tools:
            run(start_of(part, tool), *tool.trial, timeout=60)

    in_part(folder / package, fill)
    for tool in tools:
        at = folder / "bin" / tool.name
        if not os.access(at, os.X_OK):
            link(at, Path("..") / start_of(folder / package, tool).relative_to(folder))


def unpack(folder: Path, tool: Tool, part: Path) -> None:
    downloads = part / "downloads"
    downloads.mkdir()
    try:
        download(tool, downloads, ())
    except ToolError:
        say("apt's package lists are missing or old; fetching lists for this project alone")
        with locked(folder, "lists"):
            options = own_lists(folder / "apt")
        try:
            download(tool, downloads, options)
        except ToolError:
            # Whoever comes next tries newer ones.
            (folder / "apt" / FETCHED).unlink(missing_ok=True)
            raise
    for archive in sorted(downloads.glob("*.deb")):
        run("dpkg", "-x", archive, part)
    shutil.rmtree(downloads)
    PREPARE.get(tool.package, lambda _: None)(part)


def download(tool: Tool, into: Path, options: tuple[str, ...]) -> None:
    package = tool.package
    packages = list(missing_packages(package, options)) if tool.needs_others else [package]
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


def own_lists(apt: Path) -> tuple[str, ...]:
    """Package lists in our own folder: needs no root and leaves the machine's lists alone.

    They are fetched again after an hour only: whoever fetched them may be reading them.
    """
    for needed in ("lists/partial", "cache/archives/partial"):
        (apt / needed).mkdir(parents=True, exist_ok=True)
    options = ("-o", f"Dir::State::lists={apt / 'lists'}", "-o", f"Dir::Cache={apt / 'cache'}")
    fetched, any_error = apt / FETCHED, "APT::Update::Error-Mode=any"
    if not fetched.exists() or not 0 <= time.time() - fetched.stat().st_mtime < HOUR:
        run("apt-get", *options, "-o", any_error, "-o", "APT::Sandbox::User=root", "update")
        fetched.touch()
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
