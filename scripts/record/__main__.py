"""Record what real servers say in the moments that must be understood: `python -m scripts.record [case …]`.

`python -m scripts.record versions [version …]` records a healthy cluster of each version in scripts/versions.py.

Each edge case is a function that brings a cluster into trouble and captures moments of it. What is written to
tests/payloads/edge-cases/ are the servers' own answers; nothing is added, and only the path of the store is changed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from scripts.record.camera import Camera
from scripts.record.failures import after_start, election, no_quorum, stopping
from scripts.record.shapes import (
    all_zero,
    ephemerals,
    mirror_and_source,
    no_jetstream,
    no_limits,
    paused,
    utf8_names,
)
from scripts.record.versions import record_version
from scripts.versions import NEWEST as NEW
from scripts.versions import OLDEST as OLD
from scripts.versions import RECORDED

from jetstream_exporter.demo.cluster import Cluster, account

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "payloads" / "edge-cases"
BINARIES = ROOT / ".tools"
VERSIONS = FOLDER.parent / "versions"

EdgeCase = Callable[[Camera], Awaitable[None]]
# The servers, the versions that differ, and what happens.
EDGE_CASES: dict[str, tuple[EdgeCase, dict[str, Any], tuple[str, ...]]] = {
    "after-start": (after_start, {}, (OLD, NEW)),
    "election": (election, {}, (OLD, NEW)),
    "stopping": (stopping, {}, (OLD, NEW)),
    "no-quorum": (no_quorum, {}, (OLD, NEW)),
    "all-zero": (all_zero, {}, (NEW,)),
    "no-limits": (
        no_limits,
        {
            "size": 1,
            "accounts": {
                "APP": account("app"),
                "SMALL": account("small")
                | {"jetstream": {"max_mem": 1 << 20, "max_file": 1 << 21}},
            },
        },
        (NEW,),
    ),
    "utf8-names": (utf8_names, {"size": 1, "accounts": {"Größe 🐇": account("app")}}, (NEW,)),
    "no-jetstream": (
        no_jetstream,
        {
            "size": 1,
            "accounts": {"APP": account("app", jetstream=False)},
            "extra": "jetstream: disabled",
        },
        (NEW,),
    ),
    "mirror-and-source": (mirror_and_source, {}, (NEW,)),
    "paused": (paused, {"size": 1}, (NEW,)),
    "ephemerals": (ephemerals, {}, (OLD, NEW)),
}


def binary_of(version: str) -> Path:
    """SystemExit says how to bring the server where it is missing."""
    binary = BINARIES / f"nats-server-{version}" / "bin" / "nats-server"
    if not binary.exists():
        sys.exit(f"{binary} is missing: run `python scripts/tools.py nats-server-{version}`")
    return binary


async def record(case: str, version: str) -> None:
    happen, settings, _ = EDGE_CASES[case]
    binary = binary_of(version)
    timeout = aiohttp.ClientTimeout(total=5)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        Cluster(binary=binary, name="recorded", **settings) as cluster,
    ):
        camera = Camera(cluster, http)
        await happen(camera)
    path = FOLDER / case / f"{version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    recorded = {"version": version, "moments": camera.moments}
    path.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {', '.join(m['name'] for m in camera.moments)}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("case", nargs="*", help=f"all of {', '.join(EDGE_CASES)} by default")
    parser.epilog = "`versions [version …]` records a healthy cluster of each version."
    parser.add_argument("--into", type=Path, default=VERSIONS, help="the folder of the versions")
    options = parser.parse_args(argv)
    asked = options.case or list(EDGE_CASES)
    if asked[0] == "versions":
        return record_versions(parser, asked[1:] or list(RECORDED), options.into)
    if unknown := [case for case in asked if case not in EDGE_CASES]:
        parser.error(f"{unknown[0]} is none of {', '.join(EDGE_CASES)}")
    for case in asked:
        for version in EDGE_CASES[case][2]:
            asyncio.run(record(case, version))
    return 0


def record_versions(parser: argparse.ArgumentParser, asked: list[str], into: Path) -> int:
    if unknown := [version for version in asked if version not in RECORDED]:
        parser.error(f"{unknown[0]} is not in scripts/versions.py, which has {', '.join(RECORDED)}")
    for version in asked:
        written = asyncio.run(record_version(version, binary_of(version), into))
        print(f"{into / version}: {', '.join(path.name for path in written)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
