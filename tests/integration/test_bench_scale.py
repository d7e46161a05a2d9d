"""Replayed clusters say what real ones would, and a run over them leaves a page with everyone on it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from bench import replay, scale
from bench.measure import MeasureError
from bench.paid import Paid, Stored, Used
from bench.prometheus import Plan, prometheus
from bench.replay import Replayed, Shape, serve
from bench.replay_scrapes import Scraped
from bench.scrape_count import Count, Points, count
from tests.support.exporter import exporter
from tests.support.tools import tool

from jetstream_exporter.demo.child import until

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = 100  # of streams and consumers, at the most
# Targets, scrapes that were made and due, those missed, and samples of all targets.
PROMETHEUS = re.compile(
    r"^\| ([a-z][^|]*) \| (\d+) \| (\d+) of (\d+) \| (\d+) \| [\d.]+ m?s \| ([\d,]+) \|", re.M
)
ROW = re.compile(r"^\| (jetstream-exporter[^|]*) \| (\d+) \|.*\| ([\d,]+) \| [\d.]+ MB \|$", re.M)


async def test_every_object_of_a_replayed_cluster_is_exported_once_by_its_leader(
    tmp_path: Path,
) -> None:
    shape = Shape(clusters=2, servers=5, streams=7, consumers=3, replicas=3)
    runner, targets = await serve(Replayed(shape))
    try:
        async with exporter(tmp_path, targets) as running:
            samples = await running.scrape()
            assert samples.all("nats_server_up") == [1] * 10
            assert samples.all("jetstream_stream_has_leader") == [1] * 14
            assert samples.all("jetstream_consumer_has_quorum") == [1] * shape.all_consumers
            assert samples.all("jetstream_consumer_fault_tolerance") == [1] * shape.all_consumers
            assert samples.all("jetstream_consumer_pending_messages") == [500_000] * 42
            assert set(samples.all("jetstream_exporter_source_part_up")) == {1}
            before = samples.all("jetstream_consumer_deliveries_total")

            await running.until(
                "figures that move",
                lambda s: s.all("jetstream_consumer_deliveries_total") != before,
            )
    finally:
        await runner.cleanup()


async def test_a_path_with_two_slashes_is_redirected_as_by_a_server() -> None:
    """prometheus-nats-exporter starts only when the server has answered such a path."""
    runner, (target,) = await serve(Replayed(Shape(streams=2, consumers=3)))
    try:
        async with ClientSession() as client:
            async with client.get(f"{target}//varz") as answer:
                assert [before.status for before in answer.history] == [307]
                assert (await answer.json())["server_name"] == "c0-n0"
            async with client.get(f"{target}//jsz?consumers=true&raft=true") as answer:
                (account,) = (await answer.json())["account_details"]
                assert len(account["stream_detail"]) == 2
    finally:
        await runner.cleanup()


async def test_the_accounts_of_a_replayed_cluster_divide_its_streams() -> None:
    """A shard asks for the list of accounts, and then for each of its own."""
    runner, (target,) = await serve(Replayed(Shape(streams=5, consumers=3, accounts=2)))
    try:
        async with ClientSession() as client:
            whole = await accounts(client, f"{target}/jsz?consumers=true")
            listed = await accounts(client, f"{target}/jsz?accounts=true")
            parts = [await accounts(client, f"{target}/jsz?acc={n}&consumers=true") for n in whole]
    finally:
        await runner.cleanup()
    assert whole == {"LOAD-0000": ["S00000", "S00001"], "LOAD-0001": ["S00002", "S00003", "S00004"]}
    assert listed == {"LOAD-0000": [], "LOAD-0001": []}
    assert parts == [{name: streams} for name, streams in whole.items()]


async def accounts(client: ClientSession, url: str) -> dict[str, list[str]]:
    """The streams of each account in an answer."""
    async with client.get(url) as answer:
        details = (await answer.json())["account_details"]
    return {each["id"]: [s["name"] for s in each.get("stream_detail", ())] for each in details}


@pytest.mark.slow
def test_a_quick_run_compares_the_whole_with_its_slices_and_shards(tmp_path: Path) -> None:
    text = page(tmp_path, "--shapes=1/2x3x4x5xR3xA4", "--slices=3", "--shards=2")
    assert "## 40 consumers, R3, 6 servers in 2 clusters, 1 of which run" in text
    assert "incomplete" not in text
    found = {(name, int(n)): int(s.replace(",", "")) for name, n, s in ROW.findall(text)}
    names = ("", ", 3 slices", ", 2 shards", ", lean", ", lean, 3 slices", ", lean, 2 shards")
    assert {name for name, _ in found} == {f"jetstream-exporter{name}" for name in names}
    for profile in ("", ", lean"):
        whole = found[f"jetstream-exporter{profile}", 1]
        # jetstream_exporter_shard_info and …_shards; slice 0 counts the samples of the families that it has.
        most = whole + 2 * 3
        assert most - FAMILIES <= found[f"jetstream-exporter{profile}, 3 slices", 3] <= most
    assert text.count("| … 2 clusters: × 2 |") == len(names)


# It asks as prometheus-nats-exporter does: for paths with two slashes, and once before it listens.
PEER = """#!{python}
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import urlopen

