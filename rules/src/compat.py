"""Rules that give the series of prometheus-nats-exporter and nats-surveyor from ours, out of the table of the package.

Ours has no leader in the labels of a value; theirs has. So a first rule of each kind of object records a series of value 1
with all labels of theirs, and each further rule multiplies by it. Which series they are, is one table:
`jetstream_exporter.migrate.names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rules.src.labels import indented, marked, renamed
from rules.src.model import Group, Record, RuleFile

from jetstream_exporter.migrate.labels import OURS
from jetstream_exporter.migrate.names import (
    CHART_PREFIX,
    CORE_PREFIX,
    JETSTREAM_PREFIX,
    OldName,
    pne_names,
    surveyor_names,
)
from jetstream_exporter.migrate.shapes import Kind, Row

INTERVAL = "30s"
# Old labels of what a server has several of: made of the value's own labels, since its server has one of each.
OF_CONNECTIONS = (
    "account_id",
    "gateway_name",
    "remote_gateway_name",
    "server_gateway_name",
    "server_route_name",
    "name",
)
LEFT_OUT = (
    "Left out on purpose: labels that name the meta leader or a Raft group (meta_leader, is_meta_leader, stream_raft_group, "
    "raft_group), because each election of the meta leader would make every series anew; and the rows of followers, "
    "which report zeros that are not true. A stream's or consumer's series carries the name of its own leader, as theirs "
    "did, and is a new one after its election."
)
CONSUMERS = (
    "The series of consumers: for 20,000 consumers up to 200,000 series and a fifth of a processor core. Delete this group "
    "if no dashboard and no alert reads them."
)


@dataclass(frozen=True, slots=True)
class Flavour:
    """One way in which the old exporter ran: its names, and what it wrote into the label server_id."""

    subject: str
    names: tuple[OldName, ...]
    server_id: str  # the label of nats_server_info that holds it
    comment: str

    def labels(self, what: str) -> str:
        """The series of value 1 that has the old labels of a server, account, stream or consumer."""
        return f"compat_{self.subject.replace('-', '_')}:{what}_labels:info"


PNE = Flavour(
    "pne",
    tuple(pne_names(CORE_PREFIX, JETSTREAM_PREFIX)),
    "server",
    "The series of prometheus-nats-exporter with its own prefixes, gnatsd_ and jetstream_. server_id is the name of the "
    "server; theirs is the address that it was configured with.",
)
PNE_HELM = Flavour(
    "pne-helm",
    tuple(pne_names(CHART_PREFIX, CHART_PREFIX)),
    "server_id",
    "The series of prometheus-nats-exporter with the flags of the NATS Helm chart: the prefix nats_, and the server's own "
    "ID as server_id.",
)
SURVEYOR = Flavour(
    "surveyor",
    tuple(surveyor_names()),
    "server_id",
    "The series of nats-surveyor. Its stream and consumer series have names that prometheus-nats-exporter has under the "
    "NATS chart, with other labels: load this file or pne-helm.yaml.",
)
FLAVOURS = (PNE, PNE_HELM, SURVEYOR)


def _file(flavour: Flavour) -> RuleFile:
    rows = [each for each in flavour.names if each.row.rules]
    of_consumers = [each for each in rows if each.kind.of == "consumer"]
    others = [each for each in rows if each.kind.of != "consumer"]
    return RuleFile(
        subject=f"compat/{flavour.subject}",
        comment=f"{flavour.comment}\n\n{LEFT_OUT}",
        groups=(
            Group(
                name=f"compat-{flavour.subject}",
                interval=INTERVAL,
                rules=(*_label_rules(flavour), *_rules(flavour, others)),
            ),
            Group(
                name=f"compat-{flavour.subject}-consumers",
                interval=INTERVAL,
                rules=(_consumer_labels(flavour), *_rules(flavour, of_consumers)),
                comment=CONSUMERS,
            ),
        ),
    )


def _rules(flavour: Flavour, names: Iterable[OldName]) -> Iterator[Record]:
    for each in names:
        yield Record(name=each.name, expr=_expression(flavour, each.kind, each.row))


def _expression(flavour: Flavour, kind: Kind, row: Row) -> str:
    """The value with the old labels, aggregated over exporters by all of them."""
    given = (*kind.labels, *kind.constants)
    value = row.reading
    text = value if value == row.selector else f"({value})"
    if kind.of == "server" and "account_name" in kind.labels:
        text = _named(flavour, text)
    recorded: tuple[str, ...] = ()
    if kind.of != "peer":
        what = kind.object
        recorded = _recorded(flavour, what)
        taken = [label for label in recorded if label in (*given, "account_name")]
        text += f"\n* on (${what}) group_left ({', '.join(taken)})\n{flavour.labels(what)}"
    text = renamed(text, *_own(kind))
    for old, constant in kind.constants.items():
        if old not in recorded:
            text = marked(text, old, constant)
    return f"max by ({', '.join(_by(given))}) (\n{indented(text)}\n)"


def _named(flavour: Flavour, text: str) -> str:
    """With the name of its account, where that is known: of accounts that use JetStream."""
    joined = f"{text}\n* on ($account) group_left (account_name)\n{flavour.labels('account')}"
    return f"(\n{indented(joined)}\n  or on ($server, account)\n{indented(text)}\n)"


def _by(labels: Iterable[str]) -> list[str]:
    """The cluster first: where a further label tells clusters apart, it is put before."""
    return sorted(
        labels, key=lambda label: (not label.endswith(("cluster", "cluster_name")), label)
    )


def _recorded(flavour: Flavour, what: str) -> tuple[str, ...]:
    """The old labels that the series of labels brings to a value that lacks them."""
    server = ("server_id", "server_name")
    if flavour is SURVEYOR:
        versions = ("server_version", "server_domain")
        places = {
            "server": (*server, *versions, "server_cluster", "cluster_name"),
            "account": ("account_name", "cluster_name"),
            "stream": (*server, "account_name", "stream_leader", "cluster_name"),
        }
        places["consumer"] = (*places["stream"], "consumer_name", "consumer_leader")
        return places[what]
    stream = (
        *server,
        "domain",
        "account_name",
        "account_id",
        "stream_name",
        "stream_leader",
        "is_stream_leader",
    )
    return {
        "server": (*server, "domain", "cluster"),
        "account": ("account_name", "account_id", "cluster"),
        "stream": (*stream, "cluster"),
        "consumer": (*stream, "consumer_name", "consumer_leader", "is_consumer_leader", "cluster"),
    }[what]


def _own(kind: Kind) -> Iterator[tuple[str, str]]:
    """Old labels that are made of the value's own ones, and of which."""
    if kind.of == "origin":
        yield kind.labels[-1], "source"
    if kind.of == "peer":
        yield from (("peer", "server"), ("cluster_name", "nats_cluster"))
    if kind.of == "server":
        yield from ((old, OURS[old]) for old in kind.labels if old in OF_CONNECTIONS)
    elif kind.exporter == "pne" and "account" in kind.labels:
        yield "account", "account_name"


