"""The command line: help that teaches, exit codes, plain text when piped, signals."""

import asyncio
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.exporter import Samples
from tests.support.logs import logging_kept

from jetstream_exporter import __version__
from jetstream_exporter.__main__ import main
from jetstream_exporter.app import App
from jetstream_exporter.web.config import WebConfig
from jetstream_exporter.web.serve import ListenError, serve

COMMAND = [sys.executable, "-m", "jetstream_exporter"]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_help_teaches_by_examples_and_is_plain_when_piped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    out, err = capsys.readouterr()
    assert (end.value.code, err) == (0, "")
    assert "examples:" in out
    assert "jetstream-exporter --target http://nats-0:8222 --target http://nats-1:8222" in out
    assert "--config.file exporter.yaml --config.check" in out
    assert "\x1b" not in out


def test_the_version_is_one_line() -> None:
    done = run("--version")
    wanted = rf"jetstream-exporter, version {re.escape(__version__)} \(python 3\.\d+\.\d+\S*\)\n"
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(wanted, done.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--conf", "x"], "unrecognized arguments: --conf x"),
        (["nonsense"], "nonsense"),
        (["--target"], "argument --target: expected one argument"),
        (["--log.level", "loud"], "argument --log.level: invalid choice: 'loud'"),
        (["--log.format", "xml"], "argument --log.format: invalid choice: 'xml'"),
        (
            ["--web.listen-address", "18222"],
            "'18222' is not an address like 0.0.0.0:18222 or :18222",
        ),
        (["--web.listen-address", "a:http"], "'a:http' is not an address like"),
        (["--web.listen-address", ":99999"], "':99999' is not an address like"),
        (["--web.listen-address", "::1:80"], "'::1:80' is not an address like"),
        (["--target", "nats:8222"], "--target 1: 'nats:8222' is not a URL like http://nats:8222"),
        (["--config.file", "/nowhere/x"], "/nowhere/x: cannot be read: No such file or directory"),
        (
            ["--web.config.file", "/nowhere/x"],
            "/nowhere/x: cannot be read: No such file or directory",
        ),
    ],
)
def test_a_wrong_flag_ends_with_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--config.check"]):
        try:
            with logging_kept():
                code: object = main([*arguments, *more])
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert said in err


@pytest.mark.parametrize("command", ["demo", "audit"])
@pytest.mark.parametrize("flag", ["--nonsense", "--versio", "--web.nonsense"])
def test_a_wrong_flag_of_a_command_shows_that_commands_own(
    command: str, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, flag])
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    assert err.startswith(f"usage: jetstream-exporter {command} [-h] [--")
    assert err.endswith(f"jetstream-exporter {command}: error: unrecognized arguments: {flag}\n")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("audti", "unrecognized arguments: audti; did you mean audit?"),
        ("STATUS", "unrecognized arguments: STATUS; did you mean status?"),
        ("play", "; the commands are demo, audit, doctor, migrate, status, completion"),
        ("http://n:8222", "unrecognized arguments: http://n:8222; name each server with --target"),
        ("audit http://n:8222", ": http://n:8222; name each server with --target"),
        ("doctor n:8222 m:8222", ": n:8222 m:8222; name each server with --target"),
        ("doctor --taget http://n:8222", ": --taget http://n:8222; did you mean --target?"),
        ("demo --web.listen :1", ": --web.listen :1; did you mean --web.listen-address?"),
        ("status --watc", "unrecognized arguments: --watc; did you mean --watch?"),
        ("migrate a.json --outptu x", ": --outptu x; did you mean --output?"),
        ("completion bash x", "unrecognized arguments: x"),
        ("audit http://me:hunter2@n:8222", ": http://…@n:8222; name each server with --target"),
    ],
)
def test_an_argument_that_is_not_known_comes_with_what_was_probably_meant(
    arguments: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments.split())
    out, err = capsys.readouterr()
    assert (out, err[-len(hint) - 1 :]) == ("", f"{hint}\n")
    assert end.value.code == {"status": 3, "migrate": 125}.get(arguments.split(maxsplit=1)[0], 2)


@pytest.mark.parametrize("command", ["", "audit", "doctor", "demo"])
def test_an_empty_argument_is_not_known_either(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), ""])
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-1][-24:]) == ("", "unrecognized arguments: ")


