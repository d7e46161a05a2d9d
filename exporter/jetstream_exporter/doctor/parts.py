"""What a target did not answer although it answered: each request that failed, and what has no values for it."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.doctor.advice import advice_on
from jetstream_exporter.doctor.facts import Facts
from jetstream_exporter.doctor.result import Result, State, some
from jetstream_exporter.report import Outcome
from jetstream_exporter.sources.http.monitoring import NAME as MONITORING
from jetstream_exporter.sources.links import ACCOUNTS, GATEWAYS, LEAFNODES, ROUTES

# By request: what has no values without it, and the setting that asks for it.
PARTS = {
    GATEWAYS: ("the links to other clusters (nats_gateway_…)", "collect.links"),
    LEAFNODES: ("the leaf node connections (nats_leafnode_…)", "collect.links"),
    ROUTES: ("the routes (nats_route_…)", "collect.links"),
    ACCOUNTS: ("the clients and the traffic of accounts (nats_account_…)", "collect.accounts"),
}
Part = tuple[str, str, str]  # source, request and reason


def parts(facts: Facts) -> Iterator[Result]:
    """One warning for each request and reason, whatever the number of servers."""
    found: dict[Part, list[str]] = {}
    for outcome in facts.outcomes:
        for name, reason in _failed(outcome):
            found.setdefault((outcome.source, name, reason), []).append(outcome.target)
    for (source, name, reason), targets in found.items():
        missing, setting = PARTS[name]
        check, advice = advice_on(reason, targets[0], request=name, partly=source == MONITORING)
        yield Result(
            check,
            State.WARNING,
            f"{source} {some(targets)}",
            f"{name}: {reason}; {missing} have no values",
            f"{advice} If you need none of these values, set {setting}: false.",
        )


def _failed(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Of a target that answered something. What else fails stands in its error."""
    if outcome.reports:
        for name, result in outcome.requests.items():
            if name in PARTS and not result.up:
                yield name, result.text
