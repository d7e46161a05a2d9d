"""Input made to take for ever: an expression, a list or a pattern costs no more than its length."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from jetstream_exporter.migrate.command import main
from jetstream_exporter.migrate.macros import hidden
from jetstream_exporter.migrate.names import names
from jetstream_exporter.migrate.rewrite import rewrite
from jetstream_exporter.migrate.tree import LONGEST

KNOWN = names()
SOON = 5.0  # seconds of one core; each takes hundredths
MEM = "gnatsd_varz_mem "
ALL = LONGEST - len(MEM) - 40
EXPRESSIONS = {
    "escaped quotes": MEM + '"' + '\\"' * (ALL // 2),
    "escaped single quotes": MEM + "'" + "\\'" * (ALL // 2),
    "quotes and a backslash": MEM + '"' + '\\"' * (ALL // 2) + "\\",
    "backquotes": MEM + "`" * ALL,
    "spaces after offset": MEM + "offset" + " " * ALL + "x $y",
    "spaces and variables after offset": f"{MEM}offset{' ' * (ALL - 3000)}x {'$y ' * 900}",
    "variables": MEM + "$x " * (ALL // 3),
    "variables after colons": MEM + "[" + ": $x" * (ALL // 4),
}
PATTERNS = {
    "any": ".*" * 40 + "!",
    "classes": "[a-z_]+" * 12 + "!",
    "alternatives": "".join(f"({each}|{each})" for each in "nats_varz_slow_consumer_stats_cli")
    + "!",
    "nested": "((.*)*)*!",
}
VARIABLES: dict[str, dict[str, Any]] = {
    "spaces in a value": {"type": "custom", "query": "a" + " " * 60_000 + "x"},
    "colons in a value": {"type": "custom", "query": "a : " * 15_000},
    "spaces in label_values": {"type": "query", "query": "label_values(" + " " * 8_000},
    "brackets in label_values": {"type": "query", "query": "label_values(" + ") " * 4_000 + "!"},
}


def quickly(what: Any, *arguments: Any) -> Any:
    started = time.process_time()
    result = what(*arguments)
    assert time.process_time() - started < SOON
    return result


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_a_long_expression_ends_soon(text: str) -> None:
    assert quickly(rewrite, text, KNOWN).unresolved


@pytest.mark.timeout(30)
@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_that_takes_for_ever_is_not_tried(pattern: str) -> None:
    found = quickly(rewrite, f'{{__name__=~"nats_{pattern}"}}', KNOWN)
    assert "regular expression" in found.unresolved[0]
    assert not quickly(rewrite, f'{{__name__=~"{pattern}"}}', KNOWN).changed
    text = f'jetstream_stream_total_bytes{{is_stream_leader=~"{pattern * 9}"}}'
    assert quickly(rewrite, text, KNOWN).changed


@pytest.mark.timeout(30)
@pytest.mark.parametrize("variable", VARIABLES.values(), ids=VARIABLES)
def test_a_long_variable_ends_soon(variable: dict[str, Any], tmp_path: Path) -> None:
    board = {"panels": [], "templating": {"list": [variable | {"name": "v"}]}}
    (tmp_path / "a.json").write_text(json.dumps(board))
    assert quickly(main, [str(tmp_path / "a.json")]) == 0


@pytest.mark.parametrize(
    ("text", "is_span"),
    [
        ("x[$y]", True),
        ("x[ $y]", True),
        ("x[5m:$y]", True),
        ("x[$a : $y]", True),
        ("x OFFSET $y", True),
        ("x offset -$y", True),
        ("x offset - $y", True),
        ("x offset\n $y", True),
        ("x_offset $y", False),
        ("x[5m] - $y", False),
        ("x{a=':'} + $y", False),
        ("a:b:c $y", False),
        ("$y", False),
    ],
)
def test_what_stands_before_a_variable_tells_a_span_of_time(text: str, is_span: bool) -> None:
    way = next(iter(hidden(text)))
    assert ("1000000" in way.text.partition("x")[2]) == is_span
