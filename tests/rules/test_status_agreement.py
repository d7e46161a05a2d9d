"""What the status says is wrong is what the rules fire: the same rows, judged by both.

Each case is played as half an hour of scrapes, one a minute: to the watch, and as the metrics that are exported of it
to Prometheus' own tool with the committed rules.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support import fast_yaml
from tests.support.once import once
from tests.support.promtool import needed
from tests.support.rules import RULE_FILES
from tests.support.status import NOW, consumer, snapshot, stream
from tests.support.tools import tool
from tests.unit.test_status_conditions import (
    EXEMPT,
    PAIRS,
    Moments,
    catching_up,
    late,
    now,
    of_pair,
)

from jetstream_exporter.metrics import TABLES
from jetstream_exporter.report import EventCounts
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.status.conditions import JUDGED
from jetstream_exporter.status.view import View
from jetstream_exporter.status.watch import Watch

MINUTES = 30


def letters(last: int) -> Any:
    return stream("DEAD", dead_letter=True, figures_={"last_sequence": last})


UNATTENDED = consumer(pending=5, waiting_pulls=0, last_delivery=None, last_ack=None)
GAVE_UP = consumer(events=EventCounts(max_deliveries=2))
# One of each kind: more would only take longer, as Prometheus judges each rule in each minute.
NAMES = (
    "JetStreamExpectedObjectMissing",
    "NatsServerDown",
    "NatsGatewayDown",
    "NatsLeafnodeDown",
    "NatsRoutesMissing",
    "NatsServerCertificateExpiring",
    "NatsServerConnectionsNearLimit",
    "JetStreamApiBacklog",
    "JetStreamStreamReplicasDiverged",
    "JetStreamStreamMessagesDamaged",
    "JetStreamExporterServerScrapeFailing",
    "JetStreamServerUnhealthy",
    "JetStreamServerStorageHigh",
    "JetStreamMetaNoLeader",
    "JetStreamMetaNoFaultTolerance",
    "JetStreamStreamNoLeader",
    "JetStreamStreamNoFaultTolerance",
    "JetStreamStreamRejectingPublishes",
    "JetStreamStreamMessagesAgingOut",
    "JetStreamSourceOrMirrorLagging",
    "JetStreamStreamThresholdExceeded",
    "JetStreamConsumerNoLeader",
    "JetStreamConsumerAheadOfStream",
    "JetStreamConsumerStalled",
    "JetStreamConsumerNoSubscribers",
    "JetStreamConsumerAckPendingSaturated",
    "JetStreamConsumerMessagesLost",
    "JetStreamConsumerLagSeconds",
)
GAP = (120, snapshot(stream()))  # two minutes ago, one collection did not find the object
WITH_GAP: dict[str, Moments] = {
    "JetStreamDeadLetterGrowing": [
        (900, snapshot(letters(1))),
        (600, snapshot(letters(4))),
        GAP,
        (60, snapshot(letters(4))),
    ],
    "JetStreamConsumerNoSubscribers": [
        (900, snapshot(stream(), UNATTENDED)),
        GAP,
        (60, snapshot(stream(), UNATTENDED)),
    ],
    "JetStreamConsumerMaxDeliverExhausted": [
        (1800, snapshot(stream(), GAVE_UP)),
        GAP,
        (60, snapshot(stream(), GAVE_UP)),
    ],
}
WORST = {each.name: each.severity for each in reversed(PAIRS)}
CASES = [
    (f"{of_pair(pair)} holds", pair.holds)
    for pair in PAIRS
    if pair.name in NAMES and pair.severity == WORST[pair.name]
]
CASES += EXEMPT.items()
CASES += [(f"{alert} after a gap", moments) for alert, moments in WITH_GAP.items()]
CASES.append(("a warning of a consumer that is late", late(400, 50)))
CASES.append(("a consumer that will be late", late(290, 50)))
CASES.append(("a late consumer whose backlog shrinks", late(1200, -50)))
CASES.append(("a late consumer whose backlog stays", late(1200, 0)))
CASES.append(("a server that started 20 minutes ago", now(*catching_up(1200))))
FIRING = f'ALERTS{{alertstate="firing",severity!="info",alertname=~"{"|".join(sorted(JUDGED))}"}}'
pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]


def at(moments: Moments, minutes_ago: int) -> Snapshot:
    """What was there so many minutes ago: the last snapshot before, or the first one."""
    past = [snapshot for before, snapshot in moments if before >= 60 * minutes_ago]
    return past[-1] if past else moments[0][1]


def by_status(moments: Moments) -> set[tuple[str, str]]:
    watch = Watch()
    for ago in range(MINUTES, -1, -1):
        watch.note(at(moments, ago), NOW - 60 * ago)
    view = View(at(moments, 0), watch.memory, NOW)
    return {
        (each.alert.name, each.alert.severity)
        for each in view.findings
        if each.is_firing and each.alert.severity != "info"
    }


def series(moments: Moments) -> Iterator[dict[str, str]]:
    """Every series of the half hour, absent where a snapshot has no such row."""
    found: dict[str, list[str]] = {}
    for minute in range(MINUTES + 1):
        for name, value in samples(at(moments, MINUTES - minute)):
            row = found.setdefault(name, [])
            row += ["_"] * (minute - len(row)) + [value]
    for name, values in sorted(found.items()):
        padded = [*values, *(["stale"] if len(values) <= MINUTES else [])]
        yield {"series": name, "values": " ".join(padded)}


def samples(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    for table in TABLES:
        for row, part in table.pairs(snapshot):
            pairs = [f"{n}={json.dumps(read(row))}" for n, read in table.labels.items()]
            labels = ",".join((*pairs, 'job="jetstream-exporter"'))
            for family in table.families:
                value = family.value(part)
                if isinstance(value, int | float):
                    moved = value - NOW + 60 * MINUTES if "_timestamp_" in family.name else value
                    yield f"{family.name}{{{labels}}}", repr(float(moved))


SAID = "said.txt"  # what promtool said


@pytest.fixture(scope="module")
def fired(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[str, str]]]:
    """By case: the alerts that fire at the end of it. One test process asks promtool, for all of them."""

    def judge(folder: Path) -> None:
        (folder / SAID).write_text(judged(folder))

    return dict(_read((once(tmp_path_factory, "agreement", judge) / SAID).read_text()))


def judged(folder: Path) -> str:
    """What promtool says to the committed rules, of which it meets those that the status knows, too."""
    tests = [
        {
            "name": name,
            "interval": "1m",
            "input_series": list(series(moments)),
            "promql_expr_test": [
                {
                    "expr": f"count by (alertname, severity) ({FIRING})",
                    "eval_time": f"{MINUTES}m",
                    "exp_samples": [{"labels": '{case="shows what there is"}', "value": 1}],
                }
            ],
        }
        for name, moments in CASES
    ]
    groups = [g for each in RULE_FILES for g in fast_yaml.load(each.read_text())["groups"]]
    rules, file = folder / "rules.yaml", folder / "test.yaml"
    rules.write_text(fast_yaml.dump({"groups": needed(groups, frozenset(JUDGED))}))
    content: dict[str, Any] = {
        "rule_files": [rules.name],
        "evaluation_interval": "2m",  # of windows and waits that are whole multiples of it
        "tests": tests,
    }
    file.write_bytes(msgspec.json.encode(content))
    done = subprocess.run(
        [tool("promtool"), "test", "rules", file],
        text=True,
        capture_output=True,
        timeout=580,
        check=False,
    )
    return done.stdout + done.stderr


def _read(said: str) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """Each case is said to fail, with what it got, in their order."""
    got = re.findall(r"\n\s+got:(.*)", said)
    assert len(got) == len(CASES), said
    for (name, _), line in zip(CASES, got, strict=True):
        yield name, set(re.findall(r'alertname="(\w+)", severity="(\w+)"', line))


@pytest.mark.parametrize(("name", "moments"), CASES, ids=[name for name, _ in CASES])
def test_what_the_status_says_is_wrong_is_what_the_rules_fire(
    name: str, moments: Moments, fired: dict[str, set[tuple[str, str]]]
) -> None:
    assert name in fired
    rules = {
        (alert, severity)
        for alert, severity in fired[name]
        if severity == "critical" or (alert, "critical") not in fired[name]  # which inhibits it
    }
    assert by_status(moments) == rules, name
