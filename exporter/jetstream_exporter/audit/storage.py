"""Checks of where the store of a server lies, and whether its own limit comes before the end of the disk."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.manifests import (
    Object,
    Workload,
    Workloads,
    each,
    mapping,
    mappings,
    number,
    seen,
    text,
)
from jetstream_exporter.audit.natsconf import NatsConf, quantity, size

SHARE = 0.8
DEFAULT_STORE = "/tmp/nats/jetstream"  # noqa: S108  nats-server's, where no store_dir is set


def volume(workload: Workload) -> Iterator[Seen]:
    conf = workload.conf
    if not workload.has_jetstream and conf is not None:
        yield seen(
            f"its {conf.file} has no jetstream block, so the store is not checked",
            "A server without JetStream has no store. If the block is in a file that is not "
            "in these manifests, the audit cannot read it.",
            "If the server is meant to run without JetStream, no action is needed. Otherwise "
            "add the block, with store_dir and max_file_store.",
            Severity.INFO,
        )
        return
    if _is_memory_alone(conf):
        return
    claims = [name for name in _volumes(workload) if _is_mounted(workload, name)]
    if not claims:
        yield _without_volume(workload)
    elif conf is None:
        yield _without_conf(workload)
    else:
        yield from _store(conf, _sizes(workload, claims))


def _is_memory_alone(conf: NatsConf | None) -> bool:
    configured = (
        conf.value("max_file_store") or conf.value("max_file") if conf is not None else None
    )
    return configured is not None and size(configured) == 0


def _volumes(workload: Workload) -> list[str]:
    """The names of the volumes that outlive the pod."""
    templates = mappings(workload.manifest.spec, "volumeClaimTemplates")
    own = [text(mapping(claim, "metadata").get("name")) for claim in templates]
    pod = mappings(workload.pod, "volumes")
    kinds = ("persistentVolumeClaim", "hostPath", "nfs", "csi", "ephemeral")
    lasting = [v for v in pod if any(kind in v for kind in kinds[:-1]) and "config" not in v]
    return [*own, *(text(v.get("name")) for v in lasting)]


def _mounts(container: Object) -> dict[str, str]:
    mounts = mappings(container, "volumeMounts")
    return {text(m.get("name")): text(m.get("mountPath")) for m in mounts}


def _is_mounted(workload: Workload, name: str) -> bool:
    """Whether the server's own container has the volume, where its store_dir is if that is known."""
    place = _mounts(workload.container).get(name)
    if place is None:
        return False
    store = workload.conf.value("store_dir") if workload.conf is not None else None
    if store is None or store.startswith("$"):
        return True
    return f"{store.rstrip('/')}/".startswith(f"{place.rstrip('/')}/")


def _without_volume(workload: Workload) -> Seen:
    templates = mappings(workload.manifest.spec, "volumeClaimTemplates")
    unmounted = [name for name in _volumes(workload) if name]
    if unmounted:
        name = unmounted[0]
        place = _mounts(workload.container).get(name)
        store = workload.conf.value("store_dir") if workload.conf is not None else None
        what = (
            f"volume {name} is mounted at {place}, and store_dir is {store}"
            if place is not None
            else f"volume {name} is not mounted into the container that runs nats-server"
        )
        where = store or "its store_dir"
        return seen(
            f"{what}: messages are lost with the container",
            "The server writes its store to the file system of the container and not to the "
            "volume. The store is lost at the next restart of the container.",
            f"Mount {name} at {where} in the container of nats-server.",
        )
    if not workload.is_stateful:
        return seen(
            "it has no volumeClaimTemplates: messages are lost with the pod",
            f"When the {workload.manifest.kind} replaces a pod, the new pod starts with an "
            "empty store. Its streams are lost, or other servers have to send all of their "
            "messages again.",
            "Use a StatefulSet with volumeClaimTemplates, and mount the volume at store_dir.",
        )
    held = "" if templates else "it has no volumeClaimTemplates"
    return seen(
        f"{held or 'its volumeClaimTemplates have no name'}: messages are lost with the pod",
        "The store is in the file system of the pod, so a new pod starts with an empty store"
        + (
            ", and there is no other copy of its streams."
            if workload.replicas == 1
            else ", and other servers have to send all messages again."
        ),
        "Add volumeClaimTemplates and mount the claim at store_dir.",
    )


