"""bench/ on a small load: the load is what it says, and a run leaves a page with everyone on it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from bench.load import Size, grow, stir
from nats.js.api import StorageType
from tests.support.exporter import eventually

from jetstream_exporter.demo.cluster import Cluster, account

ROOT = Path(__file__).resolve().parents[2]
PEER = """#!{python}
import http.server
import sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"# a comment\\n" + b"a 1\\n" * 12)

port = next(word.partition("=")[2] for word in sys.argv if "-port=" in word)
http.server.HTTPServer(("127.0.0.1", int(port)), Answer).serve_forever()
"""


def consumers(cluster: Cluster) -> dict[tuple[str, str], dict[str, Any]]:
    with urllib.request.urlopen(f"{cluster[0].monitor_url}/jsz?consumers=true") as answer:
        accounts = json.load(answer)["account_details"]
    return {
        (stream["name"], consumer["name"]): consumer
        for one in accounts
        for stream in one["stream_detail"]
        for consumer in stream["consumer_detail"]
    }


async def at_rest(cluster: Cluster) -> dict[tuple[str, str], dict[str, Any]]:
    """What the consumers say once the server has read the acknowledgements that were sent."""
    found: dict[tuple[str, str], dict[str, Any]] = {}

    async def are_read() -> bool:
        found.update(await asyncio.to_thread(consumers, cluster))
        return all(consumer["num_ack_pending"] == 1 for consumer in found.values())

    await eventually("one unacknowledged message a consumer", are_read)
    return found


async def test_a_load_has_every_figure_grows_and_moves_when_stirred() -> None:
    small, large = Size(2, 2), Size(3, 4)
    async with Cluster(size=1, accounts={"LOAD": account("load")}) as cluster:
        url = cluster[0].url_for("load")
        await grow(url, Size(0, 0), small, StorageType.MEMORY)
        await grow(url, small, large, StorageType.MEMORY)
        made = await at_rest(cluster)
        await stir(url, large)
        stirred = await at_rest(cluster)

    assert len(made) == 12
    for before, after in ((made[name], stirred[name]) for name in made):
        assert (before["num_pending"], before["num_ack_pending"]) == (3, 1)
        assert (before["delivered"]["consumer_seq"], before["ack_floor"]["consumer_seq"]) == (2, 1)
        assert (after["num_pending"], after["num_ack_pending"]) == (4, 1)
        assert (after["delivered"]["consumer_seq"], after["ack_floor"]["consumer_seq"]) == (3, 2)


def bench(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.run", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def peer(tmp_path: Path) -> Path:
    program = tmp_path / "peer"
    program.write_text(PEER.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def cells(page: str, name: str) -> list[list[str]]:
    """The rows of all tables that begin with this name."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    return [row for row in rows if row[0] == name]


def test_a_run_measures_us_and_the_peers_that_are_given(tmp_path: Path, peer: Path) -> None:
    page = tmp_path / "page.md"
    sizes = ("--sizes=2x3,4x3", "--peers-at=4x3", "--rounds=1")

    peers = {"PROMETHEUS_NATS_EXPORTER": str(peer), "NATS_SURVEYOR": "nobody"}
    done = bench(*sizes, f"--output={page}", **peers)

    assert done.returncode == 0, done.stderr
    assert "nats-surveyor does not take part: there is no program nobody" in done.stderr
    text = page.read_text()
    small, large = cells(text, "jetstream-exporter")
    assert int(small[8].replace(",", "")) < int(large[8].replace(",", ""))
    measured, compared = cells(text, "prometheus-nats-exporter")
    assert measured[8] == "12"
    assert compared[1].startswith("× ")
    # Once in the table of growth, once in that of /-/healthy.
    assert [row[1] for size in ("2x3", "4x3") for row in cells(text, size)] == ["6"] * 2 + [
        "12"
    ] * 2


def test_a_program_that_does_not_start_is_named_with_its_words(tmp_path: Path) -> None:
    done = bench("--sizes=1x1", "--rounds=1", "--jetstream-exporter=false", f"--output={tmp_path}")

    assert done.returncode == 1
    assert "bench: jetstream-exporter does not run" in done.stderr
    assert "Traceback" not in done.stderr


def test_polling_is_measured_for_every_way_in(tmp_path: Path) -> None:
    page = tmp_path / "ways.md"
    command = [sys.executable, "-m", "bench.polling", "3x2", "--seconds=0.3", f"--output={page}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=90)
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    names = [line.split("|")[1].strip() for line in lines[2:]]
    assert names == ["nobody", "HTTP", "system account", "account's API"]
    written = page.read_text()
    assert "\n".join(lines) in written
    assert "nats-py" in written
