"""Whether Prometheus accepts a text: prometheus_client's parser, and what Go refuses and Python does not."""

import math
import re

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

# A sample as Prometheus' lexer reads it: a name, labels with three escapes, one space, a value.
_SAMPLE = re.compile(
    r'[a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)'
)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def check(text: bytes, *, openmetrics: bool = False, parse: bool = True) -> None:
    """AssertionError, or what the parser raises, if Prometheus would refuse the text."""
    said = text.decode("utf-8")  # strictly: one wrong byte costs the whole scrape
    for line in said.split("\n"):
        if line and not line.startswith("#"):
            sample = _SAMPLE.fullmatch(line)
            assert sample, f"no sample: {line[:200]!r}"
            assert is_accepted_number(sample[1]), f"out of range: {line[:200]!r}"
    if not parse:  # which takes ten times as long
        return
    for _ in (read_openmetrics if openmetrics else read_text)(said):
        pass


def is_accepted_number(text: str) -> bool:
    """Whether `strconv.ParseFloat` of Go takes it: it refuses a finite number that becomes infinite by rounding."""
    if text in ("+Inf", "-Inf", "NaN"):
        return True
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))
