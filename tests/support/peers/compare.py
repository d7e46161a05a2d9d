"""What a rule gives of an object, beside what the other exporter says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rules.src import compat

from jetstream_exporter.migrate.names import OldName

# What no name of the table is made of is not kept.
LINE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')
# What moves while nothing happens, by the end of the name, and how far outside of two samples it may be. Peers of the
# meta group hear of each other once a second; of memory it is a share.
RESTLESS = {
    "cpu": 30.0,
    "cpu_percentage": 30.0,
    "peer_active": 1.5e9,
    "active_duration_ns": 2e9,
    "pending_bytes": 1e6,
}
MEMORY = {"varz_mem": 0.5, "mem_bytes": 0.5}
AGE = 2.0  # seconds; a rule reads the clock when it is evaluated, theirs when the server answered
ROUNDING = 1e-12  # of nanoseconds since 1970 in a float

Key = tuple[str, ...]
Values = dict[Key, float]


@dataclass(slots=True)
class Comparison:
    """One name: of how many objects both say the same, and for which they do not."""

    name: str
    ours: str
    objects: int = 0
    equal: int = 0
    within: int = 0  # not equal, and between the two samples of theirs, or rounded
    differing: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def __add__(self, other: Comparison) -> Comparison:
        return Comparison(
            self.name,
            self.ours,
            self.objects + other.objects,
            self.equal + other.equal,
            self.within + other.within,
            [*self.differing, *other.differing],
            [*self.absent, *other.absent],
        )


Found = dict[str, list[Comparison]]  # by the flavour's subject, each in the order of its names


def together(places: Sequence[Found]) -> Found:
    """What was found in several places, as one."""
    found: Found = {}
    for place in places:
        for subject, each in place.items():
            before = found.get(subject)
            found[subject] = each if before is None else list(map(Comparison.__add__, before, each))
    return found


def samples(text: str, wanted: Iterable[str]) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Labels and value of each series of these names."""
    names = set(wanted)
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        if match and match["name"] in names:
            labels = dict(LABEL.findall(match["labels"] or ""))
            found.setdefault(match["name"], []).append((labels, float(match["value"])))
    return found


# Of what a server has several of.
OF_CONNECTIONS = (
    "account",
    "remote_gateway_name",
    "server_gateway_name",
    "server_route_name",
    "name",
)
# And what tells one connection from another, in theirs alone.
OF_CONNECTION = {"cid", "port", "server_route_name_id", "server_gateway_name_id"}


def key(old: OldName, labels: Mapping[str, str], servers: Mapping[str, str]) -> Key | None:
    """The object that a series is about; None where it is a follower's row."""
    kind = old.kind
    server = labels.get("server_name") or servers.get(labels.get("server_id", ""), "")
    stream = labels.get("stream_name") or labels.get("stream", "")
    consumer = labels.get("consumer_name", "")
    leader = labels.get("consumer_leader" if kind.of == "consumer" else "stream_leader", server)
    account = labels.get("account_id") or labels.get("account", "")
    if (
        kind.of in ("stream", "consumer", "origin")
        and leader != server
        and "stream_leader" in labels
    ):
        return None
    if kind.of == "peer":
        return (labels["peer"],)
    if kind.of == "server":
        return (server, *(labels[each] for each in OF_CONNECTIONS if labels.get(each)))
    if kind.of == "account":
        return (account,)
    origin = labels.get("source_name") or labels.get("mirror_name") or ""
    return tuple(part for part in (account, stream, consumer, origin) if part)


def by_object(
    old: OldName, found: Sequence[tuple[dict[str, str], float]], servers: Mapping[str, str]
) -> Values:
    """Theirs has a series for each connection; ours puts those to one server or cluster together."""
    values: Values = {}
    for labels, value in found:
        place = key(old, labels, servers)
        if place is None:
            continue
        if place in values and OF_CONNECTION & labels.keys():
            before = values[place]
            values[place] = max(value, before) if is_worst(old) else value + before
        else:
            values[place] = value
    return values


def is_worst(old: OldName) -> bool:
    return old.name.endswith(("_rtt", "_configured"))


def compared(
    flavour: compat.Flavour,
    theirs: tuple[str, str],
    rules: Mapping[str, list[tuple[dict[str, str], float]]],
    servers: Mapping[str, str],
    later: float = 0.0,
) -> list[Comparison]:
    """Each name that a rule gives, against two samples of theirs, `later` seconds before the rules were evaluated."""
    names = [each for each in flavour.names if each.row.rules]
    wanted = {each.name for each in names}
    first, second = (samples(text, wanted) for text in theirs)
    results = []
    for old in names:
        result = Comparison(old.name, old.row.reading)
        low, high = (by_object(old, text.get(old.name, []), servers) for text in (first, second))
        ours = by_object(old, rules.get(old.name, []), servers)
        for place in sorted(low.keys() & high.keys()):
            result.objects += 1
            value = ours.get(place)
            if value is None:
                result.absent.append("/".join(place))
            else:
                age = "time()" in old.row.form
                verdict = _verdict(
                    old.name, (low[place], high[place]), value - later * age, age=age
                )
                _count(result, verdict, f"{'/'.join(place)}: {value:g}, theirs {low[place]:g}")
        results.append(result)
    return results


def _count(result: Comparison, verdict: str, said: str) -> None:
    if verdict == "differs":
        result.differing.append(said)
    else:
        setattr(result, verdict, getattr(result, verdict) + 1)


def _verdict(name: str, theirs: tuple[float, float], value: float, *, age: bool) -> str:
    least, most = min(theirs), max(theirs)
    slack = next((far for ending, far in RESTLESS.items() if name.endswith(ending)), 0.0)
    slack += next((part * most for ending, part in MEMORY.items() if name.endswith(ending)), 0.0)
    slack += AGE if age else ROUNDING * most
    if value in theirs:
        return "equal"
    return "within" if least - slack <= value <= most + slack else "differs"
