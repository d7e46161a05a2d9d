"""Build the image without a Docker daemon, run it, scrape it, stop it; then say what was seen.

Needs root, buildah and debootstrap (Debian packages). The bases that Dockerfile names come from
registries; this makes two of the same kind from Debian's own packages: one with pip to build in, and
one that holds Python and its libraries alone, no shell, as the shipped base does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SUITE = "bookworm"
IMAGE = "localhost/jetstream-exporter:trial"
USER = "65532:65532"
GRACE_SECONDS = 30.0  # the chart's terminationGracePeriodSeconds
# What Python needs to run, of a Debian root file system.
KEPT = (
    "usr/bin/python3",
    "usr/bin/python3.11",
    "usr/lib/python3.11",
    "usr/lib/*-linux-gnu/*.so*",
    "usr/lib64",
    "etc/ssl/certs",
    "etc/ld.so.cache",
    "etc/nsswitch.conf",
    "usr/share/ca-certificates",
)


def missing() -> str | None:
    """Why this machine cannot build, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("buildah", "debootstrap", "setpriv", "unshare"):
        if shutil.which(program) is None:
            return f"needs {program} (a Debian package)"
    return None


def run(*argv: str | Path) -> str:
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise SystemExit(f"image: {argv[0]} ended with {done.returncode}:\n{last}")
    return done.stdout


class Builder:
    """Buildah with its storage in one folder, so that nothing of the machine's own is touched."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.storage = ("--storage-driver", "vfs", "--root", work / "storage")
        self.state = ("--runroot", work / "run")

    def __call__(self, *argv: str | Path) -> str:
        return run("buildah", *self.storage, *self.state, *argv).strip()

    def from_folder(self, folder: Path, name: str) -> None:
        container = self("from", "scratch")
        self("add", "--quiet", container, folder, "/")
        self("commit", "--quiet", container, name)
        self("rm", container)

    def bases(self) -> tuple[str, str]:
        full, slim = self.work / "full", self.work / "slim"
        if not (full / "usr/bin/python3").exists():
            packages = "--include=python3,python3-pip,ca-certificates"
            run(
                "debootstrap", "--variant=minbase", packages, SUITE, full
            )  # from the mirror that debootstrap knows
        if not slim.exists():
            strip(full, slim)
        names = "localhost/build-base", "localhost/run-base"
        for folder, name in zip((full, slim), names, strict=True):
            if name not in self("images", "--format", "{{.Name}}").splitlines():
                self.from_folder(folder, name)
        return names

    def build(self) -> dict[str, Any]:
        build_image, base_image = self.bases()
        self(
            "bud",
            *("--isolation", "chroot", "--network", "host", "--format", "docker"),
            *("--build-arg", f"BUILD_IMAGE={build_image}"),
            *("--build-arg", f"BASE_IMAGE={base_image}"),
            *("--build-arg", f"VERSION={version()}"),
            *pip_settings(),
            *("--tag", IMAGE, "--file", ROOT / "Dockerfile", ROOT),
        )
        found: dict[str, Any] = json.loads(self("inspect", "--type", "image", IMAGE))
        return found


def strip(full: Path, slim: Path) -> None:
    part = slim.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    for pattern in KEPT:
        for source in full.glob(pattern):
            target = part / source.relative_to(full)
            target.parent.mkdir(parents=True, exist_ok=True)
            run("cp", "--archive", source, target)
    for link in ("lib", "lib64"):
        (part / link).symlink_to(f"usr/{link}")
    for folder in ("tmp", "proc", "dev", "etc/jetstream-exporter"):
        (part / folder).mkdir(parents=True)
    (part / "etc/passwd").write_text("nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n")
    (part / "etc/group").write_text("nonroot:x:65532:\n")
    part.rename(slim)


def pip_settings() -> tuple[str, ...]:
    """This machine's way to packages, lent to the build and in no layer of the result."""
    lent = [path for path in ("/etc/pip.conf", "/etc/ssl/certs") if Path(path).exists()]
    return tuple(word for path in lent for word in ("--volume", f"{path}:{path}:ro"))


