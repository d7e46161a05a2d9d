"""The facts of manifests: Kubernetes objects as YAML, and among them what runs nats-server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jetstream_exporter.audit import documents
from jetstream_exporter.audit.finding import Seen, Severity
from jetstream_exporter.audit.natsconf import NatsConf

Object = Mapping[str, Any]
WORKLOADS = ("StatefulSet", "Deployment", "DaemonSet")
SERVERS = ("nats", "nats-server")


@dataclass(frozen=True, slots=True)
class Manifest:
    file: str
    object: Object

    @property
    def kind(self) -> str:
        return text(self.object.get("kind"))

    @property
    def name(self) -> str:
        return text(self.part("metadata").get("name"))

    @property
    def namespace(self) -> str:
        return text(self.part("metadata").get("namespace"))

    @property
    def spec(self) -> Object:
        return self.part("spec")

    def part(self, *keys: str) -> Object:
        """The mapping at these keys; an empty one where there is none."""
        return mapping(self.object, *keys)


# Who wrote the manifests may have put anything anywhere: each of these gives what is of the kind, and else nothing.


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def mapping(value: Object, *keys: str) -> Object:
    found: Any = value
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def mappings(value: Object, key: str) -> Sequence[Object]:
    found = value.get(key)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def string_list(value: Object, key: str) -> Sequence[str]:
    found = value.get(key)
    return [text(item) for item in found] if isinstance(found, list) else []


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
    def is_stateful(self) -> bool:
        return self.manifest.kind == "StatefulSet"

    @property
    def replicas(self) -> int:
        """How many servers it is; 1 where nothing is said. Of a DaemonSet, one a node, 3 are assumed."""
        if self.manifest.kind == "DaemonSet":
            return 3
        replicas = number(self.manifest.spec.get("replicas"))
        return 1 if replicas is None else replicas

    @property
    def has_jetstream(self) -> bool:
        """Whether it may run JetStream: by its configuration, by a flag, or because nobody can tell."""
        if any(re.fullmatch(r"--?(js|jetstream)(=true)?", word) for word in self.arguments):
            return True
        return self.conf is None or self.conf.has("jetstream") or self.conf.has("include")

    @property
    def has_flags_alone(self) -> bool:
        """Whether flags configure it and no file does, so that what no flag says is the default."""
        named = any(re.match(r"--?c(onfig)?(=|$)", word) for word in self.arguments)
        return bool(self.arguments) and not named

    @property
    def arguments(self) -> Sequence[str]:
        return [*string_list(self.container, "command"), *string_list(self.container, "args")]

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


def seen(what: str, why: str = "", advice: str = "", severity: Severity | None = None) -> Seen:
    """What a check of one workload sees; `each` adds whose it is."""
    return Seen("", what, severity, why=why, advice=advice)


def each(find: Callable[[Workload], Iterator[Seen]]) -> Callable[[Workloads], Iterator[Seen]]:
    """A check of one workload, for all of them."""

    def find_all(facts: Workloads) -> Iterator[Seen]:
        for workload in facts:
            for found in find(workload):
                yield replace(found, object=workload.label, file=workload.manifest.file)

    return find_all


def read(paths: Sequence[str]) -> list[Manifest]:
    return [Manifest(file, document) for file, document in documents.read(paths)]


def workloads(manifests: Sequence[Manifest]) -> list[Workload]:
    return [
        Workload(manifest, container, _conf(manifest, manifests), _around(manifest, manifests))
        for manifest in manifests
        if manifest.kind in WORKLOADS
        for container in mappings(manifest.part("spec", "template", "spec"), "containers")
        if runs_nats(container)
    ]


def runs_nats(container: Object) -> bool:
    repository, _ = split_image(text(container.get("image")))
    program = "".join(string_list(container, "command")[:1])
    return repository.rpartition("/")[2] in SERVERS or program.rpartition("/")[2] == "nats-server"


def split_image(image: str) -> tuple[str, str]:
    """Repository, and tag or digest (with its @); the tag is empty where there is none."""
    name, at, digest = image.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # the colon of a registry's port
        repository, tag = name, ""
    return repository, f"@{digest}" if at else tag


def _around(manifest: Manifest, manifests: Sequence[Manifest]) -> list[Manifest]:
    return [m for m in manifests if m.namespace == manifest.namespace]


def _conf(manifest: Manifest, manifests: Sequence[Manifest]) -> NatsConf | None:
    """The configuration in the ConfigMap that the pod mounts."""
    volumes = mappings(manifest.part("spec", "template", "spec"), "volumes")
    names = {text(mapping(volume, "configMap").get("name")) for volume in volumes}
    for each in _around(manifest, manifests):
        if each.kind == "ConfigMap" and each.name in names:
            for file, content in each.part("data").items():
                if text(file).endswith(".conf"):
                    return NatsConf(text(content), file)
    return None
