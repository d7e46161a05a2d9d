"""values.yaml, its schema and the templates agree: each key does something, no other is taken."""

import json
import re
import string
from collections.abc import Iterator
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python.errors import HelmError, HelmValuesError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.chart.test_rendering import EVERYTHING, MONITORS
from tests.support import chart

DEFAULTS: dict[str, Any] = yaml.safe_load((chart.CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((chart.CHART / "values.schema.json").read_text())
Path = tuple[str, ...]

# Another value of the right kind for each key whose kind is not enough to know one.
OTHER: dict[Path, Any] = {
    ("imagePullSecrets",): [{"name": "registry"}],
    ("image", "digest"): "sha256:" + "0" * 64,
    ("image", "pullPolicy"): "Always",
    ("config", "clusters"): [{"targets": ["http://other:8222"]}],
    ("kind",): "StatefulSet",
    ("replicas",): 3,
    ("log", "level"): "debug",
    ("log", "format"): "logfmt",
    ("extraArgs",): ["--log.level=debug"],
    ("env",): [{"name": "NATS_PASSWORD", "value": "x"}],
    ("probes", "scheme"): "HTTPS",
    ("resources", "requests", "cpu"): "60m",
    ("resources", "limits", "cpu"): "2",
    ("pod", "tolerations"): [{"key": "a", "operator": "Exists"}],
    ("pod", "affinity"): {"nodeAffinity": {}},
    ("pod", "topologySpreadConstraints"): [
        {"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    ("networkPolicy", "from"): [{"namespaceSelector": {"matchLabels": {"a": "b"}}}],
    ("networkPolicy", "to"): [{"podSelector": {"matchLabels": {"a": "b"}}}],
    ("networkPolicy", "natsPorts"): [8223],
    ("networkPolicy", "monitoringNamespace"): "observability",
    ("rules", "clusters"): ["orders"],
    ("compat", "series"): ["pne"],
    ("compat", "shadow"): ["pne"],
    ("rules", "selector"): 'env="prod"',
    ("monitor", "kind"): "PodMonitor",
    ("monitor", "interval"): "1m",
    ("monitor", "scrapeTimeout"): "9s",
    ("monitor", "scheme"): "https",
    ("monitor", "tlsConfig"): {"serverName": "a"},
    ("monitor", "basicAuth"): {"username": {"name": "a", "key": "b"}},
    ("monitor", "relabelings"): [{"targetLabel": "a", "replacement": "b"}],
    ("monitor", "metricRelabelings"): [{"targetLabel": "a", "replacement": "b"}],
    ("monitor", "targets"): ["http://other:8222"],
    ("rules", "runbookUrl"): "https://runbooks.example.com/",
    ("rules", "dashboardUrl"): "https://grafana.example.org",
    ("rules", "alertLabels"): {"team": "platform"},
    ("rules", "alerts"): {"JetStreamConsumerAckNone": {"enabled": False}},
    ("alertmanagerConfig", "pagerduty", "teams"): {"payments": "other-key"},
    ("alertmanagerConfig", "pagerduty", "url"): "https://events.eu.pagerduty.com/v2/enqueue",
}


def leaves(values: dict[str, Any], at: Path = ()) -> Iterator[Path]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key)


def other(path: Path) -> Any:
    if path in OTHER:
        return OTHER[path]
    value = at(path)
    if isinstance(value, bool):
        return not value
    return {str: "other", int: 2 if value == 1 else 1, dict: {"other": "value"}}[type(value)]


def at(path: Path) -> Any:
    value: Any = chart.merged(DEFAULTS, EVERYTHING)
    for key in path:
        value = value[key]
    return value


def nested(path: Path, value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return dict(value)


LEAVES = list(leaves(DEFAULTS))
# What only a cluster that is asked can show: tests/chart/test_two_releases.py.
ONLY_INSTALLED = ("rules", "lookup")


# Tests of one value stand together, since they ask for the same rendering.
@pytest.mark.parametrize(
    "path", [p for p in LEAVES if p != ONLY_INSTALLED], ids=".".join, scope="module"
)
def test_every_value_changes_the_rendering(path: Path) -> None:
    change = nested(path, other(path))
    assert any(manifests(chart.merged(base(kind), change)) != base_text(kind) for kind in MONITORS)


@pytest.mark.parametrize("kind", MONITORS)
def test_every_value_of_the_monitor_is_for_each_kind_of_it(kind: str) -> None:
    for path in LEAVES:
        if path[0] == "monitor" and path[1] not in {"kind", "targets"}:
            changed = chart.merged(base(kind), nested(path, other(path)))
            assert manifests(changed) != base_text(kind), ".".join(path)


def base(kind: str) -> dict[str, Any]:
    return chart.merged(EVERYTHING, {"monitor": {"kind": kind}})


@cache
def base_text(kind: str) -> dict[str, str]:
    return manifests(base(kind))


def manifests(values: dict[str, Any]) -> dict[str, str]:
    """What is applied: without the notes, which say what was asked for, not what was made."""
    return {name: body for name, body in chart.text(values).items() if name != "NOTES.txt"}


@pytest.mark.parametrize("path", LEAVES, ids=".".join, scope="module")
def test_every_changed_rendering_is_valid(path: Path) -> None:
    for found in chart.objects(chart.merged(base(MONITORS[0]), nested(path, other(path)))):
        chart.validate(found)


def maps(values: dict[str, Any], at: Path = ()) -> Iterator[Path]:
    yield at
    for key, value in values.items():
        if isinstance(value, dict):
            yield from maps(value, (*at, key))


# What is passed on whole: its keys are judged by who reads them.
VERBATIM = {
    ("config",),
    ("resources", "requests"),
    ("resources", "limits"),
    ("pod", "nodeSelector"),
    ("pod", "affinity"),
    ("monitor", "tlsConfig"),
    ("monitor", "basicAuth"),
    ("alertmanagerConfig", "pagerduty", "teams"),
}


@pytest.mark.parametrize("path", sorted(set(maps(DEFAULTS)) - VERBATIM), ids=".".join)
def test_an_unknown_key_is_refused(path: Path) -> None:
    if path and path[-1].lower().endswith(("labels", "annotations")):
        change = nested(path, {"key": {"not": "text"}})
    else:
        change = nested((*path, "unheardOf"), "value")

    with pytest.raises(HelmError):
        chart.text(change)


def test_the_schema_names_what_values_yaml_names() -> None:
    assert set(schema_leaves(SCHEMA)) == {path[:1] + path[1:] for path in maps_and_leaves()}


def schema_leaves(schema: dict[str, Any], at: Path = ()) -> Iterator[Path]:
    for key, below in schema.get("properties", {}).items():
        path = (*at, key)
        if path not in {("global",), ("resources", "claims")}:  # Helm's own; rare
            yield path
            yield from schema_leaves(below, path)


def maps_and_leaves() -> Iterator[Path]:
    for path in LEAVES:
        for length in range(1, len(path) + 1):
            if path[: length - 1] not in VERBATIM and not free(path[: length - 1]):
                yield path[:length]


def free(path: Path) -> bool:
    return bool(path) and path[-1].lower().endswith(("labels", "annotations"))


def test_every_value_is_explained_where_it_stands() -> None:
    lines = (chart.CHART / "values.yaml").read_text().splitlines()
    comments = sum(line.lstrip().startswith("#") for line in lines)

    assert comments > len(LEAVES) / 2


def test_the_values_that_the_page_about_the_chart_names_are_values() -> None:
    section = (
        (chart.ROOT / "docs" / "kubernetes.md").read_text().partition("| value | what it does |")[2]
    )
    rows = section.partition("\n\n")[0].splitlines()[2:]
    named = [n for row in rows for n in re.findall(r"`(\w+(?:\.\w+)*)", row.split("|")[1])]

    assert len(named) >= 9
    for name in named:
        assert at(tuple(name.split("."))) is not None


ODD_TEXT = st.one_of(
    st.sampled_from(
        [
            "yes",
            "null",
            "~",
            "1e3",
            "0x10",
            "- a",
            "a: b",
            "{{ .Values }}",
            "#",
            "'",
            '"',
            "\n",
            "%",
            "é",
            "x" * 300,
        ]
    ),
    st.text(alphabet=string.printable, max_size=20),
)
ODD: st.SearchStrategy[Any] = st.one_of(
    ODD_TEXT,
    st.integers(-(2**31), 2**40),
    st.booleans(),
    st.none(),
    st.dictionaries(ODD_TEXT, ODD_TEXT, max_size=2),
    st.lists(ODD_TEXT, max_size=2),
)
# Free forms by design: what stands there is Kubernetes' or the operator's or the exporter's to judge.
FREE = VERBATIM | {
    ("env",),
    ("pod", "tolerations"),
    ("pod", "topologySpreadConstraints"),
    ("networkPolicy", "from"),
    ("networkPolicy", "to"),
    ("monitor", "relabelings"),
    ("monitor", "metricRelabelings"),
}


@settings(
    max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(
    path=st.sampled_from([p for p in LEAVES if not any(p[:n] in FREE for n in (1, 2, 3))]),
    value=ODD,
)
def test_an_odd_value_is_refused_by_name_or_rendered_validly(path: Path, value: Any) -> None:
    values = chart.merged(EVERYTHING, nested(path, value))
    try:
        found = chart.objects(values)
    except HelmValuesError:
        return
    for each in found:
        try:
            chart.validate(each)
        except kubernetes_validate.ValidationError as error:
            raise AssertionError(f"{'.'.join(path)} = {value!r}: {error}") from error
