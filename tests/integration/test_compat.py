"""The series that rules give in place of other exporters' equal theirs, and migrated expressions equal the old ones."""

import re
import time
from pathlib import Path

import pytest
from rules.src import compat, shadow
from tests.support.exporter import eventually
from tests.support.peers import places
from tests.support.peers.compare import together
from tests.support.peers.page import unexplained
from tests.support.peers.programs import PROGRAMS, program
from tests.support.peers.recording import RECORDED, Asked, fast_rules, live, replayed, served
from tests.support.prometheus import prometheus

from jetstream_exporter.migrate.names import names
from jetstream_exporter.migrate.rewrite import rewrite

# What theirs has and ours leaves out, by the name's end: a limit that is none, an account without JetStream or streams.
ABSENT = ("_max_storage", "_max_memory", "_reserved", "_used", "_stream_count")
# Theirs has it only while requests wait.
BUSY = re.compile("_api_inflight$")
# Of an account that nobody uses on a server theirs is 0.
UNUSED = re.compile("_accstatz_|^nats_core_account_")
PLACES = tuple(places.PLACES)
CLUSTER = RECORDED / "cluster"
by_flavour = pytest.mark.parametrize("flavour", compat.FLAVOURS, ids=lambda each: each.subject)

# Expressions of theirs over what the rules record. Each is asked as it is, and as `migrate` makes it.
ASKED = [
    "sum(NAME_varz_mem)",
    "NAME_varz_cpu * 2",
    "max by (server_id) (NAME_varz_connections)",
    "NAME_varz_jetstream_stats_storage / NAME_varz_jetstream_config_max_storage",
    "NAME_varz_mem / NAME_varz_jetstream_config_max_memory",
    "NAME_healthz_status == 0",
    "max_over_time(NAME_healthz_status[10s])",
    "max_over_time(NAME_varz_cpu[10s])",
    "max_over_time(NAME_varz_start[10s]) > bool 0",
    "quantile_over_time(0.5, NAME_varz_mem[10s])",
    "floor(NAME_varz_start / 1000)",
    "sum by (stream_name) (JS_stream_total_messages)",
    'JS_stream_total_bytes{is_stream_leader="true", stream_name=~"O.*"}',
    "JS_stream_last_seq - JS_stream_first_seq",
    "topk(1, sum(JS_stream_total_messages) by (stream_name))",
    "JS_stream_limit_bytes > 0",
    "count(JS_stream_subject_count)",
    'sum by (stream_name) (JS_consumer_num_pending{is_consumer_leader="true"} + JS_consumer_num_ack_pending)',
    "JS_stream_last_seq - on (stream_name) group_right JS_consumer_ack_floor_stream_seq",
    "JS_stream_mirror_lag",
    "JS_server_jetstream_disabled == bool 0",
    "JS_server_total_message_bytes",
    "JS_account_storage_used",
    "count_over_time(JS_stream_total_messages[5s]) > bool 0",
    "avg(JS_server_total_consumers)",
]


def values(found: list[dict[str, object]]) -> list[str]:
    """The values alone: the labels have other names."""
    return sorted(str(each["value"][1]) for each in found)  # type: ignore[index]


@by_flavour
async def test_recorded_answers_of_the_others_equal_what_the_rules_make_of_ours(
    flavour: compat.Flavour, tmp_path: Path
) -> None:
    recorded = [
        {flavour.subject: await replayed(place, flavour, tmp_path / place)} for place in PLACES
    ]
    (found,) = together(recorded).values()

    assert unexplained(found) == {}
    assert [each.name for each in found if not each.objects and not BUSY.search(each.name)] == []
    for each in found:
        assert not each.absent or each.name.endswith(ABSENT) or UNUSED.search(each.name), each
        assert each.objects == each.equal + each.within + len(each.absent) + len(each.differing)


@pytest.mark.parametrize("place", PLACES)
async def test_the_others_beside_this_one_say_the_same(place: str, tmp_path: Path) -> None:
    missing = [name for name in PROGRAMS if program(name) is None]
    if missing:
        pytest.skip(
            f"no program {', '.join(missing)}: on PATH, or named by {', '.join(PROGRAMS.values())}"
        )
    results = await live(place, tmp_path)

    for subject, found in results.items():
        assert unexplained(found) == {}, subject
        for each in found:
            assert not each.absent or each.name.endswith(ABSENT) or UNUSED.search(each.name), each


@by_flavour
async def test_the_shadow_finds_both_exporters_of_one_mind(
    flavour: compat.Flavour, tmp_path: Path
) -> None:
    """Both are scraped by one Prometheus, as in the week in which they run beside each other."""
    theirs = (CLUSTER / f"{flavour.subject}-before.txt").read_text()
    ours = (CLUSTER / "ours.txt").read_text()
    rules = [fast_rules(tmp_path, f"shadow-{flavour.subject}")]
    async with served(ours) as one, served(theirs) as other:
        scrape = {
            "job_name": "both",
            "static_configs": [{"targets": [one]}, {"targets": [other]}],
        }
        async with prometheus(tmp_path, one, scrape=scrape, rules=rules) as running:
            wanted = {f"{figure.what} {figure.name}" for figure in shadow.FIGURES}

            async def are_all_equal() -> bool:
                """Rules of one group are evaluated one after the other."""
                figures = await running.query(f"count by (figure) ({shadow.DIFFERENCE} == 0)")
                return {each["metric"]["figure"] for each in figures} == wanted

            await eventually("every figure of both, without a difference", are_all_equal)
            for name in (shadow.DISAGREES, shadow.MISSING, f"{shadow.DIFFERENCE} != 0"):
                assert await running.query(name) == [], name


@pytest.mark.parametrize(
    ("core", "js", "subject"), [("gnatsd", "jetstream", "pne"), ("nats", "nats", "pne-helm")]
)
async def test_an_expression_gives_the_same_before_and_after_it_is_migrated(
    core: str, js: str, subject: str, tmp_path: Path
) -> None:
    text = (CLUSTER / "ours.txt").read_text()
    (flavour,) = (each for each in compat.FLAVOURS if each.subject == subject)
    rules = [fast_rules(tmp_path, subject)]
    async with served(text) as target, prometheus(tmp_path, target, rules=rules) as running:
        await Asked(flavour, running).values(time.time())
        for pattern in ASKED:
            old = pattern.replace("NAME_", f"{core}_").replace("JS_", f"{js}_")
            new = rewrite(old, names())
            assert new.unresolved == (), old

            async def is_the_same(old: str = old, new: str = new.new) -> bool:
                """A subquery has its first step up to a second after the first sample."""
                before, after = await running.query(old), await running.query(new)
                return bool(before) and values(before) == values(after)

            await eventually(f"the same of {old} and {new.new}", is_the_same)
