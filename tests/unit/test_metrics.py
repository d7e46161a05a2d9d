"""The families: their names, types and labels are what rules and dashboards rely on."""

import re

import promql_parser
from scripts.metrics_reference import REFERENCE, main, reference
from tests.support.each import each

from jetstream_exporter.metrics import TABLES, Family

FAMILIES = {family.name: (family, table) for table in TABLES for family in table.families}

# What prometheus-nats-exporter 0.20 and nats-surveyor 0.9 emit (their collectors' BuildFQName calls).
THEIRS = {
    f"jetstream_{kind}_{name}"
    for kind, names in {
        "server": "jetstream_disabled max_memory max_storage total_consumers total_message_bytes total_messages "
        "total_streams",
        "account": "max_memory max_storage memory_used storage_used",
        "stream": "consumer_count first_seq last_seq limit_bytes limit_messages mirror_active_duration_ns mirror_lag "
        "source_active_duration_ns source_lag subject_count total_bytes total_messages",
        "consumer": "ack_floor_consumer_seq ack_floor_stream_seq delivered_consumer_seq delivered_stream_seq "
        "last_ack_seconds last_delivery_seconds num_ack_pending num_pending num_redelivered num_waiting",
    }.items()
    for name in names.split()
}
THEIR_PREFIXES = (
    "gnatsd_",
    "nats_core_",
    "nats_stream_",
    "nats_consumer_",
    "nats_survey_",
    "nats_jetstream_",
    "nats_latency_",
)


def test_no_name_is_given_twice() -> None:
    names = [family.name for table in TABLES for family in table.families]
    assert sorted(set(names)) == sorted(names)


def test_only_counters_end_in_total() -> None:
    wrong = [
        f.name for f, _ in FAMILIES.values() if (f.type == "counter") != f.name.endswith("_total")
    ]
    assert wrong == []


def test_names_and_labels_are_valid() -> None:
    for name, (_, table) in FAMILIES.items():
        assert re.fullmatch(
            "(nats_(server|gateway|leafnode|route|account)|jetstream)_[a-z0-9_]+", name
        )
        for label in table.labels:
            assert re.fullmatch("[a-z_]+", label)
            assert not label.startswith("__")


def test_no_family_has_the_name_of_another_exporter_s() -> None:
    """Both can live in one Prometheus."""
    assert set() == FAMILIES.keys() & THEIRS
    assert [name for name in FAMILIES if name.startswith(THEIR_PREFIXES) or name == "nats_up"] == []


@each("family", [f for f, _ in FAMILIES.values()], ids=lambda f: f.name)
def test_every_family_is_explained_with_a_query_that_parses(family: Family[object]) -> None:
    assert family.help.endswith(".")
    assert family.origin
    promql_parser.parse(family.query)
    used = re.findall(
        r"\b(?:nats|jetstream)_[a-z_]+\b", re.sub(r"\b(?:by|on) \([^)]*\)", "", family.query)
    )
    assert {family.name, f"{family.name}_bucket"} & set(used)
    known = {name.removesuffix("_bucket") for name in used} - {"nats_cluster"}
    assert set() == known - FAMILIES.keys()


def test_the_reference_is_what_the_tables_say() -> None:
    assert reference() == REFERENCE.read_text(encoding="utf-8"), "run scripts/metrics_reference.py"
    assert main(["--check"]) == 0


def test_the_reference_opens_with_the_four_numbers() -> None:
    opening = REFERENCE.read_text(encoding="utf-8").split("\n## ")[0]
    for name in (
        "jetstream_consumer_ack_pending_messages",
        "jetstream_consumer_redelivered_messages",
        "jetstream_consumer_ack_floor_lag_messages",
        "jetstream_stream_storage_ratio",
    ):
        assert name in opening
