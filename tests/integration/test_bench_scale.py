"""Replayed clusters say what real ones would, and a run over them leaves a page with everyone on it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession
from bench import replay, scale
from bench.replay import Replayed, Shape, serve
from tests.support.exporter import exporter

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = 100  # of streams and consumers, at the most
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


def test_a_quick_run_compares_the_whole_with_its_slices(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    argv = [sys.executable, "-m", "bench.scale", "--shapes=1x1x4x5xR1,1x3x4x5xR3", "--rounds=2"]
    done = subprocess.run(
        [*argv, "--slices=3", f"--output={page}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "## 20 consumers, R3, 3 servers" in text
    rows = [(name, int(n), int(s.replace(",", ""))) for name, n, s in ROW.findall(text)]
    assert [name for name, *_ in rows] == ["jetstream-exporter", "jetstream-exporter, 3 slices"] * 2
    for (_, one, whole), (_, three, sliced) in (rows[:2], rows[2:]):
        assert (one, three) == (1, 3)
        # jetstream_exporter_shard_info and …_shards; slice 0 counts the samples of the families that it has.
        most = whole + 2 * three
        assert most - FAMILIES <= sliced <= most


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--replicas", "3"], "--replicas 3 needs as many --servers, not 1"),
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


@pytest.mark.parametrize("text", ["3x500x40", "1x1x500x40", "axbxcxdxR1", "1x1x1x1xR"])
def test_a_bench_of_no_shape_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        scale.main(["--shapes", text])
    assert ended.value.code == 2
    assert "is not CLUSTERSxSERVERSxSTREAMSxCONSUMERSxRn" in capsys.readouterr().err


def test_a_bench_without_its_program_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.main(["--prometheus-nats-exporter", "/nowhere"]) == 1
    assert "there is no program /nowhere" in capsys.readouterr().err
