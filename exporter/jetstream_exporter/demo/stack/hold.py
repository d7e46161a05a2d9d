"""`--hold`: the cluster stays broken until Enter, so that somebody can look at it and mend it."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.server import Server
from jetstream_exporter.demo.stack.scenarios import Scenario


def explained(scenario: Scenario) -> list[str]:
    """What is broken, and the commands to mend it by hand."""
    commands = [line.format(url=_url(scenario.cluster)) for line in scenario.by_hand]
    commands += [started(server) for server in scenario.cluster if not server.alive]
    return [
        "",
        f"{scenario.name} is on hold: {scenario.story}.",
        *(f"  {_process(server)}" for server in scenario.cluster),
        "to mend it by hand:" if commands else "only the demo can mend this:",
        *(f"  {command}" for command in commands),
        "or press Enter, and the demo mends it; a server that you start is yours to stop",
        "",
    ]


def _process(server: Server) -> str:
    state = f"pid {server.pid}" if server.alive else "not running"
    return f"{server.name}  {state}  {server.url}  log {server.log}"


def started(server: Server) -> str:
    """The command that starts the server again, in the background, as the demo did."""
    argv = [str(part) for part in server.argv]
    return f"{shlex.join(argv)} >> {shlex.quote(str(server.log))} 2>&1 &"


def _url(cluster: Cluster) -> str:
    return next((server.url for server in cluster if server.alive), cluster.urls[0])


async def until_enter() -> None:
    """Until a line is typed. Where nobody can type one, at once."""
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    try:
        number = sys.stdin.fileno()
        loop.add_reader(number, typed.set)
    except (OSError, ValueError):  # a file, or closed
        return
    try:
        await typed.wait()
        os.read(number, 4096)
    finally:
        loop.remove_reader(number)
