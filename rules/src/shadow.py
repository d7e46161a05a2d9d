"""Rules for the week in which another exporter and this one run: both figures of each object, and where they differ.

Two exporters never ask at one moment, so that figures which move are never equal. They disagree where the span of values of
one and that of the other within five minutes have nothing in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rules.src.compat import FLAVOURS, PNE, SURVEYOR, Flavour
from rules.src.labels import indented, marked, renamed
from rules.src.model import Alert, Group, Record, RuleFile

INTERVAL = "30s"
What = Literal["server", "stream", "consumer"]
DIFFERENCE, DISAGREES = "compat_shadow:figure:difference", "compat_shadow:figure:disagrees"
MISSING = "compat_shadow:figure:missing"
CLUSTER_OF_SERVER = "compat_shadow:server_cluster:info"
OURS, THEIRS = "jetstream-exporter", "the other exporter"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that both have: its name on the board, theirs without prefix, and ours."""

    what: What
    name: str
    old: str
    new: str


FIGURES = (
    Figure("server", "stream replicas", "server_total_streams", "jetstream_server_streams"),
    Figure("server", "consumer replicas", "server_total_consumers", "jetstream_server_consumers"),
    Figure("stream", "messages", "stream_total_messages", "jetstream_stream_messages"),
    Figure("stream", "bytes", "stream_total_bytes", "jetstream_stream_bytes"),
    Figure("stream", "first sequence", "stream_first_seq", "jetstream_stream_first_sequence"),
    Figure("stream", "last sequence", "stream_last_seq", "jetstream_stream_last_sequence"),
    Figure("consumer", "pending", "consumer_num_pending", "jetstream_consumer_pending_messages"),
    Figure(
        "consumer",
        "ack pending",
        "consumer_num_ack_pending",
        "jetstream_consumer_ack_pending_messages",
    ),
    Figure(
        "consumer",
        "redelivered",
        "consumer_num_redelivered",
        "jetstream_consumer_redelivered_messages",
    ),
    Figure(
        "consumer",
        "delivered sequence",
        "consumer_delivered_stream_seq",
        "jetstream_consumer_delivered_sequence",
    ),
    Figure(
        "consumer",
        "ack floor",
        "consumer_ack_floor_stream_seq",
        "jetstream_consumer_ack_floor_sequence",
    ),
)


def old_of(exporter: str) -> str:
    """All figures of theirs; `exporter` is one of them, or a pattern for a dashboard's variable."""
    return _side("old", exporter)


def new_of(exporter: str) -> str:
    return _side("new", exporter)


def _side(side: str, exporter: str) -> str:
    return f'{{exporter="{exporter}", __name__=~"compat_shadow:[a-z_]+:{side}"}}'


def name_of(flavour: Flavour, figure: Figure) -> str:
    """The whole name of theirs."""
    if flavour is SURVEYOR and figure.what == "server":
        return f"nats_core_jetstream_{figure.old}"
    return f"{'jetstream' if flavour is PNE else 'nats'}_{figure.old}"


def _leaders(flavour: Flavour, figure: Figure) -> str:
    """Their rows of leaders. nats-surveyor has no flag: it is where the name of the leader is that of the server."""
    name = name_of(flavour, figure)
    if figure.what == "server":
        return name
    if flavour is not SURVEYOR:
        return f'{name}{{is_{figure.what}_leader="true"}}'
    leader = f"{figure.what}_leader"
    place = "account, stream" + (", consumer_name" if figure.what == "consumer" else "")
    of_leader = renamed(f"group by ({place}, {leader}) ({name})", ("server_name", leader))
    return f"{name}\nand on ({place}, server_name)\n{of_leader}"


