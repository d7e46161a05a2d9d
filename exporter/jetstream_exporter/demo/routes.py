"""Whether the routes between servers stay as they are.

Servers that start together all dial each other, and of two routes of one pair each end closes one as a duplicate. Now
and then each closes the one that the other keeps: the pair is apart until it has dialled again, and then does not know
what its peer can hold before the peer says so, up to 10 s later. Until then streams are refused with `no suitable peers
for placement`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import aiohttp

from .server import Server


async def are_settled(servers: Sequence[Server]) -> bool:
    """No server dials another any more, and both ends of every pair hold the same routes. False if one is silent."""
    try:
        said = await asyncio.gather(*(server.ask("/routez") for server in servers))
    except (aiohttp.ClientError, TimeoutError):
        return False
    return all(
        agree(ours, theirs, one.ports.route.number, other.ports.route.number)
        for (one, ours), (other, theirs) in combinations(zip(servers, said, strict=True), 2)
    )


def agree(one: dict[str, Any], other: dict[str, Any], port: int, other_port: int) -> bool:
    """The end that dialled a route sees the other's own port, the other end a passing one."""
    ours = [route for route in one["routes"] if route["remote_id"] == other["server_id"]]
    theirs = [route for route in other["routes"] if route["remote_id"] == one["server_id"]]
    dialled = [r for r in ours if r["port"] == other_port] + [
        r for r in theirs if r["port"] == port
    ]
    # `did_solicit`: this end dialled it, or dialled too and took it for its own.
    tried = all(route.get("did_solicit", False) for route in ours + theirs)
    return tried and 0 < len(ours) == len(theirs) == len(dialled)
