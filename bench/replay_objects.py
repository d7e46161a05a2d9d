"""The streams and consumers of a replayed cluster, as each of its servers reports them."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

CREATED = "2026-01-01T00:00:00.000000001Z"
BEGAN = 1_000_000  # what every stream held at the start
STREAM: dict[str, Any] = {
    "subjects": ["load.>"],
    "retention": "limits",
    "max_consumers": -1,
    "max_msgs": -1,
    "max_bytes": 2**30,
    "max_age": 0,
    "max_msgs_per_subject": -1,
    "max_msg_size": -1,
    "discard": "old",
    "storage": "file",
    "duplicate_window": 120_000_000_000,
    "compression": "none",
    "metadata": {"_nats.req.level": "0"},
}
CONSUMER: dict[str, Any] = {
    "deliver_policy": "all",
    "ack_policy": "explicit",
    "ack_wait": 30_000_000_000,
    "max_deliver": 5,
    "replay_policy": "instant",
    "max_waiting": 512,
    "max_ack_pending": 1000,
    "num_replicas": 0,
    "metadata": {"_nats.req.level": "0"},
}


class Look(NamedTuple):
    """Which server of which cluster is asked, and when: `tick` counts seconds since the start."""

    cluster: str
    place: int
    tick: int
    now: float
    with_config: bool


class Objects:
    """Stream `s` has its replicas on the servers `s`, `s + 1` and so on, counted around; the first of them leads.

    The first streams are those of the first account, so that each account has streams on each server.
    """

    def __init__(
        self, servers: int, streams: int, consumers: int, replicas: int, accounts: int = 1
    ) -> None:
        self._servers, self._streams, self._accounts = servers, streams, accounts
        self._consumers, self._replicas = consumers, replicas

    def held(self, place: int) -> int:
        """How many streams have a replica on this server of a cluster."""
        return sum(self._rank(stream, place) is not None for stream in range(self._streams))

    def _rank(self, stream: int, place: int) -> int | None:
        rank = (place - stream) % self._servers
        return rank if rank < self._replicas else None

    def text(self, account: int, look: Look) -> str:
        """What stands in the list of `stream_detail` of an account: JSON without the brackets."""
        first, end = (self._streams * n // self._accounts for n in (account, account + 1))
        return ",".join(
            self._stream(stream, look)
            for stream in range(first, end)
            if self._rank(stream, look.place) is not None
        )

    def _stream(self, stream: int, look: Look) -> str:
        name = f"S{stream:05}"
        last = BEGAN + look.tick
        state = {
            "messages": last,
            "bytes": 100 * last,
            "first_seq": 1,
            "first_ts": CREATED,
            "last_seq": last,
            "last_ts": at(look.now),
            "num_subjects": 10,
            "consumer_count": self._consumers,
        }
        group = self._group(stream, look, "S")
        said = {"name": name, "created": CREATED, "cluster": group, "state": state}
        if look.with_config:
            said["config"] = STREAM | {"name": name, "num_replicas": self._replicas}
        return f'{json.dumps(said)[:-1]},"consumer_detail":[{self._details(stream, look)}]}}'

    def _details(self, stream: int, look: Look) -> str:
        """All consumers of the stream have one of two texts but for their names, which are filled in for NAME."""
        moving, standing = (self._consumer(stream, look, moved) for moved in (look.tick, 0))
        return ",".join(
            (standing if number % 4 else moving).replace("NAME", f"c{stream:05}-{number:04}")
            for number in range(self._consumers)
        )

    def _consumer(self, stream: int, look: Look, moved: int) -> str:
        taken = BEGAN // 2 + moved
        active = {"last_active": at(look.now) if moved else CREATED}
        leads = self._rank(stream, look.place) == 0
        said: dict[str, Any] = {
            "stream_name": f"S{stream:05}",
            "name": "NAME",
            "created": CREATED,
            "delivered": {"consumer_seq": taken, "stream_seq": taken, **active},
            "ack_floor": {"consumer_seq": taken - 2, "stream_seq": taken - 2, **active},
            "num_ack_pending": 2,
            "num_redelivered": 0,
            "num_waiting": 1,
            "num_pending": BEGAN // 2 if leads else 0,
            "ts": at(look.now),
            "cluster": self._group(stream, look, "C-NAME-"),
        }
        if look.with_config:
            said["config"] = CONSUMER | {"durable_name": "NAME", "name": "NAME"}
        return json.dumps(said)

    def _group(self, stream: int, look: Look, kind: str) -> dict[str, Any] | None:
        """None on a server alone. Followers do not say since when their leader leads, as in the recorded answers."""
        if self._servers == 1:
            return None
        members = [(stream + rank) % self._servers for rank in range(self._replicas)]
        said: dict[str, Any] = {"name": look.cluster, "leader": f"{look.cluster}-n{members[0]}"}
        if self._replicas == 1:
            return said
        said["raft_group"] = f"{kind}R{self._replicas}F-{stream:05}"
        if members[0] == look.place:
            said["leader_since"] = CREATED
        said["replicas"] = [
            _replica(look.cluster, each, knows=members[0] in {look.place, each})
            for each in members
            if each != look.place
        ]
        return said


def _replica(cluster: str, place: int, *, knows: bool) -> dict[str, Any]:
    """A follower knows of nobody but its leader."""
    active = 10**8 if knows else 0
    name = f"{cluster}-n{place}"
    return {"name": name, "current": knows, "active": active, "peer": f"peer{place:04}"}


def at(when: float) -> str:
    """A time since the epoch as servers write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
