"""The parts of bench/ that need no server: reading /proc, counting, medians, tables."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench import lag_truth, report, rules, run, table
from bench.load import Size, before
from bench.machine import cpu_model, libraries
from bench.measure import Compared, Scrape, Series, in_turn, median, samples_in
from bench.proc import Process, Ticks, parse_stat, parse_status

STAT = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 30 20 20 0 4 0 100 1000 200"
STATUS = "Name:\tpython\nVmPeak:\t  900 kB\nVmHWM:\t  512 kB\nThreads:\t3\n"


def series(name: str, walls: list[float], peak: int) -> Series:
    scrapes = [Scrape(wall=wall, size=2_000_000, cpu=wall / 2, server_cpu=0.05) for wall in walls]
    compared = Compared(name, "1.0", "http://127.0.0.1:1/metrics", pid=1)
    return Series(compared, 1.5, 64 * 2**20, 1234, plain=scrapes, gzip=scrapes, peak=peak)


def test_ticks_are_read_past_a_name_with_spaces_and_parentheses() -> None:
    assert parse_stat(STAT) == Ticks(own=200, waited_for=50)


def test_a_field_of_status_is_bytes() -> None:
    assert parse_status(STATUS, "VmHWM") == 512 * 1024


def test_a_missing_field_of_status_is_said() -> None:
    with pytest.raises(ValueError, match="has no VmSwap"):
        parse_status(STATUS, "VmSwap")


def test_a_process_counts_with_its_children() -> None:
    code = "import sys; x = bytearray(50_000_000); print('up', flush=True); sys.stdin.read()"
    before = Process(os.getpid()).peak_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert Process(os.getpid()).peak_bytes() > before + 50_000_000
        assert Process(child.pid).cpu_seconds() <= Process(os.getpid()).cpu_seconds()


def test_a_forgotten_peak_falls_to_what_is_resident() -> None:
    block = bytearray(80_000_000)
    del block
    before = Process(os.getpid()).peak_bytes()

    Process(os.getpid()).forget_peak()

    assert Process(os.getpid()).peak_bytes() < before


def test_samples_are_lines_that_are_neither_empty_nor_comments(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b'# HELP a b\na 1\n\nb{c="#"} 2\n# EOF\n')
    assert samples_in(body) == 2


def test_the_median_ignores_scrapes_without_the_figure() -> None:
    scrapes = [Scrape(wall, 1, None, 0.0) for wall in (3.0, 1.0, 2.0, 9.0)]

    assert median(scrapes, lambda one: one.wall) == 2.5
    assert median(scrapes, lambda one: one.cpu) is None


def test_answers_of_different_lengths_are_not_all_whole() -> None:
    whole, cut = series("ours", [0.2, 0.3], 1), series("theirs", [0.2, 0.3], 1)
    cut.plain = [Scrape(0.1, 1_900_000, 0.1, 0.1), Scrape(0.3, 272_000_000, 0.1, 0.1)]

    assert whole.is_whole()
    assert not cut.is_whole()
    assert "**theirs did not always give everything**: its answers had 1.9 MB to 272.0 MB" in (
        report.not_whole(cut)
    )


def test_nobody_is_always_first_or_always_behind_the_same_neighbour() -> None:
    everyone = [series(name, [0.2], 1) for name in ("curl", "heavy", "ours", "theirs")]
    rounds = [[one.compared.name for one in in_turn(everyone, n)] for n in range(1, 5)]

    assert all(sorted(order) == ["curl", "heavy", "ours", "theirs"] for order in rounds)
    assert len({order[0] for order in rounds}) > 1
    behind = {order[place - 1] for order in rounds if (place := order.index("ours"))}
    assert behind == {"heavy", "theirs"}


def test_a_size_is_streams_times_consumers_each() -> None:
    size = Size.parse("500x40")

    assert (size, size.consumers, str(size)) == (Size(500, 40), 20_000, "500x40")


@pytest.mark.parametrize("text", ["500", "x40", "500x", "5.0x4", "-1x4"])
def test_what_is_no_size_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form STREAMSxCONSUMERS, such as 500x40"):
        Size.parse(text)


def test_a_larger_load_adds_only_what_is_missing() -> None:
    assert Size(2, 2).pairs() - Size(2, 1).pairs() == {(0, 1), (1, 1)}


def test_the_acknowledgement_of_the_delivery_before_has_both_sequences_one_lower() -> None:
    assert before("$JS.ACK.load-0001.consumer-002.1.7.7.1700000000.3") == (
        "$JS.ACK.load-0001.consumer-002.1.6.6.1700000000.3"
    )


def test_sizes_that_shrink_are_refused_since_one_server_serves_them_all() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="10x40 does not contain 20x40"):
        run.sizes("20x40,10x40")


def test_a_program_of_this_environment_is_found_without_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")

    assert run.find("pytest") == str(Path(sys.executable).parent / "pytest")
    assert run.find("no-such-exporter") is None


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0123, "12 ms"), (0.1, "0.10 s"), (12.345, "12.35 s")]
)
def test_seconds_have_the_digits_that_matter(value: float | None, text: str) -> None:
    assert table.seconds(value) == text


def test_a_table_has_a_text_column_and_figures() -> None:
    assert table.markdown(("", "wall"), [("ours", "1 s")]).splitlines() == [
        "|  | wall |",
        "| --- | ---: |",
        "| ours | 1 s |",
    ]


def test_a_row_of_the_contest_holds_the_medians() -> None:
    row = table.series_row(series("ours", [0.2, 0.4, 0.3], peak=100 * 2**20))

    assert dict(zip(table.COLUMNS, row, strict=True)) == {
        "": "ours",
        "version": "1.0",
        "wall": "0.30 s",
        "wall, gzip": "0.30 s",
        "CPU": "0.15 s",
        "CPU, gzip": "0.15 s",
        "nats-server's CPU": "50 ms",
        "peak resident": "100 MiB",
        "samples": "1,234",
        "size": "2.0 MB",
        "size, gzip": "2.0 MB",
        "first scrape": "1.50 s",
        "its peak": "64 MiB",
    }


def test_peers_are_shown_as_multiples_of_us() -> None:
    text = table.ratios(series("ours", [0.5], 100), [series("theirs", [4.0], 650)])

    assert text.splitlines()[-1] == "| theirs | × 8.0 | × 8.0 | × 8.0 | × 1.0 | × 6.5 |"


def test_growth_compares_each_load_with_the_one_before() -> None:
    small, large = series("ours", [0.2], 2**20), series("ours", [0.3], 2**21)

    lines = table.growth({Size(1, 10): small, Size(2, 10): large}).splitlines()

    assert lines[2] == "| 1x10 | 10 | 0.20 s | 0.10 s | 1 MiB | – | – | – | – |"
    assert lines[3] == "| 2x10 | 20 | 0.30 s | 0.15 s | 2 MiB | × 2.0 | × 1.5 | × 1.5 | × 2.0 |"


def test_the_processor_is_named_as_cpuinfo_names_it() -> None:
    assert cpu_model("processor\t: 0\nmodel name\t: A B @ 2 GHz\n") == "A B @ 2 GHz"


def test_the_libraries_are_those_the_exporter_requires() -> None:
    assert {"aiohttp", "msgspec", "prometheus-client"} <= set(libraries())
    assert "pytest" not in libraries()


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--streams", "0"], "at least 1"),
        (["--consumers-each", "-1"], "at least 1"),
        (["--rounds", "0"], "at least 1"),
        (["--rounds", "many"], "invalid int value"),
        (["--prometheus", "/no/prometheus"], "there is no program /no/prometheus"),
        (["--prometheus", sys.executable, "--output", "/no/folder/page.md"], "there is no folder"),
        (["--prometheus", sys.executable, "--output", "/tmp"], "/tmp is a folder"),
    ],
)
def test_what_the_rules_cannot_be_measured_with_is_said_before_anything_starts(
    flags: list[str], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "page", lambda *_: pytest.fail("it was measured"))
    with pytest.raises(SystemExit) as ended:
        rules.main(flags)
    assert ended.value.code == 2
    assert why in capsys.readouterr().err.splitlines()[-1]


def test_a_server_that_is_missing_is_said_before_the_lag_is_compared_with_the_truth(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert lag_truth.main(["--servers", sys.executable, "/no/nats-server"]) == 1
    assert capsys.readouterr().err == "bench: /no/nats-server is not an executable nats-server\n"
