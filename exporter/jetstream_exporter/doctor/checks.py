"""The checks. Each reads the facts, and gives what is right as well as what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from jetstream_exporter.config import ConfigError, SecretError
from jetstream_exporter.config.exported import limit_of
from jetstream_exporter.doctor.advice import DNS, PERMISSION, PORT, SECRET, advice_on, may_be_down
from jetstream_exporter.doctor.facts import Facts
from jetstream_exporter.doctor.parts import parts
from jetstream_exporter.doctor.result import Result, State, some
from jetstream_exporter.doctor.targets import targets
from jetstream_exporter.report import Outcome
from jetstream_exporter.sources.http.discovery import SRV
from jetstream_exporter.sources.http.monitoring import NAME as MONITORING

CORRECT = "Correct the file. CONFIGURATION.md lists every key."
CLOCK = 1.0  # seconds by which clocks may differ
Check = Callable[[Facts], Iterable[Result]]


def names(facts: Facts) -> Iterator[Result]:
    for each in facts.names:
        if each.error or not each.addresses:
            error = each.error or "the name has no addresses"
            advice = advice_on("name cannot be resolved", each.name)[1]
            yield Result(DNS, State.ERROR, each.name, error, advice)
        else:
            count = f"{len(each.addresses)} address{'es' if each.addresses[1:] else ''}"
            yield Result(DNS, State.OK, each.name, f"{count}: {some(each.addresses)}")


def sources(facts: Facts) -> Iterator[Result]:
    """Ports, logins and permissions: how it went when each source asked each target."""
    failed = {each.name.removeprefix(SRV) for each in facts.names if each.error}
    for outcome in facts.outcomes:
        where = f"{outcome.source} {outcome.target}"
        if outcome.error is None:
            yield Result(PORT, State.OK, where, _answered(outcome))
            continue
        failing = [name for name, result in outcome.requests.items() if not result.up]
        partly = outcome.source == MONITORING and bool(outcome.reports)
        request = failing[0] if failing else "jsz"
        check, advice = advice_on(outcome.error, outcome.target, request=request, partly=partly)
        if check == DNS and any(name in outcome.target for name in failed):
            continue  # said above
        state = State.WARNING if outcome.reports else State.ERROR
        if state is State.ERROR:
            others = any(_is_like(outcome, other) for other in facts.outcomes)
            advice = may_be_down(outcome.error, advice, others)
        yield Result(check, state, where, outcome.error, advice)


def _is_like(outcome: Outcome, other: Outcome) -> bool:
    """Whether the other one is asked in the same way, in the same cluster, and answered."""
    same = (outcome.source, outcome.entry) == (other.source, other.entry)
    return same and bool(other.reports)


def _answered(outcome: Outcome) -> str:
    who = f"{outcome.server.server_name}, " if outcome.server is not None else ""
    return f"{who}{outcome.received} bytes in {outcome.duration:.2f} s"


def servers(facts: Facts) -> Iterator[Result]:
    """Whether the servers have anything to report."""
    for row in facts.snapshot.servers:
        where = f"server {row.name}"
        if row.jetstream is not None and not row.jetstream.enabled:
            yield Result(
                "jetstream",
                State.WARNING,
                where,
                "JetStream is not enabled",
                "Add a jetstream block to the configuration of the server. A server that runs without it on purpose "
                "need not be a target.",
            )
        elif row.up and row.healthy is False:
            yield Result(
                "jetstream",
                State.WARNING,
                where,
                f"its health check ({row.check}) fails",
                "See the runbook JetStreamServerUnhealthy, and the log of the server.",
            )


def clocks(facts: Facts) -> Iterator[Result]:
    told = [(row.name, row.now) for row in facts.snapshot.servers if row.now is not None]
    wrong = [(name, ahead) for name, now in told if abs(ahead := _ahead(now, facts)) > CLOCK]
    for name, ahead in wrong:
        word = "ahead of" if ahead > 0 else "behind"
        yield Result(
            "clock",
            State.WARNING,
            f"server {name}",
            f"its clock is {abs(ahead):.1f} s {word} the one of this machine",
            "Synchronise both clocks (chronyc tracking, timedatectl). Ages of messages and certificates and the "
            "delivery lag are calculated with them.",
        )
    if told and not wrong:
        count = "1 server" if len(told) == 1 else f"{len(told)} servers"
        seen = f"no clock differs by more than {CLOCK:g} s ({count})"
        yield Result("clock", State.OK, "servers", seen)


def _ahead(now: float, facts: Facts) -> float:
    """By how much a clock is ahead, at least: the answer came at some time of the collection."""
    return max(now - facts.ended, 0.0) - max(facts.began - now, 0.0)


def conflicts(facts: Facts) -> Iterator[Result]:
    for text in facts.conflicts:
        yield Result(
            "name",
            State.ERROR,
            "names",
            text,
            "Give each cluster a name of its own (clusters[].name), and each server a server_name of its own.",
        )
    if not facts.conflicts and any(row.up for row in facts.snapshot.servers):
        yield Result("name", State.OK, "names", "every cluster and server has a name of its own")


def selection(facts: Facts) -> Iterator[Result]:
    """Whether the configuration leaves anything to export."""
    held = sum(
        row.jetstream.streams or 0 for row in facts.snapshot.servers if row.jetstream is not None
    )
    streams = len(facts.snapshot.streams)
    if held and not streams:
        yield Result(
            "selection",
            State.ERROR,
            "filters",
            "the servers have streams, and the filters select none of them",
            "Check filters.accounts and filters.streams. Patterns match the whole name: ORDERS matches ORDERS only.",
        )
    elif streams:
        seen = f"{streams} streams and {len(facts.snapshot.consumers)} consumers are exported"
        yield Result("selection", State.OK, "filters", seen)
    dropped = facts.snapshot.exporter.dropped if facts.snapshot.exporter is not None else {}
    for kind, count in dropped.items():
        if count:
            yield Result(
                "selection",
                State.WARNING,
                "limits",
                f"{count} objects of kind {kind} are above the limit and not exported",
                f"Raise {limit_of(kind)}, or exclude objects that need no monitoring with filters.",
            )


def unused(facts: Facts) -> Iterator[Result]:
    for place in facts.unused:
        yield Result(
            PERMISSION,
            State.SKIPPED,
            place,
            "its advisories are not read here, since a reader would take them away from the exporter",
            "Look at jetstream_exporter_advisory_connected of the running exporter.",
        )
    for login in facts.logins:
        where = f"advisories {login.target}"
        if login.error:
            check, advice = advice_on(login.error, login.target)
            yield Result(check, State.ERROR, where, login.error, advice)
        else:
            seen = "the server accepts the login; the connection was closed again"
            yield Result(PORT, State.OK, where, seen)


def unusable(error: ConfigError) -> Result:
    """What a configuration is that cannot be used."""
    if isinstance(error, SecretError):
        check, where = SECRET, "configuration"
        advice = "Check that the Secret is mounted where the configuration says, and has this key."
    else:
        is_flag = str(error).startswith("--")
        check, where = "configuration", "flags" if is_flag else "configuration"
        advice = "Correct the flag." if is_flag else CORRECT
    return Result(check, State.ERROR, where, str(error), advice)


CHECKS: Sequence[Check] = (
    names,
    sources,
    parts,
    targets,
    servers,
    clocks,
    conflicts,
    selection,
    unused,
)


def results(facts: Facts) -> list[Result]:
    return [result for check in CHECKS for result in check(facts)]
