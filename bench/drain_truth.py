"""The drain prediction against the truth: is what is said about stopping a server what happens?

    python -m bench.drain_truth                                    # 25 trials with each of 8 clusters, half an hour
    python -m bench.drain_truth --trials 2 --sizes 3 --servers /path/to/nats-server

Each trial makes random streams and consumers on a real cluster of 3 or 5 servers, lets one server be stopped, killed or
frozen in half of them, asks what stopping another one would do, and stops it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import random
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bench import machine, table
from bench.drain_trial import Trial, mend, trial
from bench.run import RESULTS, TOOLS, say
from scripts.versions import STARTED

from jetstream_exporter.demo.child import DemoError
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.runtime import log

SHIPPED = [TOOLS / f"nats-server-{version}/bin/nats-server" for version in STARTED]
COLUMNS = (
    "nats-server", "servers", "trials", "drainable", "not drainable", "said to stay", "said to be lost", "refused",
    "wrong",
)  # fmt: skip


async def trials(binary: Path, size: int, count: int, seed: int) -> list[Trial]:
    """So many trials that were judged; a cluster that does not come up again is replaced by a new one."""
    found: list[Trial] = []
    while len(found) < count:
        with contextlib.suppress(DemoError, TimeoutError):
            async with Cluster(size=size, binary=binary) as cluster:
                while len(found) < count:
                    await one_more(cluster, f"{version_of(binary)}, {size} servers", seed, found)
    return found


async def one_more(cluster: Cluster, name: str, seed: int, found: list[Trial]) -> None:
    dice = random.Random(f"{seed} {name} {len(found)}")  # noqa: S311  # no secret
    one = await trial(cluster, dice)
    found.append(one)
    say(f"{name}, {len(found)}: {told(one)}")
    await mend(cluster)


def told(one: Trial) -> str:
    word = "drainable" if one.drainable else "not drainable"
    wrong = f"; wrong: {'; '.join(one.errors())}" if one.errors() else ""
    return f"{one.trouble}, {one.server} is {word}{wrong}"


def version_of(binary: Path) -> str:
    return binary.parent.parent.name.removeprefix("nats-server-")


def row(version: str, size: int, found: list[Trial]) -> list[str]:
    drainable = Counter(one.drainable for one in found)
    return [
        version,
        str(size),
        str(len(found)),
        str(drainable[True]),
        str(drainable[False]),
        str(sum(len(one.kept) for one in found)),
        str(sum(len(one.lost) for one in found)),
        str(sum(len(one.reasons.keys() - one.lost) for one in found)),
        str(sum(len(one.errors()) for one in found)),
    ]


def document(lines: list[list[str]], troubles: Counter[str]) -> str:
    total = [str(sum(int(line[i]) for line in lines)) for i in range(2, len(COLUMNS))]
    some = ", ".join(f"{word} {count}" for word, count in sorted(troubles.items()))
    return "\n".join(
        [
            "# The drain prediction and the truth",
            "",
            "Each trial made random streams (1 replica up to one on every server) with consumers on a real cluster, "
            "asked what stopping one of its servers would do, stopped that server with SIGTERM, and looked for up to "
            "40 s at what still worked: whether a stream accepts a message, whether a consumer has a leader, whether "
            "the meta group answers. `said to stay` and `said to be lost` count streams, consumers and meta groups, "
            "`refused` those of which it was said that they have no leader, or one that was elected just now, so that "
            "no server which holds them should be stopped. A prediction is wrong if something was lost that was said "
            "to stay, or the reverse.",
            "",
            f"What another server went through before the question: {some}.",
            "",
            table.markdown(COLUMNS, [*lines, ["all", "", *total]]),
            "",
            *(f"- {name}: {value}" for name, value in machine.facts().items()),
            "",
        ]
    )


async def run(options: argparse.Namespace) -> tuple[list[list[str]], Counter[str]]:
    wanted = [(binary, size) for binary in options.servers for size in options.sizes]
    free = asyncio.Semaphore(options.together)

    async def of_one(binary: Path, size: int) -> list[Trial]:
        async with free:
            return await trials(binary, size, options.trials, options.seed)

    found = await asyncio.gather(*(of_one(*each) for each in wanted))
    lines = [
        row(version_of(binary), size, some)
        for (binary, size), some in zip(wanted, found, strict=True)
    ]
    return lines, Counter(one.trouble for some in found for one in some)


def sizes(text: str) -> Iterable[int]:
    return [int(part) for part in text.split(",")]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.drain_truth", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--servers", type=Path, nargs="+", default=SHIPPED, metavar="PROGRAM")
    parser.add_argument(
        "--sizes", type=sizes, default=[3, 5], help="of the clusters (default: 3,5)"
    )
    parser.add_argument("--trials", type=int, default=25, help="with each cluster (default: 25)")
    parser.add_argument("--together", type=int, default=4, help="clusters at once (default: 4)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="default: bench/results/drain-<date>.md")
    options = parser.parse_args(argv)
    log.configure("error", "logfmt")
    lines, troubles = asyncio.run(run(options))
    today = datetime.datetime.now(datetime.UTC)
    output = options.output or RESULTS / f"drain-{today:%Y-%m-%d}.md"
    output.write_text(document(lines, troubles))
    print(output.read_text())
    return 1 if any(line[-1] != "0" for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
