"""The JSON Schema of the configuration: what the exporter accepts it accepts, and what is wrong it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from scripts import config_schema
from scripts.configuration_reference import EXAMPLE
from tests.unit.test_config_mistakes import MISTAKES

from jetstream_exporter.__main__ import main
from jetstream_exporter.config import ConfigError, http_login, login, parse
from jetstream_exporter.config.json_schema import schema
from jetstream_exporter.config.schema import Http

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
        "collect: {timeout: 0}",
        "collect: {timeout: 999ms}",
        "collect: {max_response_bytes: 0KB}",
        "filters: {streams: {include: ['[']}}",
        "filters: {streams: {include: ['*']}}",
        "clusters: [{targets: []}]",
        "clusters: [{accounts: [{}]}]",
        "clusters: [{system: {urls: ['nats://a'], username: a, token_env: T, password_env: P}}]",
    ],
)
def test_what_the_exporter_refuses_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, "here.yaml")
    assert refusals(text)


# What a schema cannot say: it knows no files and no environment, no other entry of the file, and the parsed text only.
OUT_OF_REACH = {
    "a context that is missing",
    "a credentials file that is missing",
    "a duplicate key",
    "a file's name that is too long",
    "a folder for a file",
    "a missing file",
    "a null character by another name",
    "a password where its file's name belongs",
    "a pattern that repeats too often",
    "a seed where its file's name belongs",
    "a token where its variable's name belongs",
    "an authority's file for NATS that is missing",
    "an authority's file for NATS that is none",
    "an environment variable that is not set",
    "an expected server that stands twice",
    "an expected stream that stands twice",
    "expected objects of one of several clusters",
    "half of a character in a value",
    "one target in two clusters",
    "two clusters of one name",
}


def is_accepted(text: str) -> bool:
    """By the schema; what is no YAML of its types is not."""
    try:
        return not refusals(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return False


def test_of_every_known_mistake_the_schema_finds_all_that_it_can_know() -> None:
    accepted = {name for name, (text, *_) in MISTAKES.items() if is_accepted(text)}
    assert accepted == OUT_OF_REACH


def loads(document: Any, name: str = "here.yaml") -> bool:
    try:
        parse(json.dumps(document), name)
    except ConfigError:
        return False
    return True


def check(document: Any, *, exact: bool = False, name: str = "here.yaml") -> None:
    """The schema refuses nothing that the exporter accepts; where it can be exact, it accepts nothing else."""
    accepted, loaded = VALIDATOR.is_valid(document), loads(document, name)
    assert accepted or not loaded, f"only the schema refuses {document}"
    if exact:
        assert loaded or not accepted, f"only the exporter refuses {document}"


DURATIONS = st.from_regex(
    r"([0-9]{1,2}d)?(0?[0-9]h)?(0|[0-9]m)?([0-9]{1,2}(\.[0-9]{1,2})?s)?([0-9]{1,4}ms)?",
    fullmatch=True,
)
ODD = st.text("019.dhms -\u0663", max_size=5)


@given(st.one_of(DURATIONS, ODD, st.integers(-1, 2), st.booleans(), st.none()))
def test_durations_are_accepted_as_by_the_exporter(value: Any) -> None:
    check({"collect": {"config_interval": value}}, exact=True)
    is_sum = isinstance(value, str) and "." in value and value.endswith("ms")
    check({"collect": {"timeout": value}}, exact=not is_sum)


@given(st.one_of(st.text("019KMGiB \t\u0663", max_size=6), st.integers(-1, 2), st.booleans()))
def test_sizes_are_accepted_as_by_the_exporter(value: Any) -> None:
    check({"collect": {"max_response_bytes": value}}, exact=True)


@given(st.text("ab()[]*+?^\\|.{1}#\n:P<", max_size=8))
def test_no_regular_expression_of_the_exporter_is_refused(value: str) -> None:
    check({"filters": {"streams": {"include": [value]}}, "labels": {"dead_letter": value}})


@given(
    st.sampled_from(["http://", "HTTPS://", "srv+http://", "nats://", "ws://", ""]),
    st.text("aü.:@/?#[]\\ %$,;_-0179+*{\t", max_size=10) | st.sampled_from(["a:65535", "a:65536"]),
    st.sampled_from(["", "/jsz", "/varz/", "/x"]),
)
def test_no_address_of_the_exporter_is_refused(scheme: str, rest: str, path: str) -> None:
    url = scheme + rest + path
    check({"clusters": [{"targets": [url]}]})
    check({"clusters": [{"system": {"urls": [url]}}]})
    check({"clusters": [{"targets": ["http://a"]}], "status": {"dashboard_url": url}})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A configuration beside a file and a variable of the name `a` that hold a context, a secret, a certificate."""
    folder = tmp_path_factory.mktemp("schema")
    (folder / "a").write_text('{"url": "nats://a"}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("a", "secret")
        for reader in (http_login, login):
            patch.setattr(reader, "client_context", lambda *_, **__: None)
        yield str(folder / "here.yaml")


KEYS = ("username", "password_env", "password_file", "token_env", "token_file", "jwt_file")
SETTINGS = st.dictionaries(
    st.sampled_from([*KEYS, "cert_file", "key_file", "context"]), st.sampled_from(["", "a"])
)


@given(SETTINGS, st.booleans())
def test_no_login_of_the_exporter_is_refused(
    file: str, settings: dict[str, str], has_url: bool
) -> None:
    """Nor is one accepted that the exporter refuses, where it needs no other file than these."""
    http = {key: value for key, value in settings.items() if key in Http.__struct_fields__}
    check({"clusters": [{"targets": ["http://a"], "http": http}]}, exact=True, name=file)
    if settings.get("context"):
        settings = settings | {"context": str(Path(file).parent / "a")}
    connection = settings | ({"urls": ["nats://a"]} if has_url else {})
    is_exact = not settings.get("context")  # which may have the half that is missing here
    check({"clusters": [{"accounts": [connection]}]}, exact=is_exact, name=file)
    check({"clusters": [{"targets": ["http://a"], "system": connection}]}, name=file)


@given(st.text("aB. */\\>\t\u00e4", max_size=4), st.text("aB. */\\>\t\u00e4", max_size=4))
def test_no_expected_name_of_the_exporter_is_refused(one: str, other: str) -> None:
    names = {"account": "A", "streams": [one], "consumers": [f"{one}/{other}"]}
    check({"clusters": [{"targets": ["http://a"]}], "expect": [{"accounts": [names]}]}, exact=True)


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
