"""Whatever stands in a file, the command ends with a report."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jetstream_exporter.migrate.command import main
from jetstream_exporter.migrate.names import names
from jetstream_exporter.migrate.rewrite import rewrite
from jetstream_exporter.migrate.tree import parsed

KNOWN = names()
PIECES = st.sampled_from(
    [
        *(
            "gnatsd_varz_mem",
            "nats_consumer_num_pending",
            "nats_stream_limit_bytes",
            "nats_core_info",
            "up",
        ),
        *(
            "(",
            ")",
            "{",
            "}",
            "[",
            "]",
            "[5m]",
            "[$x]",
            "[[y]]",
            "$z",
            "${a:b}",
            ",",
            " ",
            "\n",
            "#",
            '"',
            "'",
            "`",
        ),
        *(
            "sum",
            "rate",
            "by",
            "on",
            "group_left",
            "offset",
            "@",
            "and",
            "unless",
            "or",
            "bool",
            "without",
            "time()",
        ),
        *(
            "+",
            "-",
            "*",
            "/",
            "^",
            "==",
            ">",
            "1",
            "-1",
            "1e9",
            "server_id",
            "stream_name",
            'is_stream_leader="true"',
        ),
        *(
            "label_replace",
            "topk",
            "histogram_quantile",
            "absent",
            "count_values",
            "\x00",
            "é",
            "\ud800"[:0],
            "\\",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)
EXPRESSIONS = st.one_of(
    TEXTS, TEXTS.map(lambda text: f"sum(rate({text}[5m])) by (x)"), st.text(max_size=60)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "panels",
                        "rows",
                        "targets",
                        "expr",
                        "title",
                        "id",
                        "type",
                        "name",
                        "query",
                        "datasource",
                    ),
                    *(
                        "templating",
                        "list",
                        "legendFormat",
                        "options",
                        "current",
                        "regex",
                        "definition",
                        "refId",
                    ),
                    *(
                        "groups",
                        "rules",
                        "alert",
                        "record",
                        "annotations",
                        "labels",
                        "transformations",
                        "fieldConfig",
                    ),
                ]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=40,
)


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS)
def test_any_text_is_rewritten_or_told_why_not(text: str) -> None:
    found = rewrite(text, KNOWN)
    if found.unresolved:
        assert found.new == text
    if found.changed:
        again = rewrite(found.new, KNOWN)
        assert not again.unresolved or "$" in text or "[[" in text, (
            text,
            found.new,
            again.unresolved,
        )
        assert again.new == found.new, text


NAMES = st.sampled_from([*sorted(KNOWN.known), "up", "kube_pod_info", "jetstream_stream_messages"])
LABELS = st.sampled_from(
    [
        *(
            "server_id",
            "server_name",
            "cluster",
            "server_cluster",
            "account",
            "stream_name",
            "stream",
            "instance",
        ),
        *(
            "consumer_name",
            "is_stream_leader",
            "stream_leader",
            "meta_leader",
            "job",
            "env",
            "value",
            "peer",
            "domain",
        ),
    ]
)
SELECTORS = st.builds(
    lambda name, matchers: f"{name}{{{', '.join(matchers)}}}",
    NAMES,
    st.lists(
        st.builds(
            lambda label, operator, value: f'{label}{operator}"{value}"',
            LABELS,
            st.sampled_from(["=", "=~", "!=", "!~"]),
            st.sampled_from(["true", "a", ".*", "$var", "${var:regex}", "[[var]]", "it's"]),
        ),
        max_size=2,
    ),
)
RANGES = st.sampled_from(["[5m]", "[$__rate_interval]", "[1h] offset 5m", "[5m] @ end()"])
LISTS = st.lists(LABELS, max_size=3).map(", ".join)
WINDOWS = ("rate", "increase", "delta", "max_over_time", "changes", "deriv", "count_over_time")
INSTANT = st.one_of(
    SELECTORS,
    SELECTORS.map(lambda text: f"{text} offset 5m"),
    st.builds(
        lambda f, text, over: f"{f}({text}{over})", st.sampled_from(WINDOWS), SELECTORS, RANGES
    ),
)
VECTORS: st.SearchStrategy[str] = st.recursive(
    INSTANT,
    lambda inner: st.one_of(
        st.builds(
            lambda f, how, by, text: f"{f} {how} ({by}) ({text})",
            st.sampled_from(["sum", "max", "count", "avg"]),
            st.sampled_from(["by", "without"]),
            LISTS,
            inner,
        ),
        st.builds(
            lambda left, how, by, right: f"({left}) {how} ({by}) ({right})",
            inner,
            st.sampled_from(
                ["/ on", "- ignoring", "and on", "* on", "unless ignoring", "> bool on"]
            ),
            LISTS,
            inner,
        ),
        st.builds(
            lambda left, how, right: f"{left} {how} ({right})",
            inner,
            st.sampled_from("+-*/"),
            inner,
        ),
        st.builds(lambda text, number: f"({text}) > {number}", inner, st.integers(-2, 9)),
        inner.map(lambda text: f"-({text})"),
        inner.map(lambda text: f"topk(3, {text})"),
        inner.map(lambda text: f'label_replace({text}, "a", "$1", "stream_name", "(.*)")'),
        inner.map(lambda text: f"max_over_time(({text})[10m:1m])"),
    ),
    max_leaves=5,
)


@settings(max_examples=600, deadline=None)
@given(VECTORS)
def test_what_a_valid_expression_becomes_is_valid_and_has_no_name_of_theirs(text: str) -> None:
    found = rewrite(text, KNOWN)
    if not found.unresolved:
        parsed(found.new)
        again = rewrite(found.new, KNOWN)
        assert (again.new, again.names, again.unresolved) == (found.new, (), ())


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(VALUES, st.booleans())
def test_any_json_is_reported(tmp_path: Path, value: Any, as_yaml: bool) -> None:
    file = tmp_path / ("a.yaml" if as_yaml else "a.json")
    file.write_text(json.dumps({"panels": value} if not as_yaml else {"groups": value}))
    out = tmp_path / "out"
    assert 0 <= main([str(file), "--output", str(out), "--format", "json"]) <= 100
    for written in out.glob("*"):
        written.unlink()


@pytest.mark.parametrize(
    "expr",
    [
        "gnatsd_varz_mem" + "{" * 20_000,
        "gnatsd_varz_mem " + "$x " * 5_000,
        'gnatsd_varz_mem{a="' + "\\" * 20_001,
        "label_values(" + "gnatsd_varz_mem, " * 1_500,
        "gnatsd_varz_mem" + " : a" * 7_000,
        "-" * 10_000 + "gnatsd_varz_mem",
    ],
    ids=lambda expr: expr[:20] + expr[-5:],
)
def test_what_is_long_ends_soon(expr: str, tmp_path: Path) -> None:
    variable = {"type": "custom", "name": "v", "query": expr}
    query = {"type": "query", "name": "q", "query": expr}
    board = {"panels": [{"targets": [{"expr": expr}]}], "templating": {"list": [variable, query]}}
    (tmp_path / "a.json").write_text(json.dumps(board))
    started = time.process_time()
    assert main([str(tmp_path / "a.json")]) >= 1
    assert time.process_time() - started < 20


def test_a_board_of_thousands_of_panels_is_migrated(tmp_path: Path) -> None:
    panels = [
        {"id": n, "targets": [{"refId": "A", "expr": f"sum(rate(gnatsd_varz_in_msgs[{n + 1}s]))"}]}
        for n in range(3_000)
    ]
    (tmp_path / "a.json").write_text(json.dumps({"panels": panels}))
    assert main([str(tmp_path / "a.json"), "--output", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "a.json").read_text().count("nats_server_received") == 3_000