port = next(int(flag.removeprefix("-port=")) for flag in sys.argv if flag.startswith("-port="))
name = json.load(urlopen(sys.argv[-1] + "/varz"))["server_name"]

class Metrics(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = json.load(urlopen(sys.argv[-1] + "/jsz?consumers=true&config=true&raft=true"))
        streams = answer["account_details"][0]["stream_detail"]
        names = [consumer["name"] for stream in streams for consumer in stream["consumer_detail"]]
        text = "".join(f'peer{{{{server="{{name}}",consumer="{{each}}"}}}} 1\\n' for each in names)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

HTTPServer(("127.0.0.1", port), Metrics).serve_forever()
"""


@pytest.mark.slow
def test_a_real_prometheus_scrapes_everyone_in_turn(tmp_path: Path) -> None:
    peer = tmp_path / "peer"
    peer.write_text(PEER.format(python=sys.executable))
    peer.chmod(0o755)
    text = page(
        tmp_path,
        "--shapes=1/2x3x4x5xR3",
        "--profiles=lean",
        "--slices=2",
        f"--prometheus-nats-exporter={peer}",
        "--prometheus=4s",
        "--scrape-interval=1s",
        f"--prometheus-program={tool('prometheus')}",
        rounds=0,
    )
    assert "incomplete" not in text
    assert "refused" not in text
    found = {name: list(map(number, cells)) for name, *cells in PROMETHEUS.findall(text)}
    whole, sliced, peers = (
        "jetstream-exporter, lean",
        "jetstream-exporter, lean, 2 slices, min_interval 0.9s",
        "prometheus-nats-exporter, one a server",
    )
    assert {name: cells[0] for name, cells in found.items()} == {whole: 1, sliced: 2, peers: 3}
    for targets, made, due, *_ in found.values():
        assert 4 * targets <= made <= due <= 6 * targets
    assert found[peers][-1] == 3 * 20  # each server has a replica of everything
    assert 0 < found[sliced][-1] - found[whole][-1] + FAMILIES < 2 * FAMILIES
    assert text.count("| … 2 clusters: × 2 |") == 2 * len(found)


async def test_scrapes_that_a_real_prometheus_misses_are_counted(tmp_path: Path) -> None:
    """One target answers, one says that it cannot, and one does not answer in time."""
    over = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/stuck":
            await over.wait()
        broken = request.path == "/broken"
        return web.Response(text="a 1\n", status=503 if broken else 200)

    app = web.Application()
    app.router.add_get("/{path}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    urls = [f"{base}/{path}" for path in ("well", "broken", "stuck")]
    plan = Plan(str(tool("prometheus")), duration=3, interval=1, timeout=0.5)
    try:
        async with prometheus(plan, urls, tmp_path) as server:
            ups: Mapping[str, Points] = {}

            async def have_three_scrapes() -> bool:
                nonlocal ups
                ups = await asyncio.to_thread(server.points, "up", 60)
                return len(ups) == 3 and all(len(points) >= 4 for points in ups.values())

            await until("three scrapes", have_three_scrapes, deadline=60)
    finally:
        over.set()
        await runner.cleanup()
    counts = [count(ups[url], 0, ups[url][0][0] + 3, 1) for url in urls]
    assert [(each.due, each.missed) for each in counts] == [(4, 0), (4, 4), (4, 4)]


def test_a_contestant_that_fails_is_named_and_the_bench_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are measured all the same."""

    async def without_exporter(plan: Plan, scraped: Scraped, *_: object) -> Paid:
        if "lean" in scraped.name:
            raise MeasureError(f"{scraped.name} ended")
        return PAID

    monkeypatch.setattr(scale, "pay", without_exporter)
    written = tmp_path / "page.md"
    argv = ["--shapes=1x1x2x2xR1", "--rounds=0", "--slices=1", "--prometheus=1m"]
    argv += [f"--prometheus-program={tool('prometheus')}", f"--output={written}"]
    assert scale.main([*argv, "--profiles=lean,full"]) == 1
    text = written.read_text()
    assert "with one contestant**: jetstream-exporter, lean ended" in text
    assert "| 3 of 4 | 1 | 1.50 s |" in text


PAID = Paid(
    name="jetstream-exporter",
    clusters=1,
    plan=Plan("prometheus", 60, 15, 10),
    targets=1,
    scrapes=Count(due=4, made=3, missed=1),
    longest=1.5,
    samples=100,
    fewest=100,
    body=1000,
    gzip=100,
    used=Used(75, cpu=1, peak=1 << 20, own_cpu=1, own_peaks=[1 << 20], replay_cpu=1),
    stored=Stored(100, 300, refused=0, wal=100, a_sample=None),
)


def number(text: str) -> int:
    return int(text.replace(",", ""))


def page(folder: Path, *flags: str, rounds: int = 1) -> str:
    """What a short run writes."""
    written = folder / "scale.md"
    argv = [
        sys.executable,
        "-m",
        "bench.scale",
        f"--rounds={rounds}",
        f"--output={written}",
        *flags,
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    return written.read_text()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--replicas", "3"], "--replicas 3 needs as many --servers, not 1"),
        (["--accounts", "501"], "--accounts 501 needs as many --streams, not 500"),
        (["--streams", "0"], "every number has to be at least 1"),
        (["--streams", "many"], "invalid int value: 'many'"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        replay.main(argv)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--shapes=3x500x40"], "is not CLUSTERSxSERVERSxSTREAMSxCONSUMERSxRn, such as"),
        (["--shapes=1x1x1x1xR"], "is not CLUSTERSxSERVERSxSTREAMSxCONSUMERSxRn, such as"),
        (["--shapes=1x1x1x0xR1"], "'1x1x1x0xR1' cannot be: every number has to be at least 1"),
        (["--shapes=5/4x1x1x1xR1"], "cannot be: 5 of 4 clusters cannot run"),
        (["--shapes=1x2x1x1xR3"], "cannot be: R3 needs at least 3 servers"),
        (["--shapes=1x1x4x1xR1xA5"], "cannot be: 5 accounts need as many streams"),
        (["--profiles=full,fat"], "'fat' is no profile; use full, lean or both"),
        (["--prometheus=10"], "'10' is not a duration; write it like 30s, 5m or 1h30m"),
        (["--scrape-interval=often"], "'often' is not a duration"),
        (["--slices=many"], "invalid int value: 'many'"),
    ],
)
def test_a_flag_that_cannot_be_is_refused(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        scale.main(argv)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--prometheus-nats-exporter=/nowhere"], "there is no program /nowhere"),
        (["--output=/nowhere/page.md"], "--output: there is no folder /nowhere"),
        (["--slices=0"], "--slices and --shards have to be at least 1, and --rounds at least 0"),
        (["--rounds=0"], "--rounds 0 leaves nothing to measure: give --prometheus"),
        (["--prometheus=20s"], "--prometheus 20s is too short for two scrapes, one every 15s"),
        (
            ["--prometheus=1m", "--scrape-timeout=20s"],
            "--scrape-timeout 20s is longer than --scrape-interval 15s",
        ),
        (
            ["--prometheus=1m", "--scrape-interval=0s"],
            "--scrape-interval and --scrape-timeout have to be longer than 0",
        ),
        (
            ["--prometheus=1m", "--prometheus-program=/nowhere"],
            "there is no program /nowhere: `python scripts/tools.py prometheus` installs it",
        ),
        (["--shards=4"], "--shards 4 needs as many accounts in each shape, not 1: add xA40"),
        (["--no-whole", "--slices=1"], "--no-whole leaves nothing to measure"),
    ],
)
def test_what_cannot_be_measured_is_told_at_once(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scale.main(argv) == 1
    assert said in capsys.readouterr().err
