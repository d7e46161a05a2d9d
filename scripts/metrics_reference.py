"""Write exporter/METRICS.md from the tables of metrics: `python scripts/metrics_reference.py`.

With --check nothing is written, and the exit code is 1 where the committed file is not what it would be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from jetstream_exporter.metrics import TABLES, AnyTable

REFERENCE = Path(__file__).resolve().parent.parent / "exporter" / "METRICS.md"

OPENING = """\
# Metrics

<!-- Made by scripts/metrics_reference.py from the tables in jetstream_exporter/metrics: change those. -->

Every guide to JetStream names four numbers to watch. *Pending*, in the sense of delivered and not acknowledged yet, is
`jetstream_consumer_ack_pending_messages`. *Redelivered* is `jetstream_consumer_redelivered_messages`: how many messages
are at their second delivery or later right now; it falls when they are acknowledged. *Lag*, the stream's last sequence
less what the consumer acknowledged, is `jetstream_consumer_ack_floor_lag_messages`; a filter or one stuck message keeps
it high on a healthy consumer, so look at `jetstream_consumer_pending_messages`, what was not delivered yet, beside it.
*Storage* is `jetstream_stream_storage_ratio`, the stream's bytes divided by the most it may hold.

## How to read them

- A series is **absent**, and never 0 instead, where there is no value: no leader reported it, there is no limit, or it
  never happened. Where a stream or a consumer has no leader its figures are absent and its `…_has_leader` is 0.
- Figures of streams and consumers come from their own leader alone. Figures of a server come from that server.
- What configurations say (limits, policies, and the ratios made of them) is read every `collect.config_interval`, five
  minutes by default, so a change may show that late. For an object not seen before, and for one scaled to or from one
  replica, it is read at once. `jetstream_exporter_config_age_seconds` says how old it is.
- Counters end in `_total`. Times are seconds since the epoch, durations seconds, sizes bytes, states 0 or 1.
- `nats_cluster` is the configured name, or else the cluster's, or else that of a standalone server. `account` is the
  account's id, or its name where the configuration says so and no other account has the same.
- Any family can be left out by its name: `families.disabled` in the configuration.
- `process_*` and `python_*` are the exporter process' own, by prometheus_client.

## What each way in cannot see

What a way cannot see is absent, unless another way beside it can.

- **Monitoring ports** and the **system account**: a stream or consumer whose only replica is on a dead server is gone
  with it, its `…_has_leader` too; of an account neither its reservations, tiers and counts nor its limits of streams
  and consumers; why a clustered stream is not served after a downgrade; how often a message was delivered.
- **JetStream API of an account**: `nats_server_*`, `jetstream_server_*`, `jetstream_meta_*` and the other accounts;
  without a meta leader nothing at all, because nobody answers: `…_has_quorum` is absent where the ways above say 0.
- **Events**: no figures. Counters are there for the consumers that another way shows, while the connection is up; what
  happened before it is not in them. The system account hears `…_quorum_lost_total` of all accounts and nothing else.
"""


def reference() -> str:
    return "\n".join([OPENING, *(line for table in TABLES for line in section(table))])


def section(table: AnyTable) -> Iterator[str]:
    labels = ", ".join(f"`{name}`" for name in table.labels) or "none"
    yield f"## {table.name}\n"
    yield f"Labels: {labels}\n"
    yield "| family | type | meaning | from | for example |"
    yield "|---|---|---|---|---|"
    for family in table.families:
        cells = (f"`{family.name}`", family.type, family.help, family.origin, f"`{family.query}`")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


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
