"""A registry of container images on this machine, and what is pushed to it without a program."""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from tests.support.ports import free_ports
from tests.support.tools import TOOLS

from jetstream_exporter.demo.child import Child, until

REGISTRY = TOOLS / "bin/docker-registry"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


@asynccontextmanager
async def running_registry(folder: Path) -> AsyncIterator[str]:
    """The address of an empty one."""
    if not REGISTRY.exists():
        pytest.skip("no registry: `make registry` brings one")
    (port,) = free_ports(1)
    settings = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "registry.yaml").write_text(yaml.safe_dump(settings))
    argv = [REGISTRY, "serve", folder / "registry.yaml"]
    child = Child("docker-registry", argv, folder / "registry.log")
    child.spawn()
    try:
        await until("the registry answers", lambda: _answers(port), 30)
        yield f"127.0.0.1:{port}"
    finally:
        await child.stop()


async def _answers(port: int) -> bool:
    try:
        async with aiohttp.request("GET", f"http://127.0.0.1:{port}/v2/") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


class Repository:
    """One repository of a registry, such as 127.0.0.1:5000/jetstream-exporter."""

    def __init__(self, session: aiohttp.ClientSession, name: str) -> None:
        address, _, path = name.partition("/")
        self.name = name
        self._session = session
        self._url = f"http://{address}/v2/{path}"

    async def push_image(self, tag: str, architectures: Sequence[str]) -> list[str]:
        """An image without layers for each of them, under one tag; their digests and then that of the index."""
        manifests = []
        for each in architectures:
            described = {
                "architecture": each,
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": []},
            }
            config = await self._blob(described)
            content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
            manifest = await self._manifest(content, MANIFEST)
            manifests.append({**manifest, "platform": {"os": "linux", "architecture": each}})
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
        last = await self._manifest(index, INDEX, tag)
        return [each["digest"] for each in (*manifests, last)]

    async def _blob(self, content: Any) -> dict[str, Any]:
        body, described = _encoded(content, CONFIG)
        async with self._session.post(f"{self._url}/blobs/uploads/") as answer:
            place = answer.headers["Location"]
        form = {"Content-Type": "application/octet-stream"}
        url = f"{place}&digest={described['digest']}"
        async with self._session.put(url, data=body, headers=form) as answer:
            assert answer.status == 201, await answer.text()
        return described

    async def _manifest(self, content: Any, kind: str, tag: str = "") -> dict[str, Any]:
        body, described = _encoded(content, kind)
        url = f"{self._url}/manifests/{tag or described['digest']}"
        async with self._session.put(url, data=body, headers={"Content-Type": kind}) as answer:
            assert answer.status == 201, await answer.text()
        return described


def _encoded(content: Any, kind: str) -> tuple[bytes, dict[str, Any]]:
    body = json.dumps(content).encode()
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return body, {"mediaType": kind, "digest": digest, "size": len(body)}
