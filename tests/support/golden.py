"""The exposition of a small cluster, committed: a change of any metric shows in review.

`python -m tests.support.golden --update` writes it anew; without the flag the difference is printed.
"""

import argparse
import difflib
import sys
from pathlib import Path

import msgspec
from tests.support.recorded import three_servers
from tests.support.words import outcome

from jetstream_exporter.config.schema import Config
from jetstream_exporter.exposition import END, Encoder
from jetstream_exporter.metrics import TABLES
from jetstream_exporter.processing import Processor

FOLDER = Path(__file__).resolve().parents[1] / "golden"
FILES = {"small-cluster.txt": False, "small-cluster.openmetrics.txt": True}


def exposition(*, openmetrics: bool) -> str:
    """Three servers of 2.15.1; only what differs from machine to machine is given a fixed value."""
    outcomes = [
        outcome(report, f"http://{report.server_name}:8222") for report in three_servers("2.15.1")
    ]
    outcomes.append(outcome(None, "http://nowhere:8222"))
    snapshot = Processor(Config(), 0.0).process(outcomes, now=60.0, wall=1_800_000_000.0)
    assert snapshot.exporter is not None
    snapshot.exporter = msgspec.structs.replace(
        snapshot.exporter, version="0.0.0", python_version="3.11.0", config_age=30.0
    )
    pieces = list(Encoder(TABLES).render(snapshot, openmetrics=openmetrics))
    return b"".join([*pieces, END] if openmetrics else pieces).decode()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write the files")
    update = parser.parse_args(argv).update
    differs = False
    for name, openmetrics in FILES.items():
        path, wanted = FOLDER / name, exposition(openmetrics=openmetrics)
        if update:
            path.write_text(wanted, encoding="utf-8")
            continue
        current = path.read_text(encoding="utf-8")
        lines = difflib.unified_diff(
            current.splitlines(), wanted.splitlines(), name, "now", "", "", 0
        )
        for line in lines:
            differs = True
            print(line)
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
