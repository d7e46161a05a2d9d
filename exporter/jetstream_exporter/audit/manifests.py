"""The facts of manifests: Kubernetes objects as YAML, and among them what runs nats-server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jetstream_exporter.audit.finding import Seen, Severity
from jetstream_exporter.audit.natsconf import NatsConf

Object = Mapping[str, Any]
WORKLOADS = ("StatefulSet", "Deployment", "DaemonSet")
SERVERS = ("nats", "nats-server")
STDIN = "-"


class ManifestError(Exception):
    """What was given is not manifests; one sentence."""


@dataclass(frozen=True, slots=True)
class Manifest:
    file: str
    object: Object

    @property
    def kind(self) -> str:
        return str(self.object.get("kind", ""))

    @property
    def name(self) -> str:
        return str(self.part("metadata").get("name", ""))

    @property
    def spec(self) -> Object:
        return self.part("spec")

    def part(self, *keys: str) -> Object:
        """The mapping at these keys; an empty one where there is none."""
        return mapping(self.object, *keys)


def mapping(value: Object, *keys: str) -> Object:
    found: Any = value
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def sequence(value: Object, key: str) -> Sequence[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that runs nats-server, with the objects around it."""

    manifest: Manifest
    container: Object
    conf: NatsConf | None
    around: Sequence[Manifest]

    @property
    def label(self) -> str:
        return f"{self.manifest.kind} {self.manifest.name}"

    @property
    def pod(self) -> Object:
        return self.manifest.part("spec", "template", "spec")

    @property
    def pod_labels(self) -> Object:
        return self.manifest.part("spec", "template", "metadata", "labels")

    def selected_by(self, selector: Object) -> bool:
        """Whether a selector's matchLabels find its pods; an empty one finds all."""
        labels = self.pod_labels
        return all(labels.get(key) == value for key, value in selector.items())

    def services(self) -> Iterator[Manifest]:
        for each in self.around:
            selector = each.part("spec", "selector")
            if each.kind == "Service" and selector and self.selected_by(selector):
                yield each

    def of_kind(self, kind: str, *selector: str) -> Iterator[Manifest]:
        """The objects of a kind whose selector finds the pods."""
        for each in self.around:
            if each.kind == kind and self.selected_by(each.part(*selector, "matchLabels")):
                yield each


Workloads = Sequence[Workload]


def each(
    find: Callable[[Workload], Iterator[str | tuple[str, Severity]]],
) -> Callable[[Workloads], Iterator[Seen]]:
    """A check of one workload, for all of them."""

    def find_all(facts: Workloads) -> Iterator[Seen]:
        for workload in facts:
            for found in find(workload):
                what, severity = found if isinstance(found, tuple) else (found, None)
                yield Seen(workload.label, what, severity, workload.manifest.file)

    return find_all


def read(paths: Sequence[str]) -> list[Manifest]:
    return [manifest for path in paths for manifest in _read(path)]


def _read(path: str) -> Iterator[Manifest]:
    if path == STDIN:
        yield from parse(sys.stdin.read(), "standard input")
        return
    place = Path(path)
    if not place.exists():
        raise ManifestError(f"{path}: there is no such file or folder")
    files = [place] if place.is_file() else sorted([*place.rglob("*.yaml"), *place.rglob("*.yml")])
    if not files:
        raise ManifestError(f"{path}: no *.yaml or *.yml in it")
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ManifestError(f"{file}: cannot be read: {error}") from None
        yield from parse(text, str(file))


def parse(text: str, file: str) -> Iterator[Manifest]:
    try:
        documents = list(yaml.load_all(text, _Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ManifestError(
            f"{file}{line}: is not YAML; render templates first (helm template)"
        ) from None
    for document in documents:
        if isinstance(document, Mapping) and document.get("kind") == "List":
            yield from (Manifest(file, item) for item in sequence(document, "items"))
        elif isinstance(document, Mapping) and "kind" in document:
            yield Manifest(file, document)


class _Loader(yaml.SafeLoader):
    """Safe, and a bare = is a string, as it is to Kubernetes."""


_Loader.yaml_implicit_resolvers = {
    key: [(tag, regex) for tag, regex in resolvers if tag != "tag:yaml.org,2002:value"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def workloads(manifests: Sequence[Manifest]) -> list[Workload]:
    return [
        Workload(manifest, container, _conf(manifest, manifests), _around(manifest, manifests))
        for manifest in manifests
        if manifest.kind in WORKLOADS
        for container in sequence(manifest.part("spec", "template", "spec"), "containers")
        if isinstance(container, Mapping) and runs_nats(container)
    ]


def runs_nats(container: Object) -> bool:
    repository, _ = split_image(str(container.get("image", "")))
    command = [str(word) for word in sequence(container, "command")]
    return repository.rpartition("/")[2] in SERVERS or "nats-server" in command[:1]


def split_image(image: str) -> tuple[str, str]:
    """Repository, and tag or digest (with its @); the tag is empty where there is none."""
    name, at, digest = image.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # the colon of a registry's port
        repository, tag = name, ""
    return repository, f"@{digest}" if at else tag


def _around(manifest: Manifest, manifests: Sequence[Manifest]) -> list[Manifest]:
    namespace = manifest.part("metadata").get("namespace")
    return [m for m in manifests if m.part("metadata").get("namespace") == namespace]


def _conf(manifest: Manifest, manifests: Sequence[Manifest]) -> NatsConf | None:
    """The configuration in the ConfigMap that the pod mounts."""
    volumes = sequence(manifest.part("spec", "template", "spec"), "volumes")
    names = {
        mapping(volume, "configMap").get("name")
        for volume in volumes
        if isinstance(volume, Mapping)
    }
    for each in _around(manifest, manifests):
        if each.kind == "ConfigMap" and each.name in names:
            for file, text in each.part("data").items():
                if file.endswith(".conf"):
                    return NatsConf(str(text))
    return None
