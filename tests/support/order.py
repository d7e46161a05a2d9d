"""In which order several processes run the files of tests: those that take long first, and busy beside waiting ones.

With `--dist loadfile` each process takes the next file when it is nearly done with one, so what a file sets up is set
up once, and both cores are busy for as long as files that compute run beside files that wait. A long file that begins
late is what all others wait for in the end.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# From half a minute to six minutes, as `make test` prints. One that is missing here costs time, nothing else.
LONG = (
    "integration/test_agreement.py",
    "integration/test_full_chain.py",
    "rules/test_promtool.py",
    "integration/test_blindness.py",
    "integration/test_failures.py",
    "integration/test_stack_command.py",
    "release/test_requirements.py",
    "integration/test_consumer_alerts.py",
    "dashboards/test_pictures.py",
    "integration/test_supercluster.py",
    "integration/test_nats_failures.py",
    "chart/test_values.py",
    "dashboards/test_real_data.py",
    "integration/test_notification.py",
    "integration/test_out_of_space.py",
    "rules/test_lean.py",
    "integration/test_drain.py",
    "unit/test_lag.py",
    "integration/test_compat.py",
    "integration/test_divergence.py",
    "chart/test_rules.py",
    "integration/test_bench_scale.py",
    "unit/test_deadlines.py",
    "fuzz/test_fuzz.py",
    "integration/test_names.py",
    "integration/test_shards.py",
    "integration/test_prometheus.py",
    "rules/test_status_agreement.py",
    "integration/test_parts.py",
    "integration/test_growth.py",
    "integration/test_full_disk.py",
    "integration/test_doctor.py",
    "unit/test_monitoring.py",
    "rules/test_families.py",
    "integration/test_demo_ends.py",
    "integration/test_demo.py",
    "release/test_release.py",
    "release/test_artefacts.py",
    "unit/test_shards.py",
    "integration/test_missing_links.py",
)
SERVERS = ("examples", "image", "integration")  # folders whose tests start real servers


def begun_early(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The items, file by file: the long files, then those with servers and those without in turn."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    long = [path for name in LONG if (path := TESTS / name) in files]
    others = [path for path in files if path not in long]
    waiting = [path for path in others if starts_servers(path)]
    computing = [path for path in others if not starts_servers(path)]
    return [item for path in (*long, *_in_turn(waiting, computing)) for item in files[path]]


def starts_servers(path: Path) -> bool:
    return path.parent.name in SERVERS


def _in_turn(ones: Sequence[Path], others: Sequence[Path]) -> Iterator[Path]:
    for pair in zip_longest(ones, others):
        yield from (path for path in pair if path is not None)