def _label_rules(flavour: Flavour) -> Iterator[Record]:
    yield Record(
        name=flavour.labels("server"),
        expr=_server_labels(flavour),
        comment=(
            "Labels alone, of value 1. topk: where two exporters see a server restart or an election at different times, "
            "one of them decides."
        ),
    )
    yield Record(name=flavour.labels("account"), expr=_account_labels(flavour))
    yield Record(name=flavour.labels("stream"), expr=_stream_labels(flavour))


def _server_labels(flavour: Flavour) -> str:
    if flavour is SURVEYOR:
        # nats-surveyor writes Default for a server without a domain.
        info = "max by ($server, server_id, domain, version) (nats_server_info)"
        return renamed(
            marked(f"topk by ($server) (1, {info})", "server_domain", "Default"),
            ("server_domain", "domain"),
            ("server_version", "version"),
            ("server_name", "server"),
            ("server_cluster", "nats_cluster"),
            ("cluster_name", "nats_cluster"),
        )
    more = ", server_id" if flavour.server_id == "server_id" else ""
    text = f"topk by ($server) (1, max by ($server, domain{more}) (nats_server_info))"
    pairs = [("server_name", "server"), ("cluster", "nats_cluster")]
    return renamed(text, *(pairs if more else [("server_id", "server"), *pairs]))


def _account_labels(flavour: Flavour) -> str:
    text = "topk by ($account) (1, max by ($account, account_name) (jetstream_account_info))"
    if flavour is SURVEYOR:
        return renamed(text, ("cluster_name", "nats_cluster"))
    return renamed(text, ("account_id", "account"), ("cluster", "nats_cluster"))


def _stream_labels(flavour: Flavour) -> str:
    text = _led(flavour, "stream")
    if flavour is not SURVEYOR:
        text = marked(renamed(text, ("stream_name", "stream")), "is_stream_leader", "true")
    of_account = "account_name" if flavour is SURVEYOR else "account_name, account_id"
    return f"{text}\n* on ($account) group_left ({of_account})\n{flavour.labels('account')}"


def _led(flavour: Flavour, what: str) -> str:
    """The stream or consumer with its leader's server labels."""
    server = ", ".join(
        label for label in _recorded(flavour, "server") if label in _recorded(flavour, what)
    )
    text = (
        f"topk by (${what}) (1, max by (${what}, server) (jetstream_{what}_leader))\n"
        f"* on ($server) group_left ({server})\n"
        f"{flavour.labels('server')}"
    )
    return renamed(text, (f"{what}_leader", "server"))


def _consumer_labels(flavour: Flavour) -> Record:
    text = renamed(_led(flavour, "consumer"), ("consumer_name", "consumer"))
    if flavour is not SURVEYOR:
        text = marked(text, "is_consumer_leader", "true")
    of_server = {*_recorded(flavour, "server")}
    of_stream = [each for each in _recorded(flavour, "stream") if each not in of_server]
    text += f"\n* on ($stream) group_left ({', '.join(of_stream)})\n{flavour.labels('stream')}"
    return Record(name=flavour.labels("consumer"), expr=text)


FILES: tuple[RuleFile, ...] = tuple(_file(flavour) for flavour in FLAVOURS)
