"""The parts of bench.scale that need no server: shapes, counting scrapes, Prometheus' own text, the page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bench import scale_page
from bench.contestants import Division
from bench.paid import Paid, Stored, Used
from bench.prometheus import Plan, config, size, total
from bench.replay import Shape
from bench.scale_page import Section
from bench.scale_shapes import Planned, shapes
from bench.scrape_count import Count, count, in_all, is_over

PLAN = Plan("prometheus", duration=60, interval=15, timeout=10)
PAID = Paid(
    name="jetstream-exporter, lean",
    clusters=10,
    plan=PLAN,
    targets=10,
    scrapes=Count(due=40, made=39, missed=2),
    longest=1.5,
    samples=1_400_000,
    fewest=1_400_000,
    body=170_000_000,
    gzip=5_000_000,
    used=Used(
        seconds=75, cpu=30, peak=4 << 30, own_cpu=20, own_peaks=[200 << 20] * 10, replay_cpu=9
    ),
    stored=Stored(1_400_000, 5_600_000, refused=0, wal=40_000_000, a_sample=1.5),
)


def points(*scrapes: tuple[float, float]) -> list[tuple[float, float]]:
    return [(1000 + at, up) for at, up in scrapes]


def counted(*scrapes: tuple[float, float]) -> Count:
    """Of a minute with a scrape every 15 seconds that begins at 1,000."""
    return count(points(*scrapes), began=1000, end=1060, interval=15)


def test_scrapes_that_all_succeed_are_none_missed() -> None:
    assert counted((1, 1), (16, 1), (31, 1), (46, 1)) == Count(due=4, made=4, missed=0)


def test_a_scrape_that_fails_is_missed() -> None:
    assert counted((1, 1), (16, 0), (31, 1), (46, 1)) == Count(due=4, made=4, missed=1)


def test_a_scrape_that_never_began_is_missed() -> None:
    assert counted((1, 1), (31, 1)) == Count(due=4, made=2, missed=2)


def test_a_scrape_that_begins_a_moment_late_is_not_missed() -> None:
    """The last was due before the end, and began behind it."""
    assert counted((0, 1), (15.2, 1), (30.1, 1), (45, 1), (60.3, 1)) == Count(5, 5, 0)


def test_a_scrape_behind_the_end_does_not_count() -> None:
    assert counted((1, 1), (16, 1), (31, 1), (46, 1), (61, 0)) == Count(due=4, made=4, missed=0)


def test_a_target_without_samples_has_missed_all() -> None:
    assert counted() == Count(due=4, made=0, missed=4)


def test_the_last_scrape_is_over_when_its_samples_are_there() -> None:
    assert is_over(points((1, 1), (46, 0)), 1060, 15)
    assert not is_over(points((1, 1), (31, 1)), 1060, 15)
    assert not is_over([], 1060, 15)


def test_the_scrapes_of_all_targets_are_added() -> None:
    assert in_all([Count(4, 4, 0), Count(5, 3, 2)]) == Count(9, 7, 2)


def test_samples_of_a_name_are_added_whatever_their_labels() -> None:
    text = '# HELP a b\na 1\na{x="a 7"} 2\nab 4\nc_total 8\nc_d_total{e="f"} 1.6e+01\n'
    assert total(text, "a") == 3
    assert total(text, "c_[a-z]+_total") == 16
    assert total(text, "nothing") == 0


def test_a_folder_has_the_size_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "wal").mkdir()
    (tmp_path / "wal" / "00000000").write_bytes(b"x" * 100)
    (tmp_path / "lock").write_bytes(b"x")
    assert size(tmp_path) == 101


def test_each_slice_is_a_target_of_its_own() -> None:
    urls = Division(slices=2).urls("http://127.0.0.1:1/metrics")
    (job,) = json.loads(config(PLAN, urls))["scrape_configs"]
    assert [each["labels"]["__param_shard"] for each in job["static_configs"]] == ["0/2", "1/2"]
    assert [each["labels"]["instance"] for each in job["static_configs"]] == urls
    assert {each["targets"][0] for each in job["static_configs"]} == {"127.0.0.1:1"}


def test_a_division_is_named_by_what_differs() -> None:
    assert str(Division()) == "jetstream-exporter"
    assert str(Division("lean", shards=4)) == "jetstream-exporter, lean, 4 shards"
    assert "shard: {ordinal: 3, total: 4}" in Division("lean", shards=4).config(3)
    assert "families: {profile: lean}" in Division("lean", shards=4).config(3)
    assert "shard" not in Division().config(0)
    assert str(Division(slices=8, kept=13.5)) == "jetstream-exporter, 8 slices, min_interval 13.5s"
    assert "min_interval: 13500ms" in Division(slices=8, kept=13.5).config(0)


def test_a_shape_says_how_many_of_its_clusters_run() -> None:
    (some, one) = shapes("10/60x5x417x40xR3,1x5x5000x40xR3xA100")
    assert some == Planned(Shape(10, 5, 417, 40, 3), 60)
    assert some.title == "1,000,800 consumers, R3, 300 servers in 60 clusters, 10 of which run"
    assert one == Planned(Shape(1, 5, 5000, 40, 3, accounts=100), 1)
    assert one.title == "200,000 consumers, R3, 5 servers"


def test_the_rest_of_equal_clusters_is_multiplied() -> None:
    measured, rest = PAID.scrape_rows(60)
    assert measured[:5] == ["jetstream-exporter, lean", "10", "39 of 40", "2", "1.50 s"]
    assert rest[:6] == ["… 60 clusters: × 6", "60", "–", "–", "1.50 s", "8,400,000"]
    assert (measured[-2:], rest[-2:]) == (["2000 MiB", "200 MiB"], ["12000 MiB", "200 MiB"])

    measured, rest = PAID.cost_rows(60)
    assert measured[3:7] == ["30.00 s", "40%", "4096 MiB", "3.0 KiB"]
    assert rest[3:7] == ["180.00 s", "240%", "24576 MiB", "3.0 KiB"]
    # 1,400,000 samples × 6 every 15 s × 86,400 s × 1.5 bytes
    assert rest[-2:] == ["1.50 B", "72.6 GB"]


def test_all_clusters_that_run_are_one_row() -> None:
    assert len(PAID.scrape_rows(10)) == len(PAID.cost_rows(10)) == 1


def test_who_gives_less_than_all_is_named() -> None:
    section = Section(shapes("1x1x500x40xR1")[0], paid=[replace(PAID, fewest=1000)])
    section.incomplete.append("the peer")
    section.failed.append("prometheus does not run: out of memory")
    text = scale_page.document([section], load=0.5)
    assert "**the peer is incomplete**: it has fewer samples than consumers." in text
    assert "its poorest scrapes had 1,000 samples" in text
    assert "with one contestant**: prometheus does not run: out of memory" in text
    assert "### Prometheus, 60 s, every 15 s, timeout 10 s" in text


def test_samples_that_prometheus_refused_are_told() -> None:
    assert PAID.notes() == []
    refused = replace(PAID, stored=replace(PAID.stored, refused=7))
    assert refused.notes() == ["**Prometheus refused 7 samples of jetstream-exporter, lean.**"]
