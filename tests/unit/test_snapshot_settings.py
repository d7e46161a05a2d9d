"""Configurations in base units, without sentinels."""

import re
from dataclasses import dataclass

import msgspec
import pytest
from tests.support.merging import YEAR_ONE, merged, on_one, only_consumer, only_stream
from tests.support.reports import NOW, SECOND, consumer, server, stream, unreplicated

from jetstream_exporter.snapshot import LabelOptions
from jetstream_exporter.snapshot.rows import StreamFeatures
from jetstream_exporter.snapshot.settings import LONGEST_TEXT, stream_settings
from jetstream_exporter.snapshot.units import UNLIMITED, duration, limit, since_heard, timestamp
from jetstream_exporter.wire import Placement, StreamConfig


@dataclass(frozen=True)
class Letters:
    name: str
    subjects: tuple[str, ...]
    expected: bool


@pytest.mark.parametrize(
    "case",
    [
        Letters("ORDERS", ("orders.>",), False),
        Letters("ORDERS-deadletter", ("x",), True),
        Letters("X", ("orders.>", "orders.dlq"), True),
    ],
)
def test_a_stream_holds_dead_letters_by_its_name_or_a_subject(case: Letters) -> None:
    said = server(
        "n1",
        stream(case.name, unreplicated("n1"), replicas=1, config={"subjects": list(case.subjects)}),
    )
    label_options = LabelOptions(dead_letter=re.compile("dead|dlq"))
    assert [case.expected] == [
        row.dead_letter for row in merged(said, label_options=label_options).streams
    ]
    assert [row.dead_letter for row in merged(said).streams] == [False]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-1, None), (0, None), (UNLIMITED, None), (1, 1), (UNLIMITED - 1, UNLIMITED - 1)],
)
def test_a_limit_of_minus_1_0_or_2_to_the_64_less_1_is_none(value: int, expected: object) -> None:
    assert expected == limit(value)


@pytest.mark.parametrize(("value", "expected"), [(0, None), (-1, None), (1_500_000_000, 1.5)])
def test_a_duration_is_in_seconds_and_0_is_none(value: int, expected: object) -> None:
    assert expected == duration(value)
    assert expected == since_heard(value)


def test_the_year_1_is_never() -> None:
    assert (None, None, NOW.timestamp()) == (timestamp(None), timestamp(YEAR_ONE), timestamp(NOW))


def test_a_stream_s_configuration_is_translated() -> None:
    said = stream(
        "S",
        unreplicated("n1"),
        replicas=1,
        config={
            "max_age": 72 * 3600 * SECOND,
            "max_bytes": 1 << 30,
            "max_msgs": 1_000_000,
            "max_consumers": -1,
            "max_msg_size": 1024,
            "max_msgs_per_subject": 5,
            "duplicate_window": 600 * SECOND,
        },
    )
    settings = only_stream(server("n1", said)).settings
    assert settings is not None
    assert (
        settings.max_age,
        settings.max_bytes,
        settings.max_messages,
        settings.max_consumers,
        settings.max_message_bytes,
        settings.max_messages_per_subject,
        settings.duplicate_window,
        settings.replicas,
    ) == (259200.0, 1 << 30, 1_000_000, None, 1024, 5, 600.0, 1)


def test_a_consumer_s_configuration_is_translated() -> None:
    said = consumer(
        "c",
        unreplicated("n1"),
        config={
            "ack_wait": 30 * SECOND,
            "max_deliver": -1,
            "max_ack_pending": 1000,
            "filter_subjects": ["a", "b"],
        },
    )
    settings = only_consumer(on_one(said)).settings
    assert settings is not None
    assert (
        settings.ack_wait,
        settings.max_deliver,
        settings.max_ack_pending,
        settings.filtered,
        settings.durable,
        settings.push,
        settings.ack_policy,
        settings.deliver_policy,
    ) == (30.0, None, 1000, True, True, False, "explicit", "all")


