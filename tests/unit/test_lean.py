"""The lean profile: fewer series than the full one, and no other value."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from tests.support.examples import examples
from tests.support.fake_nats import FakeNats
from tests.support.golden import METADATA_KEYS, everything_seen
from tests.support.lean import LEFT_OUT
from tests.support.reports import BORN, consumer, follows, led, outcome, server, stream
from tests.support.scrapes import Scrapes
from tests.support.strategies import outcomes, reports
from tests.support.web import web

from jetstream_exporter.config.exported import Families, Filters
from jetstream_exporter.config.schema import Config
from jetstream_exporter.exposition import Encoder
from jetstream_exporter.metrics import Profile, tables
from jetstream_exporter.metrics.lean import CONDITIONS, chosen_of
from jetstream_exporter.report import ServerReport
from jetstream_exporter.scrape import Content
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.scrape.renderer import _encoders
from jetstream_exporter.scrape.slices import Slice, cut
from jetstream_exporter.snapshot import Consumer, Snapshot
from jetstream_exporter.wire import Position

SERIES = re.compile(r'(jetstream_consumer_\w+)\{.*account="(.*?)",stream="(.*?)",consumer="(.*?)"')
# What no consumer has that keeps up: its messages are delivered once, and its leader stays.
OF_TROUBLE = {"jetstream_consumer_redelivered_messages"}
# By hand, with whatever a consumer can have.
MADE_UP = {("APP", "LIMITED", "pushed"), ("APP", "ORDERS", "worker"), ("APP", "ORDERS", "tomorrow")}


def lines(snapshot: Snapshot, profile: Profile) -> list[str]:
    text = b"".join(Encoder(tables(METADATA_KEYS, profile)).render(snapshot)).decode()
    no_value = ("#", "jetstream_exporter_samples{")  # which counts the lines of this very text
    return [line for line in text.splitlines() if not line.startswith(no_value)]


def by_consumer(found: Sequence[str]) -> dict[tuple[str, ...], list[str]]:
    grouped: dict[tuple[str, ...], list[str]] = {}
    for line in found:
        if match := SERIES.match(line):
            grouped.setdefault(match.groups()[1:], []).append(match[1])
    return grouped


def test_every_series_of_the_lean_profile_is_in_the_full_one_with_the_same_value() -> None:
    snapshot = everything_seen()
    full, lean = lines(snapshot, "full"), lines(snapshot, "lean")
    assert Counter(lean) <= Counter(full)
    assert len(lean) > 500


@examples(25)
@given(reports())
def test_whatever_servers_report_no_value_of_the_profiles_differs(said: Any) -> None:
    processor = Processor(Config(filters=Filters(ephemeral_consumers=True)), 0.0)
    snapshot = processor.process(outcomes(said), 1.0, 1.0)
    assert Counter(lines(snapshot, "lean")) <= Counter(lines(snapshot, "full"))


def test_a_consumer_that_keeps_up_has_at_most_8_series_and_one_that_stands_2_more() -> None:
    snapshot = everything_seen()
    working = msgspec.structs.replace(
        snapshot, delivered_lately={row.key for row in snapshot.consumers}
    )
    for shown, most in ((working, 8), (snapshot, 10)):
        found = by_consumer(lines(shown, "lean"))
        plain = {key: names for key, names in found.items() if key not in MADE_UP}
        assert len(plain) == 13
        counts = [len([n for n in names if n not in OF_TROUBLE]) for names in plain.values()]
        assert max(counts) == most


def test_an_idle_consumer_has_5_and_its_configuration_2() -> None:
    snapshot = everything_seen()
    (row,) = (each for each in snapshot.consumers if each.name == "fa")
    idle = msgspec.structs.replace(row, pending=0, ack_pending=0, redelivered=0)
    alone = msgspec.structs.replace(snapshot, consumers=[idle], lags=[])
    (names,) = by_consumer(lines(alone, "lean")).values()
    assert sorted(names) == [
        "jetstream_consumer_ack_pending_messages",
        "jetstream_consumer_acknowledged_deliveries_total",
        "jetstream_consumer_delivered_sequence",
        "jetstream_consumer_deliveries_total",
        "jetstream_consumer_info",
        "jetstream_consumer_max_deliver",
        "jetstream_consumer_pending_messages",
    ]


def of(name: str, row: Consumer) -> bool:
    return bool(chosen_of(CONDITIONS[f"jetstream_consumer_{name}"], [row])[0])


CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("waiting_pulls", {"pending": 1, "ack_pending": 0}, True),
    ("waiting_pulls", {"pending": 0, "ack_pending": 1}, True),
    ("waiting_pulls", {"pending": 0, "ack_pending": 0}, False),
    ("waiting_pulls", {"pending": None, "ack_pending": 0}, True),
    ("redelivered_messages", {"redelivered": 1}, True),
    ("redelivered_messages", {"redelivered": 0}, False),
    ("paused", {"paused": True}, True),
    ("paused", {"paused": False}, False),
    ("ack_floor_sequence", {"ack_floor_sequence": 6, "delivered_sequence": 5}, True),
    ("ack_floor_sequence", {"ack_floor_sequence": 5, "delivered_sequence": 5}, False),
    ("ack_floor_sequence", {"ack_floor_sequence": None, "delivered_sequence": None}, False),
    ("max_ack_pending", {"ack_pending": 500}, True),
    ("max_ack_pending", {"ack_pending": 499}, False),
    ("max_ack_pending", {"ack_pending": None}, False),
    ("max_ack_pending", {"ack_pending": 500, "settings": None}, False),
    ("ack_wait_seconds", {"settings": {"ack_wait": 300.0}}, False),
    ("ack_wait_seconds", {"settings": {"ack_wait": 301.0}}, True),
    ("last_ack_timestamp_seconds", {"settings": {"backoff_max": 301.0}}, True),
    ("last_ack_timestamp_seconds", {"settings": None}, False),
    ("created_timestamp_seconds", {"recreated_lately": True}, True),
    ("created_timestamp_seconds", {"recreated_lately": False}, False),
    ("leader_changes_total", {"raft": {"changed_lately": True}}, True),
    ("leader_changes_total", {"raft": {"changed_lately": False}}, False),
    ("has_leader", {"raft": {"leader": None}}, True),
    ("has_leader", {"raft": {"leader": "n1"}}, False),
    ("has_quorum", {"raft": {"has_quorum": False}}, True),
    ("has_quorum", {"raft": {"has_quorum": True}}, False),
]


@pytest.fixture(scope="module")
def rows() -> list[Consumer]:
    return everything_seen().consumers


@pytest.mark.parametrize(("name", "fields", "expected"), CASES)
def test_a_sample_is_there_where_an_alert_can_follow_from_it(
    rows: list[Consumer], name: str, fields: dict[str, Any], expected: bool
) -> None:
    (row,) = (each for each in rows if (each.stream, each.name) == ("R3", "fa"))
    for key in ("settings", "raft"):
        if fields.get(key):
            fields = {**fields, key: msgspec.structs.replace(getattr(row, key), **fields[key])}
    assert of(name, msgspec.structs.replace(row, **fields)) == expected


@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_a_consumer_with_thresholds_has_every_sample(rows: list[Consumer], name: str) -> None:
    (row,) = (each for each in rows if each.name == "pushed")
    assert row.settings is not None
    assert row.settings.metadata.thresholds
    assert of(name.removeprefix("jetstream_consumer_"), row)


def test_what_the_profile_speaks_of_exists_and_no_family_is_named_twice() -> None:
    names = {family.name for table in tables() for family in table.families}
    assert LEFT_OUT | set(CONDITIONS) <= names
    assert LEFT_OUT.isdisjoint(CONDITIONS)


def test_tables_of_which_nothing_is_left_cost_nothing() -> None:
    names = {table.name for table in tables(profile="lean")}
    assert "Consumers: pinned clients" not in names
    assert all(table.families for table in tables(profile="lean"))


def test_an_encoder_that_wrote_other_scrapes_writes_what_a_new_one_does() -> None:
    snapshot = everything_seen()
    kept = Encoder(tables(METADATA_KEYS, "lean"))
    for keep in (slice(None), slice(5, None), slice(0, 7), slice(None)):
        part = msgspec.structs.replace(
            snapshot, consumers=snapshot.consumers[keep], lags=snapshot.lags[keep]
        )
        fresh = b"".join(Encoder(tables(METADATA_KEYS, "lean")).render(part))
        assert b"".join(kept.render(part)) == fresh


def test_slices_and_both_paths_together_are_the_profile() -> None:
    config = Config(families=Families(profile="lean"))
    encoders, snapshot = _encoders(config), everything_seen()
    recent = {row.key for row in snapshot.consumers[::2]}
    snapshot = msgspec.structs.replace(snapshot, delivered_lately=recent)

    def series(content: Content) -> Counter[str]:
        found: Counter[str] = Counter()
        for number in range(3):
            part = Slice(number, 3)
            text = b"".join(encoders[content].of(part).render(cut(snapshot, part)))
            found.update(x for x in text.decode().splitlines() if "consumer=" in x)
        return found

    together = series(Content.OTHERS) + series(Content.CONFIGURATION)
    assert together == series(Content.EVERYTHING)
    text = b"".join(encoders[Content.EVERYTHING].of(None).render(snapshot)).decode()
    assert together == Counter(x for x in text.splitlines() if "consumer=" in x)


def test_of_a_consumer_that_works_two_series_come_back_once_it_stands_still() -> None:
    config = Config(families=Families(profile="lean"))
    processor, encoder = Processor(config, 0.0), Encoder(tables(profile="lean"))

    def names(deliveries: int, now: float) -> set[str]:
        at, raft = Position(deliveries, deliveries, BORN), led("n1", "n2", "n3")
        said = msgspec.structs.replace(consumer("c", raft, pending=3), delivered=at)
        reports = [server("n1", stream("S", raft, said))]
        for name, other in (("n2", "n3"), ("n3", "n2")):
            raft = follows("n1", other)
            reports.append(server(name, stream("S", raft, consumer("c", raft))))
        outcomes = [outcome(report, f"http://{report.server_name}:8222") for report in reports]
        snapshot = processor.process(outcomes, now, now)
        text = b"".join(encoder.render(snapshot)).decode()
        return {line.split("{")[0] for line in text.splitlines() if 'consumer="c"' in line}

    standing = names(5, 0)
    working = names(6, 15)
    assert standing - working == {
        "jetstream_consumer_last_delivery_timestamp_seconds",
        "jetstream_consumer_waiting_pulls",
    }
    assert names(6, 30) == working
    assert names(6, 70) == standing


async def test_the_setting_is_the_profile_of_every_path(fake: FakeNats, tmp_path: Path) -> None:
    file = tmp_path / "exporter.yaml"
    file.write_text("families: {profile: lean}\n")
    async with web([fake.url], file) as site:
        for path in ("/metrics", f"/probe?target={fake.url}"):
            async with site.client.get(path) as response:
                text = await response.text()
            assert 'jetstream_exporter_profile_info{profile="lean"} 1' in text
            assert not any(f"\n{name}{{" in text for name in LEFT_OUT)
            assert "\njetstream_stream_messages{" in text


async def test_without_the_setting_the_profile_is_full(fake: FakeNats) -> None:
    async with web([fake.url]) as site, site.client.get("/metrics") as response:
        text = await response.text()
    assert 'jetstream_exporter_profile_info{profile="full"} 1' in text
    assert "\njetstream_stream_ephemeral_consumers{" in text


def elected(name: str, born: datetime = BORN) -> list[ServerReport]:
    others, raft_group = {"n1", "n2", "n3"} - {name}, str(born)
    groups = {other: follows(name, *others, group=raft_group) for other in others}
    groups[name] = led(name, *others, group=raft_group)
    return [
        server(each, stream("S", raft, consumer("c", raft, created=born)))
        for each, raft in groups.items()
    ]


def test_a_change_of_leader_is_recent_for_half_an_hour() -> None:
    scrapes = Scrapes()
    first = scrapes.scrape(*elected("n1")).consumers[0]
    changed = scrapes.scrape(*elected("n2"), after=30).consumers[0]
    still = scrapes.scrape(*elected("n2"), after=1799).consumers[0]
    later = scrapes.scrape(*elected("n2"), after=1).consumers[0]
    found = [(row.raft.changes, row.raft.changed_lately) for row in (first, changed, still, later)]
    assert found == [(0, False), (1, True), (1, True), (1, False)]


def test_a_consumer_that_was_made_anew_is_so_for_half_an_hour() -> None:
    scrapes, anew = Scrapes(), BORN + timedelta(minutes=1)
    first = scrapes.scrape(*elected("n1")).consumers[0]
    changed = scrapes.scrape(*elected("n1", anew), after=30).consumers[0]
    still = scrapes.scrape(*elected("n1", anew), after=1799).consumers[0]
    later = scrapes.scrape(*elected("n1", anew), after=1).consumers[0]
    found = [row.recreated_lately for row in (first, changed, still, later)]
    assert found == [False, True, True, False]
