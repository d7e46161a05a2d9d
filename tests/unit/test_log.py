"""One event, one line, in logfmt or JSON; whatever stands in a name."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from aiohttp.http_exceptions import BadHttpMessage
from tests.support.logs import logging_kept

from jetstream_exporter.runtime import log

HOSTILE = 'a\nts=2026 level=error msg="forged"\r\x1b[31m\x00\x85\u2028"\\\té'


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with logging_kept():
        yield


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "" or err.endswith("\n")
    return err.splitlines()


def test_logfmt_is_one_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "logfmt")
    structlog.get_logger().warning("target failed", target="http://a:8222", up=False, seconds=1.5)
    (line,) = lines(capsys)
    stamp, rest = line.split(" ", 1)
    assert stamp.startswith("ts=2")
    assert stamp.endswith("Z")
    assert rest == 'level=warning msg="target failed" target=http://a:8222 up=false seconds=1.5'


def test_json_is_one_object_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    structlog.get_logger().warning("target failed", target="http://a:8222")
    (line,) = lines(capsys)
    event = json.loads(line)
    assert event.pop("ts").endswith("Z")
    assert event == {"level": "warning", "msg": "target failed", "target": "http://a:8222"}


@pytest.mark.parametrize("style", ["logfmt", "json"])
def test_a_name_forges_no_line_and_paints_no_terminal(
    style: log.Format, capsys: pytest.CaptureFixture[str]
) -> None:
    """`splitlines` breaks at whatever any reader may take for a line break."""
    log.configure("info", style)
    structlog.get_logger().info("target failed", target=HOSTILE)
    (line,) = lines(capsys)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line)
    assert line.count("level=error") == 1
    if style == "json":
        assert json.loads(line)["level"] == "info"


@pytest.mark.parametrize("style", ["logfmt", "json"])
def test_a_traceback_is_one_line(style: log.Format, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", style)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("some.library").exception("it broke")
    (line,) = lines(capsys)
    assert "ValueError" in line
    assert "some.library" in line


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warn", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_is_the_least_that_is_heard(
    level: str, heard: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(level, "json")
    for name in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger(), name)("x")
    assert heard == [json.loads(line)["level"] for line in lines(capsys)]


def test_libraries_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("debug", "logfmt")
    library = logging.getLogger("aiohttp.client")
    library.info("chatter")
    library.warning("a warning")
    library.log(35, "a level of its own")
    warning, own = lines(capsys)
    assert warning.endswith('level=warning msg="a warning" component=aiohttp.client')
    assert own.endswith('level=warning msg="a level of its own" component=aiohttp.client')


def test_what_strangers_send_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no change of ours, it may hold a password, and anybody could fill the disk with it."""
    log.configure("debug", "logfmt")
    try:
        raise BadHttpMessage("Authorization: Basic hunter2")
    except BadHttpMessage:
        logging.getLogger("aiohttp.server").exception("Error handling request")
    assert lines(capsys) == []
