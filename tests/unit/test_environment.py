"""Flags from the environment: the flag wins, a wrong value names its variable, an unknown one is told."""

import os

import pytest
from tests.support.logs import logging_kept

from jetstream_exporter.__main__ import main, make_parser
from jetstream_exporter.config import ConfigError, environment


def filled(environ: dict[str, str], *arguments: str) -> dict[str, object]:
    parser = make_parser()
    found = parser.parse_args(arguments)
    environment.fill(parser, found, environ)
    return vars(found)


def test_every_flag_that_makes_sense_has_a_variable_and_help_names_it() -> None:
    help_text = make_parser().format_help()
    for name in (
        "TARGET",
        "CONFIG_FILE",
        "WEB_LISTEN_ADDRESS",
        "WEB_CONFIG_FILE",
        "WEB_ENABLE_LIFECYCLE",
        "WEB_SYSTEMD_SOCKET",
        "LOG_LEVEL",
        "LOG_FORMAT",
    ):
        assert f"[JETSTREAM_EXPORTER_{name}]" in help_text
    assert "JETSTREAM_EXPORTER_VERSION" not in help_text


def test_variables_set_what_no_flag_sets() -> None:
    environ = {
        "JETSTREAM_EXPORTER_TARGET": "http://a:8222, http://b:8222\n http://c:8222",
        "JETSTREAM_EXPORTER_WEB_LISTEN_ADDRESS": ":1",
        "JETSTREAM_EXPORTER_LOG_LEVEL": "debug",
        "JETSTREAM_EXPORTER_LOG_FORMAT": "",
        "JETSTREAM_EXPORTER_WEB_ENABLE_LIFECYCLE": "true",
        "JETSTREAM_EXPORTER_WEB_SYSTEMD_SOCKET": "0",
    }
    found = filled(environ, "--web.listen-address", ":2")
    assert found["target"] == ["http://a:8222", "http://b:8222", "http://c:8222"]
    assert found["addresses"] == [":2"]
    assert found["log_level"] == "debug"
    assert found["log_format"] is None
    assert found["lifecycle"] is True
    assert found["systemd"] is False


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("LOG_LEVEL", "loud", "JETSTREAM_EXPORTER_LOG_LEVEL: 'loud' is not one of debug, info"),
        (
            "WEB_ENABLE_LIFECYCLE",
            "maybe",
            "JETSTREAM_EXPORTER_WEB_ENABLE_LIFECYCLE: 'maybe' is neither true nor false",
        ),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        filled({f"JETSTREAM_EXPORTER_{name}": value})
    assert str(caught.value).startswith(sentence)


def test_a_wrong_target_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JETSTREAM_EXPORTER_TARGET", "http://a:8222 nats")
    with logging_kept():
        assert main(["--config.check"]) == 2
    assert capsys.readouterr().err == (
        "jetstream-exporter: JETSTREAM_EXPORTER_TARGET 2: 'nats' is not a URL like http://nats:8222\n"
    )


def test_an_unknown_variable_is_told_and_those_of_kubernetes_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Service named jetstream-exporter gives every pod beside it such variables."""
    for name in (
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "PORT",
        "PORT_18222_TCP",
        "PORT_18222_TCP_ADDR",
    ):
        monkeypatch.setenv(f"JETSTREAM_EXPORTER_{name}", "tcp://10.0.0.1:18222")
    monkeypatch.setenv("JETSTREAM_EXPORTER_TARGETS", "http://a:8222")
    told = list(environment.unknown(make_parser(), os.environ))
    assert told == [
        "JETSTREAM_EXPORTER_TARGETS is not an environment variable of this exporter; "
        "did you mean JETSTREAM_EXPORTER_TARGET?"
    ]
