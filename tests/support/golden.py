"""The exposition of a small cluster and of what it lacks, committed: a change of any metric shows in review.

`python -m tests.support.golden --update` writes it anew; without the flag the difference is printed.
"""

import argparse
import difflib
import sys
from pathlib import Path

import msgspec
from tests.support.everything import everything
from tests.support.recorded import NEW, three_servers
from tests.support.reports import outcome

from jetstream_exporter.config.expect import Expected, ExpectedAccount
from jetstream_exporter.config.exported import Labels
from jetstream_exporter.config.schema import Config
from jetstream_exporter.exposition import END, Encoder
from jetstream_exporter.metrics import tables
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Shard

FOLDER = Path(__file__).resolve().parents[1] / "golden"
METADATA_KEYS = ["app.kubernetes.io/name"]
FILES = {"small-cluster.txt": False, "small-cluster.openmetrics.txt": True}


def everything_seen() -> Snapshot:
    """Three servers of one version, then what shows the families that these lack. Only what differs from machine to
    machine is given a fixed value.
    """
    outcomes = [
        outcome(report, f"http://{report.server_name}:8222") for report in three_servers(NEW)
    ]
    outcomes += [outcome(None, "http://nowhere:8222"), *everything()]
    account = ExpectedAccount(account="APP", streams=["LIMITED"], consumers=["LIMITED/pushed"])
    expected = Expected(cluster="by-hand", servers=["hand-1"], accounts=[account])
    config = Config(labels=Labels(metadata=METADATA_KEYS), expect=[expected])
    snapshot = Processor(config, 0.0).process(outcomes, now=60.0, wall=1_800_000_000.0)
    assert snapshot.exporter is not None
    exporter = msgspec.structs.replace(
        snapshot.exporter,
        version="0.0.0",
        python_version="3.11.0",
        config_age=30.0,
        reload_time=1_799_999_000.0,
        requests={("/metrics", "200"): 3, ("other", "404"): 1},
    )
    return msgspec.structs.replace(snapshot, exporter=exporter, shard=Shard(0, 1))


def exposition(*, openmetrics: bool) -> str:
    """The text of that snapshot in one of the formats."""
    pieces = list(Encoder(tables(METADATA_KEYS)).render(everything_seen(), openmetrics=openmetrics))
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