def _theirs(flavour: Flavour, figure: Figure) -> str:
    """By our labels. The cluster is ours, because a configuration may name it otherwise, and one server has no cluster.

    It follows from the server's ID, or where theirs is an address, from its name; a name that servers of several
    clusters have tells nothing, and then the cluster is what they call it.
    """
    rows = _leaders(flavour, figure)
    stream = "stream" if flavour is SURVEYOR else "stream_name"
    pairs = [] if figure.what == "server" else [("stream", stream)]
    if figure.what == "server" or flavour is PNE:
        pairs.append(("server", "server_name"))
    if flavour is not SURVEYOR and figure.what != "server":
        pairs.append(("account", "account_id"))
    if figure.what == "consumer":
        pairs.append(("consumer", "consumer_name"))
    if flavour is PNE:
        rows = renamed(rows, *pairs)
        named = renamed(rows, ("nats_cluster", "cluster"))
        rows = (
            f"{rows}\n* on (server) group_left (nats_cluster)\n{CLUSTER_OF_SERVER}\n"
            f"or\n{named}\nunless on (server)\n{CLUSTER_OF_SERVER}"
        )
    else:
        info = "topk by (server_id) (1, max by (nats_cluster, server_id) (nats_server_info))"
        rows = f"({rows})\n* on (server_id) group_left (nats_cluster)\n{info}"
        rows = renamed(rows, *pairs)
    return f"max by (${figure.what}) (\n{indented(rows)}\n)"


def _labelled(flavour: Flavour, figure: Figure, inner: str) -> str:
    of_exporter = marked(inner, "exporter", flavour.subject)
    return marked(of_exporter, "figure", f"{figure.what} {figure.name}")


def _cluster_of_server() -> Record:
    servers = "max by (nats_cluster, server) (nats_server_info)"
    return Record(
        name=CLUSTER_OF_SERVER,
        comment="Of value 1: the cluster of each server whose name no other cluster has.",
        expr=f"{servers}\nunless on (server)\ncount by (server) ({servers}) > 1",
    )


def _records(flavour: Flavour) -> Iterator[Record]:
    if flavour is PNE:
        yield _cluster_of_server()
    for figure in FIGURES:
        recorded = f"compat_shadow:{figure.what}_{figure.name.replace(' ', '_')}"
        theirs = _labelled(flavour, figure, _theirs(flavour, figure))
        yield Record(name=f"{recorded}:old", expr=theirs)
        new = f"max by (${figure.what}) ({figure.new})"
        yield Record(name=f"{recorded}:new", expr=_labelled(flavour, figure, new))
    old, new = (side(flavour.subject) for side in (old_of, new_of))
    yield Record(name=DIFFERENCE, expr=f"{old} - {new}")
    yield Record(
        name=DISAGREES,
        comment="1 where all values of one within five minutes are above all of the other.",
        expr=(
            f"(min_over_time({old}[5m]) > max_over_time({new}[5m])) * 0 + 1\n"
            f"or\n(min_over_time({new}[5m]) > max_over_time({old}[5m])) * 0 + 1"
        ),
    )
    ours = marked(f"{old} unless {new}", "missing_in", OURS)
    theirs = marked(f"{new} unless {old}", "missing_in", THEIRS)
    yield Record(
        name=MISSING,
        comment=(
            "What one of them has and the other has not. Ephemeral consumers are the other's alone, unless the "
            "configuration names them."
        ),
        expr=f"{ours}\nor\n{theirs}",
    )


def _alert(flavour: Flavour) -> Alert:
    other = "nats-surveyor" if flavour is SURVEYOR else "prometheus-nats-exporter"
    return Alert(
        name="JetStreamShadowDisagrees",
        severity="warning",
        scope="exporter",
        board="jetstream-shadow",
        expr=f'{DISAGREES}{{exporter="{flavour.subject}"}} == 1',
        wait="10m",
        page=f"docs/migrate-from-{other}.md",
        summary="Two exporters disagree about one object",
        description=(
            f"{other} and jetstream-exporter report different values of {{figure}} for "
            "{{ with $labels.server }}server {{ . }} of {{ end }}{{ with $labels.consumer }}consumer {{ . }} of {{ end }}"
            "{{ with $labels.stream }}stream {{ . }} of {{ end }}cluster {nats_cluster}, for longer than "
            "they are apart in time."
        ),
    )


def _file(flavour: Flavour) -> RuleFile:
    return RuleFile(
        subject=f"compat/shadow-{flavour.subject}",
        comment=(
            f"For the week in which another exporter ({flavour.subject}) and this one run: both figures of each object, "
            "and where they differ. Load it while the other one runs, without the rules that give its series."
        ),
        groups=(
            Group(
                name=f"compat-shadow-{flavour.subject}",
                interval=INTERVAL,
                rules=(*_records(flavour), _alert(flavour)),
            ),
        ),
    )


FILES: tuple[RuleFile, ...] = tuple(_file(flavour) for flavour in FLAVOURS)
