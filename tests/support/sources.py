"""The configurations of the ways in, for a cluster of the demo."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jetstream_exporter.demo.cluster import Cluster

Way = Callable[[Cluster, Path], str]


def login(cluster: Cluster, folder: Path, user: str) -> dict[str, Any]:
    """A connection by password, with the password in a file."""
    file = folder / f"{user}.password"
    file.write_text(f"{user}\n")
    return {"urls": cluster.urls, "username": user, "password_file": str(file)}


def settings(**cluster: Any) -> str:
    """A file with one cluster; JSON is YAML."""
    return json.dumps({"clusters": [cluster]})


def users(cluster: Cluster) -> list[str]:
    """A user of each account with JetStream."""
    return [b["users"][0]["user"] for b in cluster.accounts.values() if "jetstream" in b]


def http(cluster: Cluster, _: Path) -> str:
    return settings(targets=cluster.monitor_urls)


def system(cluster: Cluster, folder: Path) -> str:
    return settings(system=login(cluster, folder, "sys"))


def accounts(cluster: Cluster, folder: Path) -> str:
    return settings(accounts=[login(cluster, folder, user) for user in users(cluster)])


def together(cluster: Cluster, folder: Path) -> str:
    return settings(
        targets=cluster.monitor_urls,
        system=login(cluster, folder, "sys"),
        accounts=[login(cluster, folder, user) for user in users(cluster)],
    )


ALL: tuple[Way, ...] = (http, system, accounts, together)
