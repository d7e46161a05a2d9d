"""`jetstream-exporter status` and `/api/v1/status`: the same view, for a terminal and as data."""

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from tests.support.fake_nats import FakeNats, fake_nats
from tests.support.logs import logging_kept
from tests.support.status import (
    HOUR,
    MINUTE,
    NOW,
    consumer,
    leaderless,
    meta,
    server,
    snapshot,
    stream,
    view,
)
from tests.support.web import Web

from jetstream_exporter.status.document import SCHEMA, encoded
from jetstream_exporter.status.view import View
from jetstream_exporter.status_command.command import main, make_parser
from jetstream_exporter.status_command.screen import Form, screen
from jetstream_exporter.web.sending import PIECE
from jetstream_exporter.web.status import api
from jetstream_exporter.web.status.api import matches

COMMAND = [sys.executable, "-m", "jetstream_exporter", "status"]
TERMINAL = Form(80, 24)
NO_COLLECTION = "there is no collection to show"


def trouble(count: int) -> Any:
    """So many stalled consumers, each in an account of its own."""
    work = {"pending": 5, "ack_pending": 5, "waiting_pulls": 0}
    times = {"last_delivery": NOW - HOUR, "last_ack": NOW - HOUR}
    return snapshot(
        stream(),
        *(consumer(f"worker-{n}", account=f"ACCOUNT-{n}", **work, **times) for n in range(count)),
    )


Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, beside the loop of the servers that it asks; its code and what it printed."""

    async def run(*arguments: str) -> tuple[int, str, str]:
        with logging_kept():
            code = await asyncio.to_thread(_code, arguments)
        return code, *capsys.readouterr()

    return run


def _code(arguments: Sequence[str]) -> int:
    """What the process would end with."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize("count", [0, 1, 30])
def test_a_single_look_says_what_it_cannot_see(count: int) -> None:
    note = "A single look misses what has to last for some minutes; --watch sees it, too."
    lines = screen(view(trouble(count)), TERMINAL._replace(once=True)).splitlines()
    assert lines[1] == note
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    assert note not in screen(view(trouble(count)), TERMINAL)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 30])
def test_a_screen_fits_into_80_columns_and_24_lines(count: int) -> None:
    lines = screen(view(trouble(count)), TERMINAL).splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80


def test_what_is_cut_is_counted() -> None:
    text = screen(view(trouble(30)), TERMINAL)
    shown = text.count("CRITICAL JetStreamConsumerStalled")
    assert shown
    assert f"... and {30 - shown} more findings (--all shows everything)" in text
    assert text.count("stalled") >= 1
    assert "30 consumers: 30 stalled" in text
    hidden = re.search(r"and (\d+) more consumers", text)
    assert hidden is not None
    assert int(hidden[1]) == 30 - len(re.findall(r"^stalled ", text, re.MULTILINE))


def test_what_is_piped_is_not_cut() -> None:
    text = screen(view(trouble(30)), Form(100))
    assert text.count("CRITICAL JetStreamConsumerStalled") == 30
    assert "more" not in text


def test_the_worst_stands_first_and_what_is_well_is_counted() -> None:
    rows = (stream(), consumer(raft=leaderless()), consumer("fine"), meta(True, False))
    text = screen(view(snapshot(*rows)), TERMINAL)
    assert text.index("CRITICAL JetStreamConsumerNoLeader") < text.index("WARNING  JetStreamMeta")
    assert "2 consumers: 1 no leader, 1 ok" in text
    assert "fine" not in text
    assert "fine" in screen(view(snapshot(*rows)), Form(80, every=True))


def test_colours_are_there_only_when_they_are_wanted() -> None:
    found = view(trouble(2))
    assert "\x1b" not in screen(found, TERMINAL)
    painted = screen(found, TERMINAL._replace(colour=True))
    assert "\x1b[1;31mCRITICAL" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == screen(found, TERMINAL)


