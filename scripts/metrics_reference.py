"""Write exporter/METRICS.md from the tables of metrics: `python scripts/metrics_reference.py`.

With --check nothing is written, and the exit code is 1 if the committed file is out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jetstream_exporter.metrics import TABLES, AnyTable
from jetstream_exporter.metrics.families import Family
from jetstream_exporter.metrics.lean import CONDITIONS

OF_OBJECTS = ("jetstream_stream_", "jetstream_consumer_")
REFERENCE = Path(__file__).resolve().parent.parent / "exporter" / "METRICS.md"

OPENING = """\
# Metrics

<!-- Made by scripts/metrics_reference.py from the tables in jetstream_exporter/metrics: change those. -->

JetStream guides name four numbers to watch:

- **Pending**: `jetstream_consumer_ack_pending_messages`, messages that are delivered and not acknowledged yet.
- **Redelivered**: `jetstream_consumer_redelivered_messages`, messages that were delivered at least twice. The
  number falls when they are acknowledged.
- **Lag**: `jetstream_consumer_ack_floor_lag_messages`, the last sequence of the stream minus the acknowledgement
  floor of the consumer. A filter or a single unacknowledged message makes it large on a healthy consumer, so
  compare it with `jetstream_consumer_pending_messages`, messages that are not delivered yet.
- **Storage**: `jetstream_stream_storage_ratio`, the size of the stream divided by its limit.

## How to read the metrics

- A series is **absent** when it has no value: no leader reported it, there is no limit, or the event never
  happened. Absent values are never exported as 0. While a stream or consumer has no leader, its values are absent
  and its `…_has_leader` is 0.
- The values of a stream or consumer are those of its leader. The values of a server are those of the server itself.
- Values from configurations (limits, policies, and the ratios computed from them) are read every
  `collect.config_interval`, five minutes by default, so a change may appear that much later. Configurations of new
  objects and of objects scaled to or from one replica are read at once. `jetstream_exporter_config_age_seconds` is
  their age.
- Counters end in `_total`. Timestamps are in seconds since the epoch, durations in seconds, sizes in bytes. States
  are 0 or 1.
- `nats_cluster` is the configured name of the cluster. Without one it is the name that the cluster, or the
  standalone server, reports. `account` is the ID of the account, or its name if the configuration says so and the
  name is unique.
- The counters of gateways and leaf nodes are sums over the connections that there are now, and each connection counts
  from its own start. When one of several ends or is made anew, the sum falls by its part, and `rate()` takes that for
  a restart from 0: for one interval it is too high. An outbound gateway and a leaf node of one account are a single
  connection, so there `rate()` is right.
- `families.disabled` in the configuration removes a family by its name. With `families.profile: lean` there are fewer
  series of streams and consumers, as the column `lean` says; consumers whose metadata sets a threshold have everything
  that is not marked with no. The profile changes no value, and nothing else is missing (docs/scale.md).
- `process_*` and `python_*` are metrics of the exporter process, from prometheus_client.

## What each source cannot report

If a source cannot report something, it is absent unless another configured source reports it.

- **Monitoring ports** and the **system account** do not report streams and consumers whose only replica is on a
  dead server (their `…_has_leader` is absent too); the reservations, tiers and object counts of an account, nor its
  limits of streams and consumers; why a clustered stream is not supported after a downgrade; how often a message
  was delivered.
- **Links** (`nats_gateway_*`, `nats_leafnode_*`, `nats_route_*`): each server reports its own ends only. A leaf node
  that is not a target is seen at its hub, while it is connected. Over the system account each of the three requests
  needs a permission; without it that part is missing and its `jetstream_exporter_source_part_up` is 0. At the hub a
  leaf node that is cut off leaves no series, as does a gateway that the configuration does not name. A route is known
  to be missing between two servers that answer. Traffic over routes is not exported.
- **Clients of accounts** (`nats_account_*`): each server reports its own since it started, of accounts that had a
  client or a leaf node there. Over the system account the request needs the permission for
  `$SYS.REQ.ACCOUNT.PING.STATZ`.
- The **JetStream API** of an account does not report `nats_*`, `jetstream_server_*`, `jetstream_meta_*` and
  other accounts. Without a meta leader no server answers it, so `…_has_quorum` is absent where the sources above
  report 0.
- **Advisories** report no current values. Their counters exist for the consumers that another source reports, while
  the connection is up, and do not include what happened before. In the system account the exporter receives
  `…_quorum_lost_total` of all accounts and nothing else.
"""


def reference() -> str:
    return "\n".join([OPENING, *(line for table in TABLES for line in section(table))])


def section(table: AnyTable) -> Iterator[str]:
    labels = ", ".join(f"`{name}`" for name in table.labels) or "none"
    yield f"## {table.name}\n"
    yield f"Labels: {labels}\n"
    of_objects = table.families[0].name.startswith(OF_OBJECTS)
    yield "| family | type | meaning | from | example |" + " lean |" * of_objects
    yield "|---|---|---|---|---|" + "---|" * of_objects
    for family in table.families:
        cells = [f"`{family.name}`", family.type, family.help, family.origin, f"`{family.query}`"]
        cells += [in_lean(family)] * of_objects
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def in_lean(family: Family[Any]) -> str:
    if not family.in_lean:
        return "no"
    return f"only {CONDITIONS[family.name].text}" if family.name in CONDITIONS else "yes"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; 1 if it is out of date"
    )
    wanted = reference()
    if parser.parse_args(argv).check:
        current = REFERENCE.exists() and REFERENCE.read_text(encoding="utf-8") == wanted
        if not current:
            print(f"{REFERENCE} is out of date: run scripts/metrics_reference.py", file=sys.stderr)
        return 0 if current else 1
    REFERENCE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
