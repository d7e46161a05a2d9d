"""One selector of theirs as one of ours: the name, the matchers, and what a label of theirs alone asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from jetstream_exporter.migrate import labels
from jetstream_exporter.migrate.macros import has_variable, only_variable
from jetstream_exporter.migrate.names import OldName
from jetstream_exporter.migrate.patterns import matches
from jetstream_exporter.migrate.printer import matcher, operator_of, selector
from jetstream_exporter.migrate.shapes import Row
from jetstream_exporter.migrate.tree import Node

SERVER_ID = re.compile(r"N[A-Z2-7]{55}|https?://.*")
ACCOUNT_ID = re.compile(r"A[A-Z2-7]{55}")
ANYTHING = ("", ".*", ".+")
META_LEADER = "on (nats_cluster, server) jetstream_meta_leader"


class UnresolvedError(Exception):
    """The expression has no successor; one sentence says why."""


@dataclass(slots=True)
class Selected:
    """What stands in place of a selector. `condition` is a further vector that it is matched with."""

    old: OldName
    matchers: list[str]
    condition: str = ""
    leads: bool = False  # theirs selected the leader's row
    notes: list[str] = field(default_factory=list)

    @property
    def row(self) -> Row:
        return self.old.row

    def text(self, name: str = "") -> str:
        return selector(name or self.row.new, self.matchers)


def selected(node: Node, old: OldName) -> Selected:
    """UnresolvedError where one of its matchers asks for what ours has not."""
    found = Selected(old, [matcher(label, "=", value) for label, value in old.row.where.items()])
    if node.matchers.or_matchers:
        raise UnresolvedError("its matchers are joined with or, which Prometheus does not support")
    for each in node.matchers.matchers:
        if each.name == "__name__":
            continue
        for new in _matcher(str(each.name), operator_of(each), str(each.value), found):
            if new not in found.matchers:
                found.matchers.append(new)
    return found


def _matcher(label: str, operator: str, value: str, found: Selected) -> list[str]:
    """The matcher of ours, if there has to be one."""
    kind, ours = found.old.kind, labels.labels_of(found.row.new)
    if label in labels.FLAGS or label in kind.constants:
        _flag(label, operator, value, kind.constants.get(label, "true"), found)
        return []
    new = labels.translated(label, kind, ours)
    if new is None:
        _without(label, operator, value, found)
        return []
    if label in labels.OF_TARGET and not has_variable(value):
        found.notes.append(
            f'{label}{operator}"{value}" selects a scrape target of the other exporter and was dropped'
        )
        return []
    if new == "server" and SERVER_ID.fullmatch(value):
        raise UnresolvedError(
            f'{label}="{value}" is the ID or the address of a server; use its name, server="…"'
        )
    if label in labels.OF_ONE_SERVER:
        found.notes.append(
            f"{label}, the address of the exporter of one server, was replaced by server"
        )
    if new == "account" and not has_variable(value) and value not in ANYTHING:
        _say_account(label, operator, value, found)
    return [matcher(new, operator, value)]


def _say_account(label: str, operator: str, value: str, found: Selected) -> None:
    """Theirs may be the name of the account, where ours is the ID."""
    said = f'{label}{operator}"{value}"'
    is_id = label == "account_id" or ACCOUNT_ID.fullmatch(value) is not None
    is_name = label == "account_name" or found.old.kind.exporter == "pne"
    if is_id or not (is_name or found.old.is_doubtful):
        return
    found.notes.append(
        f"{said} selects the name of an account; the label account of jetstream-exporter is the ID"
        if is_name
        else f"{said}: the label is the ID of the account in nats-surveyor, and its name in prometheus-nats-exporter; "
        "the label account of jetstream-exporter is the ID"
    )


def _flag(label: str, operator: str, value: str, constant: str, found: Selected) -> None:
    """`is_stream_leader="true"` and its like: ours is that row already."""
    if not (has_variable(value) or _accepts(operator, value, constant)):
        raise UnresolvedError(
            f'{label}{operator}"{value}" selects values of followers, which jetstream-exporter does not export'
        )
    if label == "is_meta_leader" and not _accepts(operator, value, "false"):
        _of_meta_leader(found)
        return
    if label not in ("server_jetstream", "raft_group"):
        found.leads = True
        found.notes.append(
            f"{label} was dropped: jetstream-exporter exports only the values of the leader"
        )


def _of_meta_leader(found: Selected) -> None:
    if found.old.kind.of == "server":
        found.condition = META_LEADER
    elif found.old.kind.of in ("account", "cluster"):
        found.notes.append(
            "is_meta_leader was dropped: jetstream-exporter has one series for the whole cluster"
        )
    else:
        found.notes.append(
            "is_meta_leader was dropped: the result now covers all servers, not only the server of the meta leader"
        )


def _accepts(operator: str, value: str, what: str) -> bool:
    hit = matches(value, what) if "~" in operator else value == what
    return True if hit is None else hit != operator.startswith("!")


def _without(label: str, operator: str, value: str, found: Selected) -> None:
    """A matcher of a label that ours has not: left out where it restricts nothing that is known."""
    said = f'{label}{operator}"{value}"'
    if label in labels.OF_TARGET:
        found.notes.append(f"{said} selects a scrape target of the other exporter and was dropped")
    elif only_variable(value) or (operator == "=~" and value in ANYTHING):
        found.notes.append(
            f"{said} was dropped: jetstream-exporter has one series for each {found.old.kind.object}, "
            f"without the label {label}"
        )
    elif label.startswith(("stream_meta_", "consumer_meta_")):
        raise UnresolvedError(
            f"{said}: metadata are labels of jetstream_stream_labels and jetstream_consumer_labels (labels.metadata)"
        )
    else:
        raise UnresolvedError(f"{said}: {found.row.new} has no such label")
