"""What buildx wrote is refused unless each platform has its bill of materials and its provenance."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from scripts import image_index

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SPDX, SLSA = "https://spdx.dev/Document", "https://slsa.dev/provenance/v1"


class Layout:
    """Files of an OCI image layout, as BuildKit lays them out: the index is in the index."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.manifests: list[dict[str, Any]] = []

    def blob(self, content: Any) -> str:
        text = json.dumps(content).encode()
        digest = hashlib.sha256(text).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = text
        return f"sha256:{digest}"

    def image(self, architecture: str, *kinds: str) -> None:
        digest = self.blob({"layers": [], "config": architecture})
        platform = {"os": "linux", "architecture": architecture}
        self.manifests.append({"mediaType": MANIFEST, "digest": digest, "platform": platform})
        layers = [{"annotations": {"in-toto.io/predicate-type": kind}} for kind in kinds]
        self.manifests.append(
            {
                "mediaType": MANIFEST,
                "digest": self.blob({"layers": layers}),
                "platform": {"os": "unknown", "architecture": "unknown"},
                "annotations": {
                    "vnd.docker.reference.digest": digest,
                    "vnd.docker.reference.type": "attestation-manifest",
                },
            }
        )

    def write(self, file: Path) -> None:
        inner = {"mediaType": image_index.INDEX, "digest": self.blob({"manifests": self.manifests})}
        self.files["index.json"] = json.dumps({"manifests": [inner]}).encode()
        with tarfile.open(file, "w") as archive:
            for name, content in self.files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("images", "lacking"),
    [
        ({"amd64": (SPDX, SLSA), "arm64": (SPDX, SLSA)}, []),
        ({"amd64": (SPDX, SLSA)}, ["linux/arm64"]),
        ({"amd64": (SLSA,), "arm64": (SPDX, SLSA)}, ["linux/amd64: bill of materials"]),
        (
            {"amd64": (SPDX, SLSA), "arm64": ()},
            ["linux/arm64: bill of materials", "linux/arm64: provenance"],
        ),
    ],
    ids=["whole", "one platform", "no bill of materials", "no statements"],
)
def test_what_an_image_lacks_is_named(
    images: dict[str, tuple[str, ...]],
    lacking: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    layout = Layout()
    for architecture, kinds in images.items():
        layout.image(architecture, *kinds)
    file = tmp_path / "image.tar"
    layout.write(file)

    assert image_index.main([str(file)]) == int(bool(lacking))
    assert capsys.readouterr().err.splitlines() == [f"{file} lacks {each}" for each in lacking]
