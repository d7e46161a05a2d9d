"""Where the output of a command goes: a full disk is one sentence and an exit code, a closed pipe is no error."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from tests.support.fake_nats import FakeNats
from tests.support.logs import logging_kept

from jetstream_exporter.__main__ import main

MANIFEST = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: nats}
spec: {template: {spec: {containers: [{name: nats, image: "nats:2.12"}]}}}
"""
# Each with the exit codes of a full disk and of output that was read.
CASES = {
    "doctor --target {url}": (2, (0, 1)),
    "audit --target {url} --observe 0": (2, (0, 1)),
    "audit --without nats-0 --target {url}": (2, (0, 1)),
    "audit --format json --manifests {manifests}": (2, (0, 1)),
    "audit --list": (2, (0,)),
    "status {url}": (3, (0, 1, 2)),
    "status {url} --watch 1": (3, (0, 1, 2)),
    "status {url} --format json": (3, (0, 1, 2)),
    "completion bash": (1, (0,)),
    "--version": (1, (0,)),
    "--config.schema": (1, (0,)),
}


async def run(case: str, url: str, folder: Path, out: int) -> int:
    """The exit code of a command whose standard output is this file descriptor, which is closed then."""
    manifests = folder / "manifests.yaml"
    manifests.write_text(MANIFEST)
    arguments = case.format(url=url, manifests=manifests).split()
    with pytest.MonkeyPatch.context() as patch, os.fdopen(out, "w") as stream, logging_kept():
        patch.setattr(sys, "stdout", stream)
        return await asyncio.to_thread(main, arguments)


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on standard error but those that say what was asked."""
    return [line for line in capsys.readouterr().err.splitlines() if ": asked " not in line]


def program(case: str) -> str:
    return "jetstream-exporter" + ("" if case.startswith("-") else f" {case.split(maxsplit=1)[0]}")


@pytest.mark.parametrize("case", CASES)
async def test_output_that_cannot_be_written_is_one_sentence(
    case: str, fake: FakeNats, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await run(case, fake.url, tmp_path, os.open("/dev/full", os.O_WRONLY))
    why = "the output cannot be written: No space left on device"
    assert said(capsys) == [f"{program(case)}: {why}"]
    assert code == CASES[case][0]


@pytest.mark.parametrize("case", CASES)
async def test_output_that_nobody_reads_to_its_end_is_no_error(
    case: str, fake: FakeNats, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    code = await run(case, fake.url, tmp_path, write)
    assert said(capsys) == []
    assert code in CASES[case][1]


async def test_a_program_that_was_started_without_standard_output_writes_nothing() -> None:
    """As `--version >&-` does."""
    arguments = ["-c", f"exec '{sys.executable}' -m jetstream_exporter --version >&-"]
    process = await asyncio.create_subprocess_exec("sh", *arguments, stderr=asyncio.subprocess.PIPE)
    _, stderr = await process.communicate()
    assert (process.returncode, stderr) == (0, b"")
