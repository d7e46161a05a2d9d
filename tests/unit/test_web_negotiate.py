"""What a request asks for: the format, the encoding, and the time."""

import math

import pytest

from jetstream_exporter.web.negotiate import (
    BadTimeoutError,
    scrape_timeout,
    wants_gzip,
    wants_openmetrics,
)

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_TEXT_ONLY = "text/plain;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        (PROMETHEUS_PROTOBUF, True),
        (PROMETHEUS_TEXT_ONLY, False),
        (BROWSER, False),
        ("", False),
        ("*/*", False),
        ("application/openmetrics-text", True),
        ("APPLICATION/OpenMetrics-Text; Version=1.0.0", True),
        ('application/openmetrics-text; version="1.0.0"', True),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.4", True),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.5", False),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.5", False),
        ("application/openmetrics-text;q=0.5,*/*;q=0.8", False),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.1,*/*;q=0.8", True),
        ("application/openmetrics-text;q=0.5,text/plain;q=0,*/*", True),
        ("application/openmetrics-text;q=0,text/plain;q=0.1,*/*", False),
        ("application/openmetrics-text,*/*;q=0.1", True),
        ("application/*", True),
        ("application/*;q=0.5,text/*;q=0.9", False),
        ("text/plain;q=0,*/*", True),
        ("text/plain;q=0", False),
        ("application/openmetrics-text;q=high", False),
        ("application/openmetrics-text;q=nan", False),
        ("application/openmetrics-text;q=-1", False),
        ("application/openmetrics-text;q=7", False),
        (";;,,;q=,=;", False),
        ("é\x00,application/openmetrics-text;;q=1", True),
    ],
)
def test_openmetrics_is_served_to_who_prefers_it(accept: str, openmetrics: bool) -> None:
    assert openmetrics == wants_openmetrics(accept)


@pytest.mark.parametrize(
    ("accept", "gzip"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("GZIP;q=0.1", True),
        ("x-gzip", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("identity, gzip", True),
        ("identity;q=0, gzip;q=0.1", True),
        ("identity;q=1, gzip;q=0.5", False),
        ("identity;q=0.5, *", True),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("gzip;q=lots", False),
    ],
)
def test_gzip_is_sent_to_who_takes_it(accept: str, gzip: bool) -> None:
    assert gzip == wants_gzip(accept)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 7),
        ("10", 9.5),
        ("10.000000", 9.5),
        ("1.5", 1),
        ("1", 0.5),
        ("0.2", 0.1),
        ("1e1", 9.5),
        (" 5 ", 4.5),
        ("86400", 119.5),
        ("1e300", 119.5),
    ],
)
def test_a_scrape_ends_half_a_second_before_prometheus_gives_up(
    header: str | None, seconds: float
) -> None:
    """Where half a second is half of it or more, half of it; and two minutes are the most."""
    assert pytest.approx(seconds) == scrape_timeout(header, 7)


@pytest.mark.parametrize(
    "header", ["", "soon", "10s", "0", "-0", "-1", "nan", "inf", "-inf", "1e400", "１０", "1_0"]
)
def test_a_senseless_timeout_is_refused(header: str) -> None:
    with pytest.raises(BadTimeoutError):
        scrape_timeout(header, 7)


def test_the_smallest_timeout_is_still_one() -> None:
    assert 0 < scrape_timeout(repr(math.ulp(1)), 7) < 1
