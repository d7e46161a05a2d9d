"""What a registry holds is signed where a key is given, and nothing else verifies."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from helm_python.registry import RegistryClient
from scripts import sign_images
from tests.support.registry import Repository, running_registry
from tests.support.released import VERSION

from jetstream_exporter.runtime.threads import run_in_thread

COSIGN = shutil.which("cosign") or ""
INSECURE = ("--allow-insecure-registry", "--allow-http-registry")
needs_cosign = pytest.mark.skipif(not COSIGN, reason="no cosign on PATH")


@pytest.fixture
async def image(tmp_path: Path) -> AsyncIterator[Repository]:
    async with running_registry(tmp_path) as address, aiohttp.ClientSession() as session:
        yield Repository(session, f"{address}/jetstream-exporter")


def make_pair(folder: Path) -> Path:
    """The public key of a new pair in this folder."""
    folder.mkdir(exist_ok=True)
    subprocess.run([COSIGN, "generate-key-pair"], cwd=folder, capture_output=True, check=True)
    return folder / "cosign.pub"


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The public key of a pair whose private one is in the environment."""
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    public = make_pair(tmp_path)
    monkeypatch.setenv(sign_images.KEY, (tmp_path / "cosign.key").read_text())
    return public


def signed(*images: str) -> int:
    return sign_images.main([*images, "--insecure-registry"])


def verified(public: Path, image: str) -> bool:
    argv = ["verify", "--key", public, "--insecure-ignore-tlog=true", *INSECURE, image]
    return subprocess.run([COSIGN, *argv], capture_output=True, check=False).returncode == 0


@needs_cosign
async def test_an_image_and_its_platforms_are_signed_and_a_chart(
    image: Repository, key: Path, built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digests = await image.push_image(VERSION, ["amd64", "arm64"])
    address = image.name.partition("/")[0]
    with RegistryClient(plain_http=True, credentials_file=tmp_path / "logins.json") as client:
        archive = built / f"jetstream-exporter-{VERSION}.tgz"
        client.push(archive, f"oci://{address}/charts", plain_http=True)
    chart = f"{address}/charts/jetstream-exporter:{VERSION}"
    assert not await run_in_thread(verified, key, f"{image.name}:{VERSION}")

    code = await run_in_thread(signed, f"{image.name}:{VERSION}", chart)

    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert said.out.splitlines()[0] == f"{image.name}@{digests[-1]} is signed"
    for digest in digests:
        assert await run_in_thread(verified, key, f"{image.name}@{digest}")
    assert await run_in_thread(verified, key, chart)


@needs_cosign
async def test_another_key_and_another_image_do_not_verify(
    image: Repository, key: Path, tmp_path: Path
) -> None:
    await image.push_image("one", ["amd64"])
    await image.push_image("other", ["arm64"])
    assert await run_in_thread(signed, f"{image.name}:one") == 0
    foreign = await run_in_thread(make_pair, tmp_path / "foreign")

    assert await run_in_thread(verified, key, f"{image.name}:one")
    assert not await run_in_thread(verified, foreign, f"{image.name}:one")
    assert not await run_in_thread(verified, key, f"{image.name}:other")


@needs_cosign
async def test_a_wrong_password_signs_nothing(
    image: Repository,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await image.push_image("one", ["amd64"])
    monkeypatch.setenv("COSIGN_PASSWORD", "wrong")

    assert await run_in_thread(signed, f"{image.name}:one") == 1
    assert "sign_images: " in capsys.readouterr().err
    monkeypatch.setenv("COSIGN_PASSWORD", "secret")
    assert not await run_in_thread(verified, key, f"{image.name}:one")


def test_without_a_key_it_says_what_is_not_signed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(sign_images.KEY, raising=False)

    assert sign_images.main(["ghcr.io/a/b:1", "ghcr.io/a/charts/b:1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ghcr.io/a/b:1 is not signed: the environment has no COSIGN_PRIVATE_KEY",
        "ghcr.io/a/charts/b:1 is not signed: the environment has no COSIGN_PRIVATE_KEY",
    ]


def test_a_program_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(sign_images.KEY, "key")

    assert sign_images.main(["ghcr.io/a/b:1", "--cosign", "/nowhere/cosign"]) == 1
    said = capsys.readouterr().err
    assert said == "sign_images: /nowhere/cosign does not start: No such file or directory\n"
