"""Thresholds in metadata, read as the NATS tools read them.

What Go makes of each value was tried with jsm.go 0.5.1 (`ParseDuration`, `strconv.Atoi`, `ParseUint`, `ParseBool`), and
of 40,000 random ones: no difference but `µs`, which its pattern does not know. The values are such as people write, and
the edges of each type.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.reports import consumer, server, stream, unreplicated

from jetstream_exporter.app import load_checked
from jetstream_exporter.config import ConfigError
from jetstream_exporter.exposition import Encoder
from jetstream_exporter.metrics.thresholds import tables
from jetstream_exporter.snapshot import merge, read_configs
from jetstream_exporter.snapshot.metadata import LONGEST_VALUE, object_metadata
from jetstream_exporter.snapshot.rows.metadata import NO_METADATA, Threshold
from jetstream_exporter.snapshot.thresholds import (
    CONSUMER_KEYS,
    STREAM_KEYS,
    consumer_thresholds,
    duration,
    flag,
    monitored,
    objective,
    plain_duration,
    signed,
    stream_thresholds,
    unsigned,
)
from jetstream_exporter.wire import PriorityGroup, Source

DAY = 86_400
STREAM = {
    "lag-critical": ("lag", "critical"),
    "seen-critical": ("seen", "critical"),
    "min-sources": ("min-sources", "critical"),
    "max-sources": ("max-sources", "critical"),
    "peer-expect": ("peer-expect", "critical"),
    "peer-lag-critical": ("peer-lag", "critical"),
    "peer-seen-critical": ("peer-seen", "critical"),
    "msgs-warn": ("msgs", "warning"),
    "msgs-critical": ("msgs", "critical"),
    "subjects-warn": ("subjects", "warning"),
    "subjects-critical": ("subjects", "critical"),
}
CONSUMER = {
    "outstanding-ack-critical": ("outstanding-ack", "critical"),
    "waiting-critical": ("waiting", "critical"),
    "unprocessed-critical": ("unprocessed", "critical"),
    "redelivery-critical": ("redelivery", "critical"),
    "last-delivery-critical": ("last-delivery", "critical"),
    "last-ack-critical": ("last-ack", "critical"),
    "pinned": ("pinned", "critical"),
}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("0", 0),
        ("0s", 0),
        ("250ms", 0.25),
        ("10us", 0.000_01),
        ("10µs", 0.000_01),
        ("5ns", 0.000_000_005),
        ("1.5d", 1.5 * DAY),
        ("1D", DAY),
        ("2w", 14 * DAY),
        ("1W", 7 * DAY),
        ("1M", 30 * DAY),
        ("1m1M", 60 + 30 * DAY),
        ("1y", 365 * DAY),
        ("1Y1M", 395 * DAY),
        (".5h", 1800),
        ("5.s", 5),
        ("-1m1d", -(60 + DAY)),
        ("1h-30m", 5400),
        ("+5s", 5),
        ("290y", 290 * 365 * DAY),
        ("5m, please", 300),
        ("1h5", 3600),
        ("PT5M", 150 * DAY),
    ],
)
def test_a_duration_is_read_as_the_nats_tools_do(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "5", " 0 ", "5 minutes", "5min", "5sec", "1xX", "m", ".h", "1..5h", "-1"),
        *("300y", "200y100y", "٣s", "0x5s", "1e3s", "∞", "00:05:00"),
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration(text)


@pytest.mark.parametrize("text", ["5m, please", "1h5", "PT5M", "5 minutes", "", "1h-30m", "+5s"])
def test_a_duration_of_our_own_keys_is_nothing_but_its_parts(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        plain_duration(text)
    assert plain_duration(" 1h 30m ") == 5400


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("007", 7), ("18446744073709551615", 2**64 - 1)]
)
def test_an_unsigned_number_has_up_to_64_bits(text: str, value: int) -> None:
    assert unsigned(text) == value


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.0", "1e3", "1_000", "10k", " 1", "18446744073709551616", "٣"]
)
def test_what_is_no_unsigned_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        unsigned(text)


@pytest.mark.parametrize(
    ("text", "value"), [("-5", -5), ("+5", 5), ("9223372036854775807", 2**63 - 1)]
)
def test_a_number_may_have_a_sign(text: str, value: int) -> None:
    assert signed(text) == value


@pytest.mark.parametrize("text", ["", "5.0", "9223372036854775808", "-9223372036854775809", "1,5"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        signed(text)


@pytest.mark.parametrize("text", ["yes", "on", "TrUe", "", " true", "2"])
def test_what_is_no_flag_to_go_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="flag"):
        flag(text)


@pytest.mark.parametrize(
    ("text", "share", "seconds"),
    [("99.9% < 30s", 0.999, 30), ("95%<5m", 0.95, 300), (" 99 % < 1h30m ", 0.99, 5400)],
)
def test_an_objective_is_a_share_of_the_time_and_a_limit(
    text: str, share: float, seconds: float
) -> None:
    assert objective(text) == (share, seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "99.9%", "30s", "100% < 30s", "0% < 30s", "99.9% > 30s", "99.9% <= 30s"),
        *("99.9% < 0", "99.9 < 30s", "99.9% < soon", "-1% < 30s", "99.9% < -30s"),
    ],
)
def test_what_is_no_objective_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"objective|duration"):
        objective(text)


def value_for(key: str) -> tuple[str, float]:
    """A value that the key takes, and what it means."""
    if key == "pinned":
        return "true", 1
    return (
        ("2m", 120)
        if "seen" in key or key.startswith("last-") or "exporter.lag" in key
        else ("7", 7)
    )


@pytest.mark.parametrize("key", STREAM)
def test_every_key_of_a_stream_is_read(key: str) -> None:
    text, value = value_for(key)
    expected = ((Threshold(*STREAM[key], value),), ())
    assert stream_thresholds({f"io.nats.monitor.{key}": text}) == expected
    assert consumer_thresholds({f"io.nats.monitor.{key}": text}) == ((), ())


@pytest.mark.parametrize("key", CONSUMER)
def test_every_key_of_a_consumer_is_read(key: str) -> None:
    text, value = value_for(key)
    expected = ((Threshold(*CONSUMER[key], value),), ())
    assert consumer_thresholds({f"io.nats.monitor.{key}": text}) == expected
    assert stream_thresholds({f"io.nats.monitor.{key}": text}) == ((), ())


def test_the_lag_of_a_consumer_has_two_thresholds_and_an_objective() -> None:
    written = {"lag-warn": "1m", "lag-critical": "5m", "slo-lag": "99.9% < 30s"}
    found, invalid = consumer_thresholds(
        {f"io.jetstream-exporter.{key}": text for key, text in written.items()}
    )
    assert found == (
        Threshold("lag", "critical", 300),
        Threshold("lag", "warning", 60),
        Threshold("slo-lag", "none", 30),
        Threshold("slo-lag-ratio", "none", 0.999),
    )
    assert invalid == ()


@pytest.mark.parametrize("text", ["0", "-1", "-5s"])
def test_zero_and_less_switch_a_check_off(text: str) -> None:
    for keys, read in ((STREAM_KEYS, stream_thresholds), (CONSUMER_KEYS, consumer_thresholds)):
        for key in keys:
            found, _ = read({key: text})
            assert found == ()


def test_a_bad_value_is_told_by_its_check_and_harms_no_other() -> None:
    found, invalid = stream_thresholds(
        {
            "io.nats.monitor.msgs-warn": "secret",
            "io.nats.monitor.msgs-critical": "5",
            "io.nats.monitor.seen-critical": "5 minutes",
            "io.nats.monitor.enabled": "maybe",
            "io.jetstream-exporter.monitor": "nope",
        }
    )
    assert found == (Threshold("msgs", "critical", 5),)
    assert invalid == ("enabled", "monitor", "msgs", "seen")


def test_two_bad_values_of_one_check_are_told_once() -> None:
    keys = ("io.nats.monitor.msgs-warn", "io.nats.monitor.msgs-critical")
    assert stream_thresholds(dict.fromkeys(keys, "x"))[1] == ("msgs",)


def test_a_bad_objective_is_told() -> None:
    assert consumer_thresholds({"io.jetstream-exporter.slo-lag": "9"}) == ((), ("slo-lag",))


def test_a_value_of_any_length_is_refused_without_being_read() -> None:
    assert stream_thresholds({"io.nats.monitor.msgs-warn": "9" * 100_000}) == ((), ("msgs",))
    assert consumer_thresholds({"io.jetstream-exporter.slo-lag": "9" * 100_000})[1] == ("slo-lag",)


@given(
    st.dictionaries(
        st.sampled_from([*STREAM_KEYS, *CONSUMER_KEYS, "io.jetstream-exporter.slo-lag"]),
        st.one_of(st.text(max_size=70), st.from_regex(r"[-+]?[0-9.]{0,5}[a-zA-Z%< ]{0,3}")),
    )
)
def test_no_text_is_more_than_a_threshold_or_a_bad_one(metadata: dict[str, str]) -> None:
    for read in (stream_thresholds, consumer_thresholds):
        found, invalid = read(metadata)
        assert all(each.value > 0 for each in found)
        assert len({(each.check, each.severity) for each in found}) == len(found)
        assert sorted(set(invalid)) == list(invalid)


@pytest.mark.parametrize(
    ("text", "expected"), [("false", False), (" F ", False), ("1", True), ("no", None), ("", None)]
)
def test_an_object_is_monitored_unless_its_metadata_says_otherwise(
    text: str, expected: bool | None
) -> None:
    assert monitored({"io.jetstream-exporter.monitor": text}) is expected
    assert monitored({"io.nats.monitor.enabled": text}) is None


def test_what_servers_write_themselves_is_nothing() -> None:
    of_server = {"_nats.ver": "2.15.1", "_nats.level": "5", "_nats.req.level": "0"}
    assert object_metadata(of_server, stream_thresholds, ["app"]) is NO_METADATA
    assert object_metadata(None, stream_thresholds) is NO_METADATA


def test_the_team_and_the_configured_keys_are_kept_and_no_other() -> None:
    written = {"io.jetstream-exporter.team": " payments ", "b": "2", "c": "3"}
    found = object_metadata(written, stream_thresholds, ["a", "b"])
    assert (found.team, found.labels) == ("payments", (("b", "2"),))


def test_a_long_value_of_a_label_is_cut() -> None:
    found = object_metadata({"a": "x" * 1000}, stream_thresholds, ["a"])
    assert found.labels == (("a", "x" * LONGEST_VALUE),)


def exposed(
    metadata: dict[str, str], keys: tuple[str, ...] = (), read_with: tuple[str, ...] | None = None
) -> list[str]:
    """The samples of the tables of metadata, for a stream and a consumer that have it."""
    said = stream(
        "S", unreplicated("n1"), consumer("c", unreplicated("n1"), config={"metadata": metadata}),
        config={"metadata": metadata},
    )  # fmt: skip
    reports = [server("n1", said)]
    snapshot = merge(reports, read_configs(reports, keys if read_with is None else read_with))
    text = b"".join(Encoder(tables(keys)).render(snapshot)).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_thresholds_are_exported_where_they_are_set() -> None:
    lines = exposed({"io.nats.monitor.msgs-warn": "5", "io.nats.monitor.last-ack-critical": "1m"})
    assert lines == [
        'jetstream_stream_threshold{nats_cluster="C",account="APP",stream="S",check="msgs",severity="warning"} 5',
        'jetstream_consumer_threshold{nats_cluster="C",account="APP",stream="S",consumer="c",check="last-ack",'
        'severity="critical"} 60.0',
    ]


def test_a_bad_value_is_exported_by_its_check_and_nowhere_repeated() -> None:
    lines = exposed({"io.nats.monitor.msgs-warn": "hunter2", "io.nats.monitor.pinned": "hunter2"})
    assert lines == [
        'jetstream_stream_threshold_invalid_info{nats_cluster="C",account="APP",stream="S",check="msgs"} 1',
        'jetstream_consumer_threshold_invalid_info{nats_cluster="C",account="APP",stream="S",consumer="c",'
        'check="pinned"} 1',
    ]


def test_a_team_and_configured_keys_are_labels() -> None:
    keys = ("app.kubernetes.io/name", "Größe", "absent")
    lines = exposed({"io.jetstream-exporter.team": 'a"b', keys[0]: "shop", keys[1]: "XL"}, keys)
    labels = 'team="a\\"b",label_app_kubernetes_io_name="shop",label_Gr__e="XL",label_absent=""'
    assert lines == [
        f'jetstream_stream_labels{{nats_cluster="C",account="APP",stream="S",{labels}}} 1',
        f'jetstream_consumer_labels{{nats_cluster="C",account="APP",stream="S",consumer="c",{labels}}} 1',
    ]


def test_what_was_read_before_a_reload_changed_the_keys_stands_under_its_own() -> None:
    line, _ = exposed({"a": "1", "b": "2"}, keys=("c", "b", "a"), read_with=("a", "b"))
    assert line.endswith('team="",label_c="",label_b="2",label_a="1"} 1')
    line, _ = exposed({"a": "1", "b": "2"}, keys=("b",), read_with=("a", "b"))
    assert line.endswith('team="",label_b="2"} 1')


def test_an_object_without_team_and_keys_has_no_labels() -> None:
    assert exposed({"other": "1"}, ("app",)) == []


@pytest.mark.parametrize("key", ["a/b", "a.b", "a-b"])
def test_two_keys_that_are_one_label_are_refused_by_line(tmp_path: Path, key: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"labels:\n  metadata:\n    - a_b\n    - {key}\n")
    with pytest.raises(ConfigError) as error:
        load_checked(str(file), [])
    assert str(error.value) == (
        f"{file}:4: labels.metadata[1]: {key!r} and 'a_b' become the same label label_a_b; "
        "remove one of them"
    )


@pytest.mark.parametrize(
    ("written", "sentence"),
    [("[1]", "expected a string"), ('[""]', "length"), (str(list("abcdefghijklmnopqrstu")), "20")],
)
def test_keys_that_cannot_be_are_refused(tmp_path: Path, written: str, sentence: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"labels: {{metadata: {written}}}\n")
    with pytest.raises(ConfigError, match=rf"config.yaml:1: labels.metadata.*{sentence}"):
        load_checked(str(file), [])


def test_sources_are_counted_each_though_two_have_one_name() -> None:
    said = stream("S", unreplicated("n1"), sources=[Source("O"), Source("O"), Source("P")])
    (row,) = merge([server("n1", said)]).streams
    assert (row.source_count, len(row.sources)) == (3, 2)


@pytest.mark.parametrize(
    ("policy", "clients", "unpinned"),
    [("pinned_client", ["x", ""], 1), ("pinned_client", [], 2), ("overflow", ["", ""], None)],
)
def test_groups_without_a_pinned_client_are_counted(
    policy: str, clients: list[str], unpinned: int | None
) -> None:
    config = {"priority_policy": policy, "priority_groups": ["a", "b"]}
    groups = [PriorityGroup(name, client) for name, client in zip("ab", clients, strict=False)]
    said = stream(
        "S",
        unreplicated("n1"),
        consumer("c", unreplicated("n1"), config=config, priority_groups=groups),
    )
    reports = [server("n1", said)]
    (row,) = merge(reports, read_configs(reports)).consumers
    assert row.unpinned_groups == unpinned
