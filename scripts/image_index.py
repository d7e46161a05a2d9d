"""Check the image that `docker buildx build --output type=oci` wrote: its platforms, bills of materials and provenance.

BuildKit keeps both beside the image of a platform: a manifest that names it in `vnd.docker.reference.digest`, with a
layer for each statement, whose kind is in `in-toto.io/predicate-type`.
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

PLATFORMS = ("linux/amd64", "linux/arm64")
STATEMENTS = {
    "bill of materials": "https://spdx.dev/Document",
    "provenance": "https://slsa.dev/provenance/",
}
INDEX = "application/vnd.oci.image.index.v1+json"


def missing(archive: tarfile.TarFile) -> list[str]:
    """What the image lacks, such as `linux/arm64: provenance`."""
    manifests = list(manifests_of(archive, read(archive, "index.json")))
    images = {platform(each): each["digest"] for each in manifests}
    found = []
    for name in PLATFORMS:
        if name not in images:
            found.append(name)
            continue
        kinds = list(kinds_of(archive, manifests, images[name]))
        found += [
            f"{name}: {what}"
            for what, begin in STATEMENTS.items()
            if not any(kind.startswith(begin) for kind in kinds)
        ]
    return found


def read(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    return json.load(file) if file else {}


def blob(archive: tarfile.TarFile, descriptor: dict[str, Any]) -> Any:
    return read(archive, f"blobs/{descriptor['digest'].replace(':', '/')}")


def manifests_of(archive: tarfile.TarFile, index: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The manifests of an index and of the indexes within it."""
    for each in index["manifests"]:
        if each["mediaType"] == INDEX:
            yield from manifests_of(archive, blob(archive, each))
        else:
            yield each


def platform(descriptor: dict[str, Any]) -> str:
    given = descriptor.get("platform", {})
    return f"{given.get('os')}/{given.get('architecture')}"


def kinds_of(
    archive: tarfile.TarFile, manifests: list[dict[str, Any]], digest: str
) -> Iterator[str]:
    """The kinds of statements about the image with a digest."""
    for each in manifests:
        if each.get("annotations", {}).get("vnd.docker.reference.digest") == digest:
            for layer in blob(archive, each)["layers"]:
                yield layer.get("annotations", {}).get("in-toto.io/predicate-type", "")


def main(argv: list[str]) -> int:
    with tarfile.open(argv[0]) as archive:
        lacking = missing(archive)
    for each in lacking:
        print(f"{argv[0]} lacks {each}", file=sys.stderr)
    return int(bool(lacking))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
