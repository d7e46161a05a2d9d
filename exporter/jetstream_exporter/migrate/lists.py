"""Lists of labels in an expression, ours for theirs: what `by` and `on` keep, what `without` and `ignoring` drop."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from jetstream_exporter.migrate.labels import OURS, is_theirs, labels_of, translated
from jetstream_exporter.migrate.names import OldName
from jetstream_exporter.migrate.selecting import UnresolvedError
from jetstream_exporter.migrate.shapes import Kind

# Of a series of theirs: its kind, and the labels that ours has.
Kinds = Sequence[tuple[Kind, frozenset[str]]]
LEFT_OUT = re.compile(r"\bwithout \(([^()]*)\)")  # in a form
CLUSTER, SERVER = "nats_cluster", "server"


def kept(names: Iterable[str], kinds: Kinds) -> tuple[list[str], list[str]]:
    """Our labels of a `by (…)` or `on (…)`, and theirs that had to be left out.

    What named a server of theirs was unique over all clusters, and our name of it is so within one: the cluster goes
    along.
    """
    found, lost = brought(names, kinds)
    whole = [each for new in found for each in ((CLUSTER, SERVER) if new == SERVER else (new,))]
    return list(dict.fromkeys(whole)), lost


def brought(names: Iterable[str], kinds: Kinds) -> tuple[list[str], list[str]]:
    """The same of a `group_left (…)`, which matches by other labels."""
    found: list[str] = []
    lost: list[str] = []
    for name in names:
        new = [each for kind, ours in kinds if (each := translated(name, kind, ours)) is not None]
        (found if new else lost).append(new[0] if new else name)
    return list(dict.fromkeys(found)), lost


def left_out(names: Sequence[str], kinds: Kinds) -> tuple[list[str], list[str]]:
    """Our labels of a `without (…)` or `ignoring (…)`, and theirs that no series of ours has.

    One of ours goes where every label of theirs that says the same goes: where one stays, the result had it still. What
    Prometheus gives to targets is a label of ours as well, and stays in the list.
    """
    found: list[str] = []
    lost: list[str] = []
    for name in names:
        new = OURS.get(name, "")
        if not is_theirs(name):
            found.append(name)
        elif not any(new in ours for _, ours in kinds):
            lost.append(name)
        elif _goes(new, name, names, kinds):
            found.append(new)
    return list(dict.fromkeys(found)), lost


def _goes(new: str, name: str, names: Sequence[str], kinds: Kinds) -> bool:
    staying = [
        [each for each in kind.labels if each not in names and _tells(each, new)]
        for kind, ours in kinds
        if new in ours
    ]
    if any(staying) and not all(staying):
        others = ", ".join(dict.fromkeys(each for labels in staying for each in labels))
        raise UnresolvedError(
            f"it leaves out {name} of series of which some have {others} as well: write it for each of them"
        )
    return not any(staying)


def _tells(theirs: str, new: str) -> bool:
    """Whether a label of theirs says what ours does. A server's says its cluster, too."""
    says = OURS.get(theirs)
    return says == new or (new == CLUSTER and says == SERVER)


def only_ours(old: OldName) -> frozenset[str]:
    """Labels of what replaces a series of theirs that theirs did not have."""
    form = old.row.form
    if " by (" in form:
        return frozenset()
    gone = {label for found in LEFT_OUT.findall(form) for label in re.split(r",\s*", found)}
    return labels_of(old.row.new) - frozenset(_ours(old.kind)) - gone - {CLUSTER}


def _ours(kind: Kind) -> Iterator[str]:
    return (OURS[label] for label in kind.labels if label in OURS)
