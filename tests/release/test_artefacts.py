"""What a release publishes: bill of materials, sums, signature, and the chart in a registry."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import cyclonedx
import jsonschema
import pytest
import yaml
from helm_python.registry import RegistryClient
from packaging.utils import canonicalize_name
from referencing import Registry, Resource
from scripts import artefacts, requirements
from tests.support.registry import running_registry
from tests.support.released import VERSION

CATEGORIES = {  # those that Artifact Hub accepts
    *("ai-machine-learning", "database", "integration-delivery", "monitoring-logging"),
    *("networking", "security", "skip-prediction", "storage", "streaming-messaging"),
}


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "dist"))


def bill(built: Path) -> dict[str, Any]:
    (file,) = built.glob("*.cdx.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_the_bill_of_materials_is_valid(built: Path) -> None:
    """By the schemas that the package brings: its own validator takes seconds to check the form of addresses, too."""
    folder = Path(cyclonedx.__file__).parent / "schema/_res"
    schemas = {
        name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text())
        for name in ("bom-1.6", "jsf-0.82", "spdx")
    }
    beside = schemas["bom-1.6"]["$id"].rpartition("/")[0]
    known = Registry().with_resources(
        (f"{beside}/{name}.SNAPSHOT.schema.json", Resource.from_contents(schema))
        for name, schema in schemas.items()
    )
    found = bill(built)

    assert found["specVersion"] == "1.6"
    validator = jsonschema.Draft7Validator(schemas["bom-1.6"], registry=known)
    assert [each.message for each in validator.iter_errors(found)] == []
    assert list(validator.iter_errors(found | {"components": [{}]})) != []


def test_the_bill_of_materials_lists_what_the_exporter_needs_with_licenses(built: Path) -> None:
    found = bill(built)
    subject = found["metadata"]["component"]
    names = {canonicalize_name(each["name"]) for each in found["components"]}
    needed = [
        re.split("[><=]", each)[0] for each in requirements.project()["project"]["dependencies"]
    ]

    assert (subject["name"], subject["version"]) == ("jetstream-exporter", VERSION)
    assert subject["purl"] == f"pkg:pypi/jetstream-exporter@{VERSION}"
    assert set(needed) <= names
    assert not names & {"jetstream-exporter", "pip", "pytest", "setuptools", "uv"}
    assert [each["name"] for each in found["components"] if not each.get("licenses")] == []


def test_what_is_not_pinned_is_refused() -> None:
    listed = {"components": [{"name": "Extra_Thing", "version": "1.0"}]}

    with pytest.raises(artefacts.ReleaseError, match=r"lists what is not pinned: extra-thing 1\.0"):
        artefacts.check_bill(listed, {"extra-thing": "2.0"})


def test_sha256sum_accepts_the_sums(built: Path) -> None:
    argv = ["sha256sum", "--check", "--strict", artefacts.SUMS]
    done = subprocess.run(argv, cwd=built, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK\n") == 4


def test_a_file_that_was_changed_is_refused(copy: Path) -> None:
    archive = next(copy.glob("*.tgz"))
    archive.write_bytes(archive.read_bytes() + b"\0")

    with pytest.raises(artefacts.ReleaseError, match=f"{archive.name} is not the file that"):
        artefacts.check_sums(copy)


@pytest.mark.parametrize("name", ["stray.whl", f"jetstream-exporter-{VERSION}.tgz"])
def test_a_file_too_many_or_too_few_is_refused(name: str, copy: Path) -> None:
    file = copy / name
    file.unlink() if file.exists() else file.write_bytes(b"")

    with pytest.raises(artefacts.ReleaseError, match=f"lists other files: {name}"):
        artefacts.check_sums(copy)


def test_a_wheel_of_another_version_is_refused(built: Path) -> None:
    with pytest.raises(artefacts.ReleaseError, match=f"says it is {VERSION}, not 1.0.0"):
        artefacts.check_metadata(next(built.glob("*.whl")), "1.0.0")


def test_pipx_writes_nothing_into_a_home(tmp_path: Path) -> None:
    said = artefacts.run(tmp_path, "pipx", "environment", **artefacts.pipx_folders(tmp_path))
    written = re.findall(r"(?m)^(PIPX_(?:HOME|LOCAL_VENVS|SHARED_LIBS|\w+DIR))=(/.*)$", said)

    assert len(written) > 8
    assert [(name, path) for name, path in written if not path.startswith(str(tmp_path))] == []


def test_a_program_that_does_not_start_is_refused(tmp_path: Path) -> None:
    """The last line of what it said is the reason."""
    argv = (sys.executable, "-c", "raise SystemExit('no such module')")

    with pytest.raises(artefacts.ReleaseError, match="failed: no such module"):
        artefacts.check_program(artefacts.ROOT, argv)


def test_a_program_of_another_version_is_refused() -> None:
    argv = (sys.executable, "-c", "print('jetstream-exporter, version 0.0.0 (python 3)')")

    with pytest.raises(artefacts.ReleaseError, match="--version says"):
        artefacts.check_program(artefacts.ROOT, argv)


@pytest.mark.skipif(shutil.which("gpg") is None, reason="no gpg to sign with")
def test_the_sums_are_signed_with_the_key_that_is_given(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    who = "release@example.com"
    make = ("gpg", "--batch", "--passphrase", "", "--quick-generate-key", who, "ed25519")
    artefacts.run(tmp_path, *make)
    try:
        artefacts.sign(copy, who)
        artefacts.check_sums(copy)
        sums = copy / artefacts.SUMS
        sums.write_text("".join(reversed(sums.read_text().splitlines(keepends=True))))

        with pytest.raises(artefacts.ReleaseError, match="gpg --batch --verify failed"):
            artefacts.check_sums(copy)
    finally:
        artefacts.run(tmp_path, "gpgconf", "--kill", "all")


def test_a_key_without_gpg_is_refused(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)

    with pytest.raises(artefacts.ReleaseError, match="there is no gpg to sign with"):
        artefacts.sign(copy, "release@example.com")


# The chart.


def annotations() -> dict[str, str]:
    described = yaml.safe_load((artefacts.ROOT / "helm/Chart.yaml").read_text())
    found: dict[str, str] = described["annotations"]
    return found


def test_artifact_hub_understands_the_annotations_of_the_chart() -> None:
    found = {name.removeprefix("artifacthub.io/"): text for name, text in annotations().items()}

    assert found["category"] in CATEGORIES
    assert found["license"] == requirements.project()["project"]["license"]
    (image,) = yaml.safe_load(found["images"])
    assert image["image"].endswith(f":{artefacts.version(artefacts.ROOT)}")
    links = yaml.safe_load(found["links"])
    known = requirements.project()["project"]["urls"]
    assert {each["url"] for each in links} <= set(known.values())


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[str]:
    async with running_registry(tmp_path) as address:
        yield address


async def test_the_chart_is_pushed_to_a_registry_and_pulled_again(
    built: Path, registry: str, tmp_path: Path
) -> None:
    archive = built / f"jetstream-exporter-{VERSION}.tgz"
    chart = f"{registry}/charts/jetstream-exporter"
    with RegistryClient(plain_http=True, credentials_file=tmp_path / "logins.json") as client:
        client.push(archive, f"oci://{registry}/charts", plain_http=True)
        assert client.tags(chart) == [VERSION]
        client.pull(f"oci://{chart}", destination=tmp_path, plain_http=True)
    manifest = await manifest_of(f"http://{registry}/v2/charts/jetstream-exporter", VERSION)

    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    assert layer["digest"] == f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    stamped = annotations() | {"org.opencontainers.image.version": VERSION}
    stamped["artifacthub.io/images"] = re.sub(
        r":[\d.]+\n", f":{VERSION}\n", stamped["artifacthub.io/images"]
    )
    assert stamped.items() <= manifest["annotations"].items()


async def manifest_of(repository: str, tag: str) -> Any:
    accepted = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    async with aiohttp.request("GET", f"{repository}/manifests/{tag}", headers=accepted) as answer:
        assert answer.status == 200
        return json.loads(await answer.text())
