"""The JSON Schema of the configuration: what the exporter accepts it accepts, and what is wrong it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from scripts import config_schema
from scripts.configuration_reference import EXAMPLE

from jetstream_exporter.__main__ import main
from jetstream_exporter.config import ConfigError, parse
from jetstream_exporter.config.json_schema import schema

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "examples/compose/exporter.yaml", ROOT / "examples/systemd/config.yaml"]
VALIDATOR = Draft202012Validator(schema())


def refusals(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


def test_it_is_a_schema_and_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    Draft202012Validator.check_schema(schema())
    assert main(["--config.schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()


@pytest.mark.parametrize("text", [EXAMPLE, *(path.read_text() for path in FILES)])
def test_examples_are_accepted(text: str) -> None:
    assert refusals(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "collect: {timeout: 1h30m, min_interval: 0, max_response_bytes: 64KiB}",
        "collect: {timeout: 1.5s, max_response_bytes: 1048576}",
        "filters: {streams: {include: ['ORDERS.*']}}",
        "clusters: [{targets: ['http://a:8222'], advisories: [{urls: ['nats://a'], hot: [naks]}]}]",
    ],
)
def test_what_the_exporter_accepts_is_accepted(text: str) -> None:
    parse(text, "here.yaml")
    assert refusals(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "colect: {}",
        "collect: {timout: 10s}",
        "collect: {timeout: ten}",
        "collect: {timeout: 5}",
        "collect: {timeout: ''}",
        "collect: {max_response_bytes: 64XiB}",
        "collect: {links: maybe}",
        "collect: {health_check: most}",
        "limits: {streams: -1}",
        "clusters: [{targets: http://a:8222}]",
        "clusters: [{targets: ['http://a'], advisories: [{urls: ['nats://a'], hot: [warm]}]}]",
    ],
)
def test_what_the_exporter_refuses_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, "here.yaml")
    assert refusals(text)


def keys(node: Any) -> list[tuple[str, Any]]:
    found = list(node.get("properties", {}).items())
    for definition in node.get("$defs", {}).values():
        found += keys(definition)
    return found


def test_every_key_has_a_description() -> None:
    every = keys(schema())
    assert len(every) > 60
    assert [name for name, key in every if not key.get("description")] == []


def test_the_values_of_the_chart_hold_the_same_schema() -> None:
    assert config_schema.main(["--check"]) == 0, "run scripts/config_schema.py"