def test_a_hostile_name_controls_no_terminal() -> None:
    name = "n\x1b[2J\r\nCRITICAL forged\x9b"
    rows = (server(name), stream(name), consumer(name, stream=name, raft=leaderless()), meta())
    text = screen(view(snapshot(*rows)), Form(80, every=True))
    assert all(each.isprintable() or each == "\n" for each in text)
    assert not re.search(r"^CRITICAL forged", text, re.MULTILINE)


def test_a_long_name_gives_way_and_says_so() -> None:
    text = screen(view(snapshot(stream("S" * 200, raft=leaderless()))), TERMINAL)
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"no leader +S+~ ", text)


async def test_the_exit_code_says_how_bad_it_is(fake: FakeNats, run: Run) -> None:
    code, out, _ = await run(fake.url)
    assert (code, "JetStream status at" in out) == (0, True)
    assert "\nA single look misses " in out
    code, out, error = await run("http://127.0.0.1:1")
    assert (code, out) == (3, "")
    assert "status: no server answered" in error
    async with fake_nats("nats-1") as other:
        other.ways["/healthz"] = lambda server, path, writer: _unhealthy(writer)
        code, out, _ = await run(other.url)
    assert (code, "CRITICAL JetStreamServerUnhealthy" in out) == (2, True)


async def _unhealthy(writer: asyncio.StreamWriter) -> None:
    body = b'{"status":"unavailable","error":"JetStream is not current with the meta leader"}'
    head = f"HTTP/1.1 503 Service Unavailable\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--watch", "0.5"), "argument --watch: '0.5' is not a number between 1 and 3600"),
        (("--format", "xml"), "argument --format: invalid choice: 'xml'"),
        (("--nothing",), "unrecognized arguments: --nothing"),
        (("ftp://127.0.0.1",), "'ftp://127.0.0.1' is not a URL like http://nats:8222"),
        (("--config.file", "/nothing.yaml"), "/nothing.yaml"),
    ],
)
async def test_a_usage_error_is_no_finding(
    arguments: tuple[str, ...], sentence: str, run: Run
) -> None:
    code, out, error = await run(*arguments)
    assert (code, out) == (3, "")
    assert sentence in error
    assert "Traceback" not in error


