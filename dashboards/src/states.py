"""The state of an object in one word, the worst that holds, with the words, order and alerts of the status page.

The value of a state is its place among the words, so that 0 is the worst. What the page knows of one moment alone (a
client that may still be working, for example) has no word here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.src import shared
from dashboards.src.panels import BAD, OK, WARN, Look, Word
from dashboards.src.promql import CLUSTER, SERVER, Scope, alerts, matched

from jetstream_exporter.status import states

COLOURS = {"critical": BAD, "warning": WARN, "ok": OK}
# Shades that tell apart what follows each other in a timeline.
SHADES = {"no leader": "purple", "exhausted messages": "dark-red", "paused": "blue"}
NOT_HERE = ("delayed", "working", states.NOT_KNOWN)

# Of a replica: current, and 2 more where its leader calls it offline, or 2 where its server does not answer.
REPLICA = Look(
    words=[Word(0, 0, "behind", WARN), Word(1, 1, "current"), Word(2, 3, "offline", BAD)]
)


def look(order: Sequence[str]) -> Look:
    words = [
        Word(place, place, word, SHADES.get(word, COLOURS[states.level(word)]))
        for place, word in enumerate(order)
        if word not in NOT_HERE
    ]
    return Look(words=words)


STREAM = look(states.GROUP)
CONSUMER = look(states.CONSUMER)
SERVERS = look(states.SERVER)


def down(*, one: bool = False) -> str:
    """The servers of the chosen clusters that are asked and do not answer; `one` as in `Scope`."""
    servers = Scope(SERVER, CLUSTER, one)
    return (
        f"({servers.now('nats_server_up')} == 0) and on ({servers.by()}) "
        f"({servers.now('nats_server_configured')} == 1)"
    )


def server(scope: Scope) -> str:
    """Of each server of the scope."""
    on, up = f"on ({scope.by()})", scope.now("nats_server_up")
    incomplete = (
        f"({scope.now('jetstream_server_complete')} == 0) and {on} "
        f"({scope.now('jetstream_server_enabled')} == 1)"
    )
    age = f"time() - {scope.now('nats_server_start_timestamp_seconds')}"
    return _worst(
        {
            "down": f"({up} == 0) and {on} ({scope.now('jetstream_meta_peer_current')} == 0)",
            "not reachable": f"{up} == 0",
            "unhealthy": f"({scope.now('nats_server_healthy')} == 0) and {on} "
            f"({scope.now('jetstream_server_complete')} == 1) "
            f"or {_alert('JetStreamServerUnhealthy', scope)}",
            "store full": " or ".join(
                _alert(name, scope, 'severity="critical"') for name in states.STORE_ALERTS
            ),
            "starting": f"{incomplete} and {on} ({age} < {states.YOUNG:g})",
            "leaving": incomplete,
            "up": f"{up} == 1",
        },
        states.SERVER,
    )


def stream(scope: Scope) -> str:
    """Of each stream of the scope."""
    return _worst(
        {
            **_firing(states.STREAM_ALERTS, scope),
            "no leader": f"{scope.now('jetstream_stream_has_leader')} == 0",
            "no quorum": f"{scope.now('jetstream_stream_has_quorum')} == 0",
            "losing messages": _alert("JetStreamConsumerMessagesLost", scope),
            "no tolerance": f"{scope.now('jetstream_stream_fault_tolerance')} <= 0",
            "replica behind": f"min by ({scope.by()}) "
            f"({scope.select('jetstream_stream_replica_current')}) == 0",
            states.OK: f"{scope.now('jetstream_stream_has_leader')} == 1",
        },
        states.GROUP,
    )


def consumer(scope: Scope) -> str:
    """Of each consumer of the scope. What the rules record is known before their alert fires."""
    return _worst(
        {
            **_firing(states.CONSUMER_ALERTS, scope),
            "no leader": f"{scope.now('jetstream_consumer_has_leader')} == 0",
            "stalled": shared.stalled(scope),
            "nobody fetches": shared.unattended(scope),
            "paused": f"{scope.now(shared.PAUSED)} == 1",
            states.OK: f"{shared.known(scope)} >= 0",
        },
        states.CONSUMER,
    )


def replica(scope: Scope) -> str:
    """Of each replica; the scope tells them apart by the server too. A dead one is offline, and not behind."""
    current = scope.now("jetstream_stream_replica_current")
    offline = scope.now("jetstream_stream_replica_offline")
    return (
        f"({current} * 0 + 2 and on ({', '.join(SERVER)}) ({down(one=scope.one)})) "
        f"or ({current} + on ({scope.by()}) 2 * {offline})"
    )


def _worst(found: dict[str, str], order: Sequence[str]) -> str:
    """The first of the vectors that has an object names its state."""
    return " or ".join(
        f"(({found[word]}) * 0 + {place})" for place, word in enumerate(order) if word in found
    )


def _firing(words: Mapping[str, str], scope: Scope) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for name, word in words.items():
        found.setdefault(word, []).append(_alert(name, scope))
    return {word: " or ".join(vectors) for word, vectors in found.items()}


def _alert(name: str, scope: Scope, *more: str) -> str:
    """The cluster is chosen by `alerts` itself, which knows alerts of no cluster."""
    chosen = [matched(label, one=scope.one) for label in scope.variables if label not in CLUSTER]
    return scope.each(alerts(f'alertname="{name}"', *more, *chosen))
