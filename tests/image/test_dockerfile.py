"""The Dockerfile by its text; `make image` also builds it, runs it and stops it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import image
from tests.support import chart, manifests

DOCKERFILE = (chart.ROOT / "Dockerfile").read_text()
TRIAL = "IMAGE_TRIAL"


def test_hadolint_is_silent() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--failure-threshold", "style", chart.ROOT / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_every_base_is_pinned_to_a_version_and_a_digest() -> None:
    bases = re.findall(r"^ARG (?:BUILD|BASE)_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)

    assert len(bases) == DOCKERFILE.count("\nFROM ") == 2
    for base in bases:
        assert re.fullmatch(r"[a-z0-9./-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}", base)


def test_it_runs_as_a_number_that_the_chart_knows() -> None:
    pod = chart.the("Deployment")["spec"]["template"]["spec"]["securityContext"]

    assert f"\nUSER {pod['runAsUser']}:{pod['runAsGroup']}\n" in DOCKERFILE


def test_no_command_of_the_result_needs_a_shell() -> None:
    result = DOCKERFILE.partition("FROM ${BASE_IMAGE}")[2]

    assert "\nRUN " not in result
    for command in re.findall(r"(?:CMD|ENTRYPOINT) (.*)", result):
        assert command.startswith('["/usr/bin/python3"')


def test_the_health_check_asks_the_process_alone() -> None:
    assert "http://127.0.0.1:18222/-/healthy" in DOCKERFILE


def test_the_build_sees_only_what_the_wheel_is_made_of() -> None:
    allowed = (chart.ROOT / ".dockerignore").read_text().splitlines()

    assert "*" in allowed
    assert {line for line in allowed if line.startswith("!")} == {
        "!pyproject.toml",
        "!requirements",
        "!README.md",
        "!LICENSE",
        "!exporter",
        "!rules",
        "!alertmanager",
    }


@pytest.mark.timeout(900)
async def test_the_image_is_built_scraped_and_stopped(tmp_path: Path) -> None:
    if os.environ.get(TRIAL) is None:
        pytest.skip(f"takes a minute or two; run it with `make image` (sets {TRIAL}=1)")
    if (why := image.missing()) is not None:
        pytest.skip(why)
    import asyncio

    work = chart.ROOT / ".tools/image"
    work.mkdir(parents=True, exist_ok=True)
    builder = image.Builder(work)
    found = await asyncio.to_thread(builder.build)
    config = found["Docker"]["config"]
    async with manifests.cluster(tmp_path) as servers:
        seen = await asyncio.to_thread(image.trial, builder, config, servers[0].url)
    metrics = seen.pop("metrics")
    print(seen)

    assert config["Labels"]["org.opencontainers.image.version"] == image.version()
    assert 'nats_server_up{nats_cluster="nats",server="nats-0"} 1' in metrics
    assert seen["exit_code"] == 0
    assert seen["seconds_to_stop"] < image.GRACE_SECONDS
    assert seen["health_check"] == 0
    assert seen["uid"] == "65532"
    assert seen["no_new_privs"] == "1"
    assert seen["shell"] is False
    # What docs/install.md says of its size, and some room for libraries to grow.
    assert seen["size_mib"] < 115
    assert seen["own_size_mib"] < 40
