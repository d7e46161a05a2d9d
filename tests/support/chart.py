"""The chart, rendered in process by Helm 4, and what Kubernetes and the operator say of the objects."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from helm_python.chart import Chart
from tests.support import fast_yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm"
KUBERNETES = "1.37"
OPERATOR = "monitoring.coreos.com/"

RELEASE = {"name": "jse", "namespace": "monitoring"}

# It would read a schema of a megabyte again for each object.
kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)

Object = dict[str, Any]
Values = Mapping[str, Any]


class Loader(fast_yaml.LOADER):  # type: ignore[misc]
    """Refuses a key that stands twice, which YAML lets win silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key stands twice among {keys}"
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


@cache
def chart() -> Chart:
    return Chart.load(CHART)


def merged(base: Values, over: Values) -> dict[str, Any]:
    """As Helm merges: maps by key, anything else replaced."""
    result = dict(deepcopy(dict(base)))
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value) if both else deepcopy(value)
    return result


def text(values: Values | None = None, **release: str) -> dict[str, str]:
    """Every rendered file, NOTES.txt among them, by its name under templates/."""
    return dict(_text(json.dumps(values or {}), tuple({**RELEASE, **release}.items())))


@lru_cache(maxsize=32)
def _text(values: str, release: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Neighbouring tests ask for the same: a rendering takes a tenth of a second."""
    rendered = chart().render(json.loads(values), **dict(release))
    return {name.partition("/templates/")[2]: body for name, body in rendered.items()}


def objects(values: Values | None = None, **release: str) -> list[Object]:
    files = text(values, **release)
    return [
        document
        for name, body in sorted(files.items())
        if name != "NOTES.txt"
        for document in deepcopy(_documents(body))
    ]


@lru_cache(maxsize=256)
def _documents(body: str) -> list[Object]:
    """Most files are the same whatever the values are, and some are long."""
    return [document for document in yaml.load_all(body, Loader) if document is not None]


def of_kind(kind: str, values: Values | None = None, **release: str) -> list[Object]:
    return [found for found in objects(values, **release) if found["kind"] == kind]


def the(kind: str, values: Values | None = None, **release: str) -> Object:
    (found,) = [
        found
        for found in of_kind(kind, values, **release)
        if "helm.sh/hook" not in found["metadata"].get("annotations", {})
    ]
    return found


def container(values: Values | None = None) -> Object:
    found: Object = the("Deployment", values)["spec"]["template"]["spec"]["containers"][0]
    return found


def validate(found: Object) -> None:
    """Refuse what the API server or the operator would refuse or silently drop."""
    _validate(json.dumps(found))


@lru_cache(maxsize=4096)
def _validate(text: str) -> None:
    found = json.loads(text)
    if found["apiVersion"].startswith(OPERATOR):
        validate_operator(found)
    else:
        kubernetes_validate.validate(found, KUBERNETES, strict=True)


def validate_operator(found: Object) -> None:
    model = operator_model(found["apiVersion"], found["kind"])
    read = model.model_validate(found).model_dump(mode="json", by_alias=True, exclude_unset=True)
    lost = sorted(set(paths(found)) - set(paths(read)))
    assert not lost, f"the operator knows no {found['kind']} field {', '.join(lost)}"


def operator_model(version: str, kind: str) -> Any:
    from cloudcoil.models.prometheus_operator import v1, v1alpha1

    module = {"monitoring.coreos.com/v1": v1, "monitoring.coreos.com/v1alpha1": v1alpha1}[version]
    return getattr(module, kind)


def paths(value: Any, at: str = "") -> Iterator[str]:
    """The path of every key, such as `spec.endpoints[0].port`."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield f"{at}.{key}"
            yield from paths(below, f"{at}.{key}")
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from paths(below, f"{at}[{index}]")
