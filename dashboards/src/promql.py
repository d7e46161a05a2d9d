"""The words that all expressions of the boards are made of.

Every figure is aggregated with `max` over its own labels: two exporters that scrape one cluster, or an
exporter pod that is replaced, show one line, and no replica is ever counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass

CLUSTER = ("nats_cluster",)
SERVER = (*CLUSTER, "server")
STREAM = (*CLUSTER, "account", "stream")
CONSUMER = (*STREAM, "consumer")
JOB = 'job=~"$job"'


def matched(label: str, *, one: bool) -> str:
    """The values that were chosen for a label.

    Grafana escapes a value for a regular expression only where there may be several. As a regular expression
    `$G`, the account of a server without accounts, matches nothing.
    """
    return f'{label}{"=" if one else "=~"}"${label}"'


@dataclass(frozen=True, slots=True)
class Scope:
    """Which series a panel asks for, and by which labels it tells them apart."""

    labels: tuple[str, ...]
    variables: tuple[str, ...] = ()  # labels that the board's variable of the same name selects
    one: bool = False  # each of these variables has one value at a time

    def select(self, name: str, *matchers: str) -> str:
        return f"{name}{{{', '.join((JOB, *self.chosen(), *matchers))}}}"

    def chosen(self) -> tuple[str, ...]:
        return tuple(matched(label, one=self.one) for label in self.variables)

    def by(self, *more: str) -> str:
        return ", ".join((*self.labels, *more))

    def each(self, vector: str, *more: str) -> str:
        return f"max by ({self.by(*more)}) ({vector})"

    def now(self, name: str, *matchers: str) -> str:
        return self.each(self.select(name, *matchers))

    def recorded(self, name: str) -> str:
        """What a rule made of the figures of all exporters; it has no job."""
        return self.each(f"{name}{{{', '.join(self.chosen())}}}")

    def over(self, function: str, name: str, window: str, *matchers: str) -> str:
        return self.each(f"{function}({self.select(name, *matchers)}[{window}])")

    def few(self, name: str, chosen: str) -> str:
        """Of one metric the objects that a short vector names; aggregated after the choice, for speed."""
        return self.each(f"{self.select(name)} and on ({self.by()}) {chosen}")

    def rate(self, name: str) -> str:
        return self.over("rate", name, "$__rate_interval")

    def increase(self, name: str) -> str:
        return self.over("increase", name, "$__rate_interval")

    def seconds_since(self, name: str) -> str:
        """Up to the scrape that said it; up to the query's time it would swing with the scrape interval."""
        moment = self.select(name)
        return self.each(f"timestamp({moment}) - {moment}")

    def top(self, count: int, vector: str) -> str:
        return f"topk({count}, {vector})"

    def only(self, vector: str, chosen: str) -> str:
        """Of a vector the objects that a second one names: other columns of the same rows."""
        return f"{vector} and on ({self.by()}) {chosen}"

    def top_over_time(self, count: int, name: str) -> str:
        """The lines of the same few objects over the whole range; a bare topk picks anew at each step."""
        worst = self.top(count, self.each(f"max_over_time({self.select(name)}[$__range] @ end())"))
        return self.only(self.now(name), worst)


def counted(condition: str, of: str) -> str:
    """How many meet the condition: 0 only where there is something to count, else no data."""
    return f"count({condition}) or 0 * count({of})"


CLUSTERS = Scope(CLUSTER, CLUSTER)
SERVERS = Scope(SERVER, CLUSTER)
STREAMS = Scope(STREAM, (*CLUSTER, "account"))
CONSUMERS = Scope(CONSUMER, (*CLUSTER, "account"))


def alerts(*matchers: str) -> str:
    """Firing alerts of the chosen clusters and those of no cluster; the rules drop the exporter's job."""
    return (
        'ALERTS{alertstate="firing", service="jetstream", nats_cluster=~"$nats_cluster|"'
        + "".join(f", {matcher}" for matcher in matchers)
        + "}"
    )


def marked(*narrowed: str) -> str:
    """Alerts worth a mark in time. Of several selections those that meet any."""
    severe = 'severity=~"warning|critical"'
    return " or ".join(alerts(severe, *(m for m in [one] if m)) for one in narrowed or [""])
