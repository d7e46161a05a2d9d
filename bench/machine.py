"""Where and with what it was measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import requires, version
from pathlib import Path


def facts() -> dict[str, str]:
    return {
        "processor": f"{cpu_model(Path('/proc/cpuinfo').read_text())}, {os.cpu_count()} cores",
        "memory": f"{_memory_gib():.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in libraries()),
    }


def cpu_model(cpuinfo: str) -> str:
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()  # not every architecture names its model


def libraries() -> list[str]:
    """What the exporter itself requires, without its extras."""
    required = requires("jetstream-exporter") or []
    names = (line.split(";")[0] for line in required if "extra ==" not in line)
    return sorted(name.split(">")[0].split("=")[0].split("<")[0].strip() for name in names)


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
