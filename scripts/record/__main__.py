"""Record what real servers say in the moments that must be understood: `python -m scripts.record [danger …]`.

Each danger is a function that brings a cluster into trouble and captures moments of it. What is written to
tests/payloads/dangers/ are the servers' own answers; nothing is added, and only the path of the store is changed.
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

from jetstream_exporter.demo.cluster import Cluster, account

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "payloads" / "dangers"
BINARIES = ROOT / ".tools"
OLD, NEW = "2.10.26", "2.15.1"

Danger = Callable[[Camera], Awaitable[None]]
# The servers, the versions that differ, and what happens.
DANGERS: dict[str, tuple[Danger, dict[str, Any], tuple[str, ...]]] = {
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


async def record(danger: str, version: str) -> None:
    happen, settings, _ = DANGERS[danger]
    binary = BINARIES / f"nats-server-{version}" / "bin" / "nats-server"
    timeout = aiohttp.ClientTimeout(total=5)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        Cluster(binary=binary, name="recorded", **settings) as cluster,
    ):
        camera = Camera(cluster, http)
        await happen(camera)
    path = FOLDER / danger / f"{version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    recorded = {"version": version, "moments": camera.moments}
    path.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {', '.join(m['name'] for m in camera.moments)}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("danger", nargs="*", help=f"all of {', '.join(DANGERS)} by default")
    asked = parser.parse_args(argv).danger or list(DANGERS)
    if unknown := [danger for danger in asked if danger not in DANGERS]:
        parser.error(f"{unknown[0]} is none of {', '.join(DANGERS)}")
    for danger in asked:
        for version in DANGERS[danger][2]:
            asyncio.run(record(danger, version))
    return 0


if __name__ == "__main__":
    sys.exit(main())
