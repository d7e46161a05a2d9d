"""The optional sums: what they count, and that the relabelling of docs/scale.md keeps them and drops what they sum."""

import re
from pathlib import Path

import pytest
import yaml
from rules.src import aggregates
from rules.src.config import Config
from rules.src.render import expression
from rules.src.tables import RECORDS
from rules.src.yaml_text import rule_file
from tests.support import promql
from tests.support.promtool import promtool
from tests.support.rules import RULES

from jetstream_exporter.metrics import TABLES

(FILE,) = aggregates.FILES
PATH = RULES / "scale/aggregates.yaml"
NAMES = [record.name for group in FILE.groups for record in group.rules]
FAMILIES = {family.name for table in TABLES for family in table.families}
PAGE = Path(__file__).resolve().parents[2] / "docs/scale.md"


def test_the_committed_file_is_what_the_table_says() -> None:
    assert rule_file(FILE, Config()) == PATH.read_text(), "run `python -m rules.src`"


def test_prometheus_loads_it() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", PATH)


def test_each_consumer_and_stream_counts_once() -> None:
    promtool("test", "rules", Path(__file__).parent / "scale/aggregates.yaml")


def test_every_rule_reads_series_that_are_there() -> None:
    ours = FAMILIES | {rule.name for rule in RECORDS} | set(NAMES)
    for group in FILE.groups:
        for record in group.rules:
            for selector in promql.selectors(expression(record, Config())):
                assert selector.metric in ours


def kept() -> re.Pattern[str]:
    """What the page sends to the long store."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.S)
    (block,) = [found for found in map(yaml.safe_load, blocks) if "remote_write" in found]
    (rule,) = block["remote_write"][0]["write_relabel_configs"]
    assert (rule["source_labels"], rule["action"]) == (["__name__"], "keep")
    return re.compile(rule["regex"])


@pytest.mark.parametrize("name", [*NAMES, "ALERTS", "nats_server_up", "jetstream_meta_has_leader"])
def test_the_long_store_keeps_sums_alerts_and_servers(name: str) -> None:
    assert kept().fullmatch(name)


@pytest.mark.parametrize(
    "name",
    [
        *sorted(name for name in FAMILIES if name.startswith("jetstream_consumer_")),
        *sorted(
            rule.name
            for rule in RECORDS
            if "_consumer:" in rule.name or "_consumer_" in rule.name.partition(":")[0]
        ),
    ],
)
def test_the_long_store_gets_nothing_of_a_single_consumer(name: str) -> None:
    assert not kept().fullmatch(name)
