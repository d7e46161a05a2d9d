"""Numbers are written as Prometheus' templates write them (template/template.go and its tests)."""

import pytest
from rules.src import page
from rules.src.tables import ALERTS

from jetstream_exporter.status import alerts
from jetstream_exporter.status.alerts import Alert
from jetstream_exporter.status.numbers import FORMATS, short_span, size, span

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("humanize", 0.0, "0"),
        ("humanize", 1.0, "1"),
        ("humanize", 1234567.0, "1.235M"),
        ("humanize", 0.12, "120m"),
        ("humanize", -4200.0, "-4.2k"),
        ("humanize", INF, "+Inf"),
        ("humanize", NAN, "NaN"),
        ("humanize1024", 0.0, "0"),
        ("humanize1024", 1048576.0, "1Mi"),
        ("humanize1024", 0.12, "0.12"),
        ("humanizePercentage", 1.0, "100%"),
        ("humanizePercentage", 0.855, "85.5%"),
        ("humanizePercentage", 0.12, "12%"),
        ("humanizeDuration", 0.0, "0s"),
        ("humanizeDuration", 0.0001, "100us"),
        ("humanizeDuration", 1.0, "1s"),
        ("humanizeDuration", 59.5, "59.5s"),
        ("humanizeDuration", 60.0, "1m 0s"),
        ("humanizeDuration", 3600.0, "1h 0m 0s"),
        ("humanizeDuration", 86400.0 + 3661, "1d 1h 1m 1s"),
        ("humanizeDuration", -3661.0, "-1h 1m 1s"),
        ("integer", 2.5, "2"),
    ],
)
def test_a_format_writes_what_prometheus_does(name: str, value: float, text: str) -> None:
    assert FORMATS[name](value) == text


@pytest.mark.parametrize(
    ("seconds", "words", "short"),
    [
        (0.2, "less than a second", "0s"),
        (1, "1 second", "1s"),
        (119, "1 minute", "1m"),
        (7200, "2 hours", "2h"),
        (172800, "2 days", "2d"),
    ],
)
def test_a_span_is_said_in_its_largest_unit(seconds: float, words: str, short: str) -> None:
    assert (span(seconds), short_span(seconds)) == (words, short)


def test_sizes_have_binary_prefixes() -> None:
    assert [size(each) for each in (0, 1023, 1536, 3 << 30)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "3 GiB",
    ]


def test_the_packaged_alerts_are_what_the_tables_say() -> None:
    assert page.text() == page.PATH.read_text(), "run `python -m rules.src`"


def test_every_alert_of_the_rules_has_a_sentence_that_can_be_filled() -> None:
    labels = dict.fromkeys(("nats_cluster", "server", "account", "stream", "consumer"), "NAME")
    for rule in ALERTS:
        text = alerts.alert(rule.name, rule.severity).text(labels, 0.5)
        assert "{" not in text, rule.name
        assert text.endswith("."), rule.name


@pytest.mark.parametrize(
    ("template", "labels", "text"),
    [
        ("{a} is {value | humanize}", {"a": "x"}, "x is 1.5"),
        ("a{{ with $labels.tier }} of {{ . }}{{ end }}.", {"tier": "R3"}, "a of R3."),
        ("a{{ with $labels.tier }} of {{ . }}{{ end }}.", {}, "a."),
        ('{{ if eq $labels.c "0" }}no{{ else }}yes{{ end }}!', {"c": "0"}, "no!"),
        ('{{ if eq $labels.c "0" }}no{{ else }}yes{{ end }}!', {"c": "1"}, "yes!"),
        ('job {{ or $labels.job "x" }}', {}, "job x"),
        ('{value | printf "%.0f"} of them', {}, "2 of them"),
    ],
)
def test_a_sentence_is_filled_by_its_pieces(
    template: str, labels: dict[str, str], text: str
) -> None:
    alert = Alert("A", "info", "stream", "b", "s", page.pieces(template), 0, None, None)
    assert alert.text(labels, 1.5) == text


@pytest.mark.parametrize(
    "template",
    ["{{ range $x }}{{ end }}", "{{ with $labels.a }}no end", "{{ end }}", "{{ $value }}"],
)
def test_a_sentence_that_no_piece_stands_for_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"end|stands for"):
        page.pieces(template)
