"""prometheus-nats-exporter and nats-surveyor beside this exporter, and what each says of an object.

`python -m tests.support.peers` runs them and prints what stands in bench/results/compat-*.md; with --record FOLDER it
keeps their answers. Their programs are on PATH or named by PROMETHEUS_NATS_EXPORTER and NATS_SURVEYOR.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.support.peers.compare import together
from tests.support.peers.page import page, unexplained
from tests.support.peers.places import PLACES
from tests.support.peers.programs import PROGRAMS, program
from tests.support.peers.recording import live


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.peers", description=__doc__)
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="keep the answers here")
    record = parser.parse_args(argv).record
    if missing := [name for name in PROGRAMS if program(name) is None]:
        print(f"there is no program {', '.join(missing)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        places = [asyncio.run(live(name, Path(folder) / name, record)) for name in PLACES]
    results = together(places)
    print(page(results))
    return int(any(unexplained(found) for found in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