def test_an_address_that_is_taken_ends_with_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--web.listen-address", f"127.0.0.1:{port}", "--target", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"jetstream-exporter: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    )


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "Cannot assign requested address"),
        ("nowhere.invalid", "Name or service not known"),
    ],
)
def test_an_address_that_is_not_ours_ends_with_1(host: str, reason: str) -> None:
    with pytest.raises(ListenError, match=f"^cannot listen on {host}:80: .*{reason}$"):
        asyncio.run(serve(App(""), [(host, 80)], WebConfig()))


@pytest.mark.slow
def test_as_many_connections_are_taken_as_the_system_allows(tmp_path: Path) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    log = tmp_path / "log"
    few = ["sh", "-c", 'ulimit -S -n 256; exec "$@"', "few"]
    with (
        running(log, "--target", "http://127.0.0.1:1", before=few) as (_, url),
        urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer,
    ):
        samples = Samples(answer.read().decode())
    assert samples.get("process_max_fds") == most


@contextmanager
def running(
    log: Path, *arguments: str, before: Sequence[str] = ()
) -> "Iterator[tuple[subprocess.Popen[bytes], str]]":
    """The command on a free port, and where it listens; `before` is a program that becomes it."""
    address = ["--web.listen-address", "127.0.0.1:0"]
    with log.open("wb") as file:
        process = subprocess.Popen([*before, *COMMAND, *address, *arguments], stderr=file)
    try:
        yield process, heard(log, r"address=(http://\S+)")
    finally:
        process.kill()
        process.wait(20)


def heard(log: Path, pattern: str) -> str:
    """What the log says, as soon as it does."""
    end = time.monotonic() + 30
    while not (match := re.search(pattern, log.read_text())):
        assert time.monotonic() < end, f"{pattern} does not stand in {log.read_text()}"
        time.sleep(0.02)
    return match[1] if match.groups() else match[0]


@pytest.mark.slow
def test_signals_reload_and_end_it(tmp_path: Path) -> None:
    """SIGHUP reads the file anew, good or bad; SIGTERM ends it with 0. Nothing is coloured, nothing secret."""
    file, log = tmp_path / "exporter.yaml", tmp_path / "log"
    file.write_text("limits: {streams: 1}")
    with running(log, "--config.file", str(file), "--target", "http://127.0.0.1:1") as (
        process,
        url,
    ):
        process.send_signal(signal.SIGHUP)
        heard(log, 'msg="configuration reloaded"')
        file.write_text("password: hunter2")
        process.send_signal(signal.SIGHUP)
        heard(
            log,
            r'level=error msg="configuration not reloaded; .*exporter\.yaml:1: password: unknown key',
        )
        with urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        assert "jetstream_exporter_config_last_reload_successful 0\n" in text
        process.terminate()
        assert process.wait(20) == 0
    written = log.read_text()
    assert written.count('msg="target failed"') == 1 + 1  # once for each configuration that ran
    assert "msg=stopping" in written
    assert "hunter2" not in written
    assert "\x1b" not in written
    assert "Traceback" not in written


@pytest.mark.waits
def test_a_scrape_in_hand_is_answered_before_the_end(tmp_path: Path) -> None:
    """A rolling update must not cost a scrape. The one server that is asked never answers."""
    file, log = tmp_path / "exporter.yaml", tmp_path / "log"
    file.write_text("collect: {timeout: 2s}")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        target = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with running(log, "--config.file", str(file), "--target", target) as (process, url):
            host, port = url.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), timeout=20) as scrape:
                scrape.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                for _ in range(2):  # answered after the scrape was taken in hand
                    urllib.request.urlopen(f"{url}/-/healthy", timeout=20).close()
                process.terminate()
                answer = b"".join(iter(lambda: scrape.recv(2**16), b""))
            assert process.wait(20) == 0
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert (
        f'jetstream_exporter_source_up{{source="monitoring",target="{target}"}} 0'.encode()
        in answer
    )


INTERRUPTED = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == "structlog":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
from jetstream_exporter.__main__ import main
main()
"""


@pytest.mark.parametrize("words", [[], ["--config.check"], ["audit", "--target", "http://a"]])
def test_ctrl_c_before_the_imports_are_done_ends_it_without_a_traceback(
    words: list[str], tmp_path: Path
) -> None:
    """Nor with 0, which would say that a check passed."""
    script = tmp_path / "jetstream-exporter"
    script.write_text(INTERRUPTED)

    done = subprocess.run(
        [sys.executable, script, *words], capture_output=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")