def _without_conf(workload: Workload) -> Seen:
    if workload.has_flags_alone:
        return seen(
            "it is configured by flags without max_file_store, so the server uses 75% of the "
            "free space",
            "The limit depends on the free space on the disk when the server starts, so "
            "reservations cannot be planned.",
            "Use a nats.conf with store_dir and max_file_store, and set max_file_store to "
            "about 80% of the volume.",
            Severity.WARNING,
        )
    return seen(
        "no ConfigMap with its nats.conf was found, so max_file_store is not checked",
        "Without this file the audit cannot check whether the server reaches its own limit "
        "before the disk is full.",
        "Pass the ConfigMap to the audit as well. If the file is in a Secret or in the image, "
        "check that max_file_store is about 80% of the volume.",
        Severity.INFO,
    )


def _store(conf: NatsConf, sizes: list[int]) -> Iterator[Seen]:
    largest = max(sizes, default=None)
    configured = conf.value("max_file_store") or conf.value("max_file")
    if configured is None:
        yield seen(
            "max_file_store is not set: the server uses 75% of the space that is free at its "
            "first start",
            "The limit depends on the other data on the disk at that time, and it does not "
            "change when the volume is enlarged.",
            f"Set max_file_store to {_share(largest)}.",
            Severity.WARNING,
        )
    elif (store := size(configured)) is None:
        yield seen(
            f"max_file_store is {configured}, which is not a size, so it is not checked",
            "The audit cannot check whether the server reaches its own limit before the disk "
            "is full.",
            "Write max_file_store as a size, such as 8GB, or check that the value it refers "
            "to is about 80% of the volume.",
            Severity.INFO,
        )
    elif largest is None:
        yield seen(
            f"max_file_store is {store} bytes, and the size of the volume is not in these "
            "manifests",
            "The audit cannot check whether the server reaches its own limit before the disk "
            "is full.",
            "Pass the PersistentVolumeClaim to the audit as well, or check that it has "
            f"{int(store / SHARE)} bytes.",
            Severity.INFO,
        )
    elif store >= largest:
        yield seen(
            f"max_file_store is {store} bytes, and the volume has {largest} bytes",
            "",
            f"Set max_file_store to {_share(largest)}.",
        )


def _share(largest: int | None) -> str:
    some = "about 80% of the volume"
    return some if largest is None else f"{some}, {int(largest * SHARE) >> 20}MiB"


def _sizes(workload: Workload, volumes: list[str]) -> list[int]:
    """Bytes of these volumes, as far as the manifests say."""
    templates = mappings(workload.manifest.spec, "volumeClaimTemplates")
    claims = {text(mapping(claim, "metadata").get("name")): claim for claim in templates}
    for mounted in mappings(workload.pod, "volumes"):
        named = text(mapping(mounted, "persistentVolumeClaim").get("claimName"))
        found = next(
            (m for m in workload.around if m.kind == "PersistentVolumeClaim" and m.name == named),
            None,
        )
        if named and found is not None:
            claims[text(mounted.get("name"))] = found.object
    wanted = [
        mapping(claims[name], "spec", "resources", "requests").get("storage")
        for name in volumes
        if name in claims
    ]
    sizes = [quantity(text(each)) if isinstance(each, str) else number(each) for each in wanted]
    return [each for each in sizes if each is not None]


CHECKS: tuple[Check[Workloads], ...] = (
    Check(
        "store-above-volume",
        Severity.ERROR,
        "max_file_store is smaller than the volume",
        "The disk is full before the server reaches its own limit. Instead of rejecting messages, "
        "its streams then stop, or it disables JetStream, until it is restarted.",
        "Set max_file_store to about 80% of the volume.",
        each(volume),
    ),
)
