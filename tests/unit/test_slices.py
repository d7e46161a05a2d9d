"""Slices of one answer: together they are the whole, whatever the objects are called and however many there are."""

import asyncio
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.support.fake_nats import FakeNats
from tests.support.golden import everything_seen
from tests.support.lag_model import consumer_row
from tests.support.strategies import reports
from tests.support.web import Web

from jetstream_exporter.exposition import Encoder
from jetstream_exporter.metrics import TABLES
from jetstream_exporter.report import Report
from jetstream_exporter.scrape.renderer import Encoders
from jetstream_exporter.scrape.slices import MOST, Slice, SliceError, cut, number_of, parse
from jetstream_exporter.snapshot import Snapshot, merge
from jetstream_exporter.snapshot.rows import Lag

SHARD = "jetstream_exporter_shard"
OWN = (SHARD, "jetstream_exporter_samples")  # about the one response


def series(snapshot: Snapshot) -> list[str]:
    text = b"".join(Encoder(TABLES).render(snapshot)).decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [line for line in lines if not line.startswith(OWN)]


def sliced(snapshot: Snapshot, total: int) -> list[list[str]]:
    return [series(cut(snapshot, Slice(number, total))) for number in range(total)]


@examples(30)
@given(reports(), st.integers(1, 9))
def test_all_slices_together_are_the_whole_and_no_series_comes_twice(
    said: list[Report], total: int
) -> None:
    snapshot = merge(said)
    together = Counter(line for part in sliced(snapshot, total) for line in part)
    assert together == Counter(series(snapshot))


@pytest.mark.parametrize("total", [1, 2, 3, 8, 100])
def test_so_they_are_of_every_family_that_there_is(total: int) -> None:
    snapshot = everything_seen()
    parts = sliced(snapshot, total)
    assert Counter(line for part in parts for line in part) == Counter(series(snapshot))
    of_none = ("nats_", "jetstream_meta_", "jetstream_account_", "jetstream_exporter_")
    assert not any(line.startswith(of_none) for part in parts[1:] for line in part)
    assert any(line.startswith(of_none) for line in parts[0])


@given(st.text(), st.text(), st.integers(1, MOST))
def test_an_object_never_changes_its_slice(account: str, stream: str, total: int) -> None:
    first = number_of(account, stream, total)
    number_of.cache_clear()
    assert first == number_of(account, stream, total) < total


def test_the_slices_are_those_that_are_documented() -> None:
    """A change here moves objects between the Prometheus servers of everybody who uses slices."""
    assert [number_of("A", name, 8) for name in ("ORDERS", "EVENTS", "é")] == [1, 5, 5]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "NUMBER/TOTAL"),
        ("x", "NUMBER/TOTAL"),
        ("1", "NUMBER/TOTAL"),
        ("1/", "NUMBER/TOTAL"),
        ("-1/8", "NUMBER/TOTAL"),
        ("1/8/2", "NUMBER/TOTAL"),
        ("٣/8", "NUMBER/TOTAL"),
        ("1.0/8", "NUMBER/TOTAL"),
        ("8/8", "below 8"),
        ("0/0", f"from 1 to {MOST}"),
        (f"0/{MOST + 1}", f"from 1 to {MOST}"),
        ("0/" + "9" * 5000, "NUMBER/TOTAL"),
    ],
)
def test_what_is_no_slice_is_refused_in_one_sentence(text: str, why: str) -> None:
    with pytest.raises(SliceError, match=why):
        parse(text)


def test_the_text_of_old_slices_is_not_kept_for_ever() -> None:
    encoders = Encoders(TABLES)
    for total in (1, 2, 3, 50):
        for number in range(total):
            encoders.of(Slice(number, total))
    kept = list(encoders._slices)
    assert sum(1 / part.total for part in kept) <= Encoders.KEPT
    assert encoders.of(Slice(49, 50)) is encoders.of(Slice(49, 50))
    assert len(kept) >= 50


class TestOverHttp:
    async def test_slices_of_one_moment_share_one_collection(
        self, fake: FakeNats, site: Web
    ) -> None:
        async def ask(number: int) -> str:
            async with site.client.get(f"/metrics?shard={number}/4") as response:
                assert response.status == 200
                return await response.text()

        before = fake.asked("/jsz")
        answers = await asyncio.gather(*map(ask, range(4)))
        assert fake.asked("/jsz") == before + 1
        assert ["process_cpu_seconds_total" in text for text in answers] == [True] + [False] * 3
        for number, text in enumerate(answers):
            assert f'jetstream_exporter_shard_info{{shard="{number}",total="4"}} 1' in text
        held = [text.count("jetstream_stream_has_leader{") for text in answers]
        async with site.client.get("/metrics") as response:
            whole = await response.text()
        assert sum(held) == whole.count("jetstream_stream_has_leader{") > 0
        assert SHARD not in whole

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("/metrics?shard=8/8", "below 8"),
            ("/metrics?shard=x", "must be NUMBER/TOTAL, such as 0/8, with a total of at most 1024"),
            ("/metrics?shard=0/2&shard=1/2", "only once"),
            ("/sd?shards=0", "from 1 to"),
            ("/sd?shards=x", "from 1 to"),
            ("/probe?target=http://x:8222&shard=0/2", "no parameter"),
        ],
    )
    async def test_a_bad_parameter_is_the_callers_mistake(
        self, path: str, why: str, site: Web
    ) -> None:
        async with site.client.get(path) as response:
            assert response.status == 400
            text = await response.text()
        assert why in text
        assert text.count("\n") == 1

    async def test_discovery_names_each_slice_once(self, site: Web) -> None:
        async with site.client.get("/sd?shards=3") as response:
            groups = await response.json()
        assert [group["labels"]["__param_shard"] for group in groups] == ["0/3", "1/3", "2/3"]
        assert len({group["labels"]["instance"] for group in groups}) == 3
        assert {target for group in groups for target in group["targets"]} == {
            f"{site.client.host}:{site.client.port}"
        }

    async def test_discovery_leaves_the_path_to_the_job(self, site: Web) -> None:
        """A label `__metrics_path__` would replace its `metrics_path`, and no job could have /metrics/config."""
        async with site.client.get("/sd?shards=3") as response:
            groups = await response.json()
        assert {name for group in groups for name in group["labels"]} == {
            "__param_shard",
            "instance",
        }


def test_the_lag_of_a_consumer_is_in_its_slice() -> None:
    rows = [
        msgspec.structs.replace(consumer_row("late"), stream=f"S-{number}") for number in range(20)
    ]
    lags = [Lag(float(number)) for number in range(20)]
    snapshot = Snapshot(consumers=rows, lags=lags)
    together = Counter(line for part in sliced(snapshot, 3) for line in part)
    assert sum("oldest_pending_timestamp" in line for line in together) == 20
    assert together == Counter(series(snapshot))