def version() -> str:
    text = (ROOT / "exporter/jetstream_exporter/__init__.py").read_text()
    return text.partition('__version__ = "')[2].partition('"')[0]


def start(mounted: Path, config: dict[str, Any], argv: list[str]) -> subprocess.Popen[str]:
    """The image's own entry point: read-only root, no privileges, user and environment of the image."""
    inside = (
        'set -eu; root=$1; shift; mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"; '
        'mount -t proc proc "$root/proc"; mount --bind /dev "$root/dev"; '
        'mount -t tmpfs tmpfs "$root/tmp"; '
        f'exec setpriv --no-new-privs chroot --userspec={config["User"]} "$root" "$@"'
    )
    return subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", inside, "sh", mounted, *config["Entrypoint"], *argv],
        env=dict(entry.split("=", 1) for entry in config["Env"]),
        text=True,
    )


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def get(url: str, deadline: float) -> str:
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
                text: str = answer.read().decode()
                return text
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def mebibytes(folder: Path) -> float:
    """Disk use of a folder, as an image's uncompressed size would be counted."""
    return int(run("du", "--summarize", "--bytes", folder).split()[0]) / 2**20


def trial(builder: Builder, config: dict[str, Any], target: str) -> dict[str, Any]:
    """Run the image against `target` until it was scraped, then end it; what was seen."""
    container = builder("from", IMAGE)
    mounted = Path(builder("mount", container))
    port = free_port()
    address = f"127.0.0.1:{port}"
    began = time.monotonic()
    process = start(mounted, config, ["--web.listen-address", address, "--target", target])
    try:
        get(f"http://{address}/-/healthy", began + 30)
        healthy = time.monotonic() - began
        metrics = get(f"http://{address}/metrics", began + 30)
        check = start(mounted, {**config, "Entrypoint": health_check(config, port)}, [])
        status = Path(f"/proc/{process.pid}/status").read_text()
        check.wait(30)
        process.send_signal(signal.SIGTERM)
        stopping = time.monotonic()
        code = process.wait(GRACE_SECONDS)
        return {
            "size_mib": round(mebibytes(mounted)),
            "own_size_mib": round(mebibytes(mounted / "app")),
            "shell": any((mounted / path).exists() for path in ("bin/sh", "usr/bin/sh")),
            "seconds_to_healthy": round(healthy, 2),
            "seconds_to_stop": round(time.monotonic() - stopping, 2),
            "exit_code": code,
            "health_check": check.returncode,
            "uid": line(status, "Uid:").split()[1],
            "no_new_privs": line(status, "NoNewPrivs:").split()[1],
            "metrics": metrics,
        }
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        builder("umount", container)
        builder("rm", container)


def health_check(config: dict[str, Any], port: int) -> list[str]:
    """The image's own health check, for a port other than the image's."""
    kind, *command = config["Healthcheck"]["Test"]
    if kind != "CMD":
        raise SystemExit("image: the health check needs a shell, which the image does not have")
    return [word.replace(":18222/", f":{port}/") for word in command]


def line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / ".tools/image", help="where to build")
    parser.add_argument(
        "--target", default="http://127.0.0.1:8222", help="whom to scrape in the trial"
    )
    arguments = parser.parse_args(argv)
    if (why := missing()) is not None:
        print(f"image: {why}", file=sys.stderr)
        return 2
    arguments.work.mkdir(parents=True, exist_ok=True)
    builder = Builder(arguments.work)
    config = builder.build()["Docker"]["config"]
    seen = trial(builder, config, arguments.target)
    up = [each for each in seen.pop("metrics").splitlines() if each.startswith("nats_server_up")]
    print(json.dumps(seen, indent=2), *up, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