async def test_the_command_gives_the_same_document_as_the_exporter(
    fake: FakeNats, site: Web, run: Run
) -> None:
    served = json.loads(await site.text("/api/v1/status"))
    code, out, _ = await run(fake.url, "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert without_times(found) == without_times(served)


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        moving = ("_timestamp_seconds", "watched_seconds")
        return {k: without_times(v) for k, v in value.items() if not k.endswith(moving)}
    return [without_times(each) for each in value] if isinstance(value, list) else value


@pytest.mark.slow
async def test_a_watch_looks_again_until_it_is_interrupted(fake: FakeNats) -> None:
    child = await asyncio.create_subprocess_exec(
        *COMMAND, fake.url, "--watch", "1", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(60):
            looks = 0
            while looks < 2:
                line = await child.stdout.readline()
                looks += line.startswith(b"JetStream status at")
                assert b"single look" not in line
            child.send_signal(2)
            _, error = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
    assert (child.returncode, error) == (0, b"")


@pytest.mark.slow
async def test_a_terminal_gets_colours_unless_it_asks_for_none() -> None:
    async with fake_nats() as fake:
        fake.ways["/healthz"] = lambda server, path, writer: _unhealthy(writer)
        for environment, painted in (({}, True), ({"NO_COLOR": "1"}, False)):
            said = await asyncio.to_thread(_on_a_terminal, fake.url, environment)
            assert ("\x1b[" in said) is painted
            assert "JetStreamServerUnhealthy" in said


def _on_a_terminal(url: str, environment: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    clean = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    child = subprocess.Popen(
        [*COMMAND, url],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**clean, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    said = b""
    try:
        while piece := _read(ours):
            said += piece
    finally:
        child.wait(60)
        os.close(ours)
    return said.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other side is closed
        return b""


def test_the_document_has_its_schema_and_every_state_that_the_page_shows() -> None:
    rows = (stream(), consumer(raft=leaderless()), server("n0", file=(95, 100, 0)))
    found = json.loads(encoded(view(snapshot(*rows))))
    assert found["schema"] == SCHEMA == "jetstream-exporter/status/v1"
    assert found["worst"] == "critical"
    assert found["counts"] == {"critical": 2, "warning": 1, "info": 0}
    assert found["servers"][0]["state"] == "store full"
    assert found["consumers"][0]["state"] == "no leader"
    first = found["findings"][0]
    assert first["object"] == {"kind": "server", "cluster": "east", "server": "n0"}
    assert first["alert"] == "JetStreamServerStorageHigh"
    assert first["value"] == 0.95
    assert first["runbook"] == "/runbooks/JetStreamServerStorageHigh"


async def test_a_client_that_has_it_already_gets_nothing_again(site: Web) -> None:
    await site.text("/metrics")
    async with site.client.get("/api/v1/status") as response:
        tag = response.headers["ETag"]
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        assert (await response.json())["schema"] == SCHEMA
    async with site.client.get("/api/v1/status", headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")
        assert response.headers["ETag"] == tag
    await site.text("/metrics")
    async with site.client.get("/api/v1/status", headers={"If-None-Match": tag}) as response:
        assert response.status == 200
        assert response.headers["ETag"] != tag


async def test_the_document_is_made_once_for_all_who_ask_for_one_collection(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 20,000 consumers it is 20 MB, and takes as long to make as the collection takes to judge."""
    made = 0

    def counted(view: View) -> bytes:
        nonlocal made
        made += 1
        return encoded(view)

    monkeypatch.setattr(api, "encoded", counted)
    await site.text("/metrics")
    texts = await asyncio.gather(*(site.text("/api/v1/status") for _ in range(5)))
    assert (len(set(texts)), made) == (1, 1)
    await site.text("/metrics")
    assert await site.text("/api/v1/status") not in texts
    assert made == 2


async def test_the_document_is_compressed_for_those_who_can_read_it(site: Web) -> None:
    await site.text("/metrics")
    found = {}
    for coding in ("identity", "gzip"):
        headers = {"Accept-Encoding": coding}
        async with site.client.get("/api/v1/status", headers=headers) as response:
            assert response.headers["Vary"] == "Accept-Encoding"
            encoding = response.headers.get("Content-Encoding")
            found[encoding] = await response.text(), response.headers["ETag"]
    assert set(found) == {None, "gzip"}
    assert found[None] == found["gzip"]  # the client unpacks it
    assert json.loads(found[None][0])["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("header", "has"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("", False)],
)
def test_tags_are_compared_as_http_says(header: str, has: bool) -> None:
    assert matches(header, '"a"') is has


async def test_the_document_has_no_parameters(site: Web) -> None:
    assert "/api/v1/status has no parameter 'x'" in await site.text("/api/v1/status?x=1", 400)


def test_a_watch_remembers_what_one_look_cannot_know() -> None:
    work = {"pending": 5, "ack_pending": 1, "last_delivery": None, "waiting_pulls": None}
    one_look = screen(view(snapshot(stream(), consumer(**work))), TERMINAL)
    moments = [(10 * MINUTE, snapshot(stream(), consumer(**work)))]
    watched = screen(view(*moments, snapshot(stream(), consumer(**work))), TERMINAL)
    assert "JetStreamConsumerStalled, for at least 10 minutes" in watched
    assert "Stalled" not in one_look


def test_the_help_names_every_exit_code() -> None:
    text = make_parser().format_help()
    for code in ("0 nothing is wrong", "1 warnings", "2 something critical", "3 no server", "130"):
        assert code in text


def test_the_json_of_a_large_cluster_is_unpacked_in_small_pieces() -> None:
    """Each of many clients without gzip holds one of them while it reads."""
    large = view(trouble(4000))
    pieces = api.Packed(large).unpacked()
    sizes = list(map(len, pieces))
    assert sum(sizes) > 4 * PIECE
    assert max(sizes) <= 2 * PIECE
    written = list(map(bytes, pieces))
    assert list(map(len, written)) == sizes
    assert b"".join(written) == encoded(large)
