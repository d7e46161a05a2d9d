"""The page that shows the comparison."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable

from scripts.versions import NEWEST
from tests.support.peers.compare import Comparison, Found
from tests.support.peers.programs import PROGRAMS, program

EXPLAINED = {
    "nats_stream_consumer_count": "theirs is 0; nats_core_account_jetstream_consumer_count has the number",
    "nats_core_account_sub_count": "in the system account theirs counts the subscription with which it asks",
}


PAGE = """\
# The series of other exporters, from ours

Made by `python -m tests.support.peers`, in two places one after the other: a cluster of three nats-servers {server};
and two clusters of two that gateways join, with pools of routes, and a leaf node of two accounts. Beside this exporter
there were one {pne} for each server with each set of flags, and one
{surveyor}, on one machine. Each of them was asked before and after the rules of
[rules/compat](../../rules/compat) were evaluated. A series of theirs counts where it is the row of the leader. Their
series of single connections are put together as ours are: added up, and of round-trip times the longest.

*equal*: the rule's value is one of the two samples. *within the bracket*: it lies between them, and so moves; ages, and
what moves by itself (processor, memory, the time since a peer was heard), may lie a little outside. *absent in ours*:
unlimited, where theirs is 2^64-1, or an account without JetStream or without clients, where theirs is 0.
"""


def page(results: Found) -> str:
    found = [each for part in results.values() for each in part]
    whole = [each for each in found if each.objects == each.equal + each.within + len(each.absent)]
    facts = {
        name.replace("prometheus-nats-exporter", "pne").replace(
            "nats-surveyor", "surveyor"
        ): f"{name} {_version(name)}"
        for name in PROGRAMS
    }
    head = PAGE.format(server=NEWEST, **facts)
    return (
        f"{head}\n{len(whole)} of {len(found)} series agree for every object.\n\n{table(results)}"
    )


def _version(name: str) -> str:
    argv = [str(program(name)), "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    words = (done.stdout + done.stderr).split()
    return next((word.removeprefix("v") for word in words if re.match(r"v?\d+\.", word)), "")


def unexplained(found: Iterable[Comparison]) -> dict[str, list[str]]:
    """What differs without a reason that is known."""
    return {
        each.name: each.differing for each in found if each.differing and each.name not in EXPLAINED
    }


TITLES = {
    "pne": "prometheus-nats-exporter, its own prefixes",
    "pne-helm": "prometheus-nats-exporter, the flags of the NATS chart",
    "surveyor": "nats-surveyor",
}


def table(results: Found) -> str:
    lines = []
    for subject, found in results.items():
        lines += [f"## {TITLES[subject]}", ""]
        lines += ["| their series | from ours | objects | equal | within the bracket | other |"]
        lines += ["| --- | --- | --- | --- | --- | --- |"]
        for each in found:
            explained = (
                EXPLAINED.get(each.name, "; ".join(each.differing)) if each.differing else ""
            )
            missing = f"{len(each.absent)} absent in ours" if each.absent else ""
            other = "; ".join(part for part in (explained, missing) if part)
            ours = each.ours.replace("|", "\\|")
            lines.append(
                f"| `{each.name}` | `{ours}` | {each.objects} | {each.equal} | {each.within} | {other} |"
            )
        lines.append("")
    return "\n".join(lines)