@pytest.mark.parametrize(
    ("backoff", "longest"),
    [([], None), ([SECOND], 1.0), ([5 * SECOND, 3600 * SECOND, 60 * SECOND], 3600.0)],
)
def test_of_a_backoff_the_longest_step_is_told(backoff: list[int], longest: float | None) -> None:
    said = only_consumer(on_one(consumer("c", unreplicated("n1"), config={"backoff": backoff})))
    assert said.settings is not None
    assert said.settings.backoff_max == longest


@pytest.mark.parametrize(
    ("name", "sourcing", "role"),
    [
        ("JS_MIRROR_ORDERS_x7", True, "mirror"),
        ("JS_SRC_ORDERS_x7", True, "source"),
        ("JS_SRC_ORDERS_x7", False, ""),
        ("billing", False, ""),
    ],
)
def test_a_consumer_by_which_another_stream_copies_is_told_by_its_configuration_and_not_by_its_name(
    name: str, sourcing: bool, role: str
) -> None:
    config = {"sourcing": sourcing, "ack_policy": "flow_control"}
    said = only_consumer(on_one(consumer(name, unreplicated("n1"), config=config)))
    assert said.settings is not None
    assert said.settings.role == role


@pytest.mark.parametrize(
    ("text", "monitored"),
    [
        ("false", False),
        ("False", False),
        ("0", False),
        (" f ", False),
        ("true", True),
        ("no", None),
        ("", None),
    ],
)
def test_an_operator_s_word_on_monitoring_is_a_flag_or_nothing(
    text: str, monitored: bool | None
) -> None:
    metadata = {"io.jetstream-exporter.monitor": text}
    said = stream(
        "S", unreplicated("n1"), consumer("c", unreplicated("n1"), config={"metadata": metadata})
    )
    quiet = stream(
        "Q", unreplicated("n1"), consumer("c", unreplicated("n1")), config={"metadata": metadata}
    )
    snapshot = merged(server("n1", said, quiet))
    rows = {(row.name, row.settings and row.settings.monitored) for row in snapshot.streams}
    assert rows == {("S", None), ("Q", monitored)}
    told = {(row.stream, row.settings and row.settings.monitored) for row in snapshot.consumers}
    assert told == {("S", monitored), ("Q", None)}


def test_a_stream_s_features_are_told() -> None:
    """As a server writes them: msgspec reads the rules for subjects without their contents."""
    written = """{"name": "S", "num_replicas": 1, "compression": "s2", "allow_direct": true, "sealed": true,
        "deny_purge": true, "allow_atomic": true, "subject_transform": {"src": ">", "dest": "a.>"},
        "republish": {"src": ">", "dest": "b.>"}, "placement": {"cluster": "east", "tags": ["ssd", "az:1"]}}"""
    features = stream_settings(msgspec.json.decode(written, type=StreamConfig)).features
    assert features == StreamFeatures(
        compression="s2",
        allow_direct=True,
        allow_atomic_publish=True,
        deny_purge=True,
        sealed=True,
        subject_transform=True,
        republish=True,
        placement_cluster="east",
        placement_tags="az:1,ssd",
    )
    assert stream_settings(StreamConfig("S")).features == StreamFeatures()


def test_a_tenant_s_texts_do_not_make_labels_of_any_length() -> None:
    placement = Placement("c" * 5000, ["t" * 100] * 100)
    features = stream_settings(StreamConfig("S", placement=placement)).features
    assert len(features.placement_cluster) == len(features.placement_tags) == LONGEST_TEXT


def test_what_a_stream_s_publishers_may_have_removed_is_told() -> None:
    config = {"allow_rollup_hdrs": True, "allow_msg_ttl": False}
    row = only_stream(server("n1", stream("S", unreplicated("n1"), config=config)))
    assert row.settings is not None
    assert (row.settings.rollups, row.settings.message_ttl) == (True, False)
