"""The configuration file: what it may hold, and what is wrong with the file itself."""

from pathlib import Path

import pytest
from tests.support.configurations import clusters, with_http
from tests.support.logs import logging_kept

from jetstream_exporter.__main__ import main
from jetstream_exporter.app import load_checked
from jetstream_exporter.config import Config, ConfigError, load, parse


def test_a_long_wrong_value_is_cut() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"probe: {{allow: ['{'(' * 9000}']}}", "bad.yaml")
    assert len(str(caught.value)) < 300


def test_aliases_that_multiply_are_read_at_once() -> None:
    """Each line repeats the one before nine times; written out it would be 9^30 values."""
    lines = ["a0: &a0 [x]"] + [
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)
    ]
    with pytest.raises(ConfigError, match="a0: unknown key"):
        parse("\n".join(lines), "bad.yaml")


def test_an_alias_stands_for_its_anchor() -> None:
    text = "filters:\n  streams: &same {include: [ORDERS]}\n  consumers: *same"
    config = parse(text, "good.yaml")
    assert ["ORDERS"] == config.filters.consumers.include == config.filters.streams.include


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "---\n", "{}", "\ufeff{}"])
def test_an_empty_file_is_the_default_configuration(text: str) -> None:
    assert Config() == parse(text, "empty.yaml")


def test_without_a_file_the_local_server_is_asked() -> None:
    assert [cluster.targets for cluster in load("").clusters] == [["http://localhost:8222"]]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("30s", 30),
        ("1.5s", 1.5),
        ("250ms", 0.25),
        ("1h30m", 5400),
        ("2d1h1m1s1ms", 176461.001),
    ],
)
def test_durations_are_written_as_prometheus_writes_them(written: str, seconds: float) -> None:
    config = parse(f"collect: {{min_interval: {written}}}", "good.yaml")
    assert pytest.approx(seconds) == config.collect.min_interval


@pytest.mark.parametrize(
    ("written", "size"),
    [("1048576", 2**20), ("64KiB", 2**16), ("'256 MiB'", 2**28), ("1GB", 10**9), ("7B", 7)],
)
def test_sizes_have_units(written: str, size: int) -> None:
    config = parse(f"collect: {{max_response_bytes: {written}}}", "good.yaml")
    assert size == config.collect.max_response_bytes


def test_patterns_are_anchored_at_both_ends() -> None:
    pattern = parse("probe: {allow: ['http://nats-[0-9]:8222']}", "good.yaml").probe.allow[0]
    assert pattern.regex.fullmatch("http://nats-0:8222")
    assert not pattern.regex.fullmatch("http://nats-0:8222.evil.example")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("http://nats-0", "http://nats-0:8222"),
        ("http://nats-0:8222/", "http://nats-0:8222"),
        ("http://NATS-0:80", "http://nats-0:80"),
        ("https://nats.example", "https://nats.example"),
        ("http://[::1]", "http://[::1]:8222"),
        ("http://proxy/nats/0/", "http://proxy:8222/nats/0"),
        ("srv+http://_monitor._tcp.nats.svc", "srv+http://_monitor._tcp.nats.svc"),
    ],
)
def test_a_target_is_completed_with_its_port(written: str, asked: str) -> None:
    assert [asked] == load("", [written]).clusters[0].targets


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("nats", "--target 2: 'nats' is not a URL like http://nats:8222"),
        (
            "http://b:c@d",
            "--target 2: a URL must not contain a username or a password; use http.username and http.password_file",
        ),
        ("http://a:8222", "--target 2: duplicate target 'http://a:8222'"),
    ],
)
def test_a_target_on_the_command_line_is_held_to_the_same(target: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("", ["http://a", target])
    assert sentence == str(caught.value)


class TestFiles:
    """What can be wrong with the file itself, and with the files that it names."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "exporter.yaml"

    def sentence(self, file: Path) -> str:
        with pytest.raises(ConfigError) as caught:
            load_checked(str(file), [])
        return str(caught.value)

    def test_a_missing_file(self, file: Path) -> None:
        assert f"{file}: cannot be read: No such file or directory" == self.sentence(file)

    def test_a_folder(self, tmp_path: Path) -> None:
        assert f"{tmp_path}: cannot be read: Is a directory" == self.sentence(tmp_path)

    def test_a_binary_file(self, file: Path) -> None:
        file.write_bytes(b"\x7fELF\x02\x01\x01\xff")
        assert f"{file}: is not UTF-8 text (line 1)" == self.sentence(file)

    def test_files_are_relative_to_the_configuration(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("hunter2\n")
        file.write_text(with_http("{username: a, password_file: password}"))
        config = load_checked(str(file), [])
        assert str(tmp_path / "password") == config.clusters[0].http.password_file
        assert "hunter2" not in repr(config)

    def test_a_certificate_that_is_none(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("hunter2")
        file.write_text(with_http("{ca_file: ca.pem}"))
        what = "cannot be loaded: not PEM, or not a certificate and its key"
        assert f"{file}:3: clusters[0].http: {tmp_path / 'ca.pem'} {what}" == self.sentence(file)

    def test_a_password_that_is_not_text(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "password").write_bytes(b"hunter2\xff")
        file.write_text(with_http("{username: a, password_file: password}"))
        where = f"{file}:3: clusters[0].http.password_file: {tmp_path / 'password'}"
        assert f"{where} is not UTF-8 text (line 1)" == self.sentence(file)

    def test_a_family_that_does_not_exist(self, file: Path) -> None:
        file.write_text("families: {disabled: [jetstream_stream_messages, jetstream_nonsense]}")
        what = "unknown metric family 'jetstream_nonsense'; see METRICS.md"
        assert f"{file}:1: families.disabled[1]: {what}" == self.sentence(file)


class TestCommand:
    """What the command makes of it: exit code 2, the same sentence, and nothing else."""

    def run(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
        with logging_kept():
            code = main(["--web.listen-address", "127.0.0.1:0", *arguments])
        return code, *capsys.readouterr()

    def test_a_bad_file_ends_the_start_and_the_check_with_one_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "exporter.yaml"
        file.write_text(clusters("http://prometheus:hunter2@nats:8222"))
        sentence = (
            f"jetstream-exporter: {file}:2: clusters[0].targets[0]: a URL must not contain a username or a password; "
            "use http.username and http.password_file\n"
        )
        for more in ([], ["--config.check"]):
            done = self.run(capsys, "--config.file", str(file), *more)
            assert (2, "", sentence) == done

    def test_a_good_file_is_said_to_be_valid(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "exporter.yaml"
        file.write_text(clusters("http://a, http://b"))
        done = self.run(capsys, "--config.file", str(file), "--config.check")
        assert (0, f"{file}: configuration is valid (2 targets)\n", "") == done

    def test_the_environment_may_hold_the_password(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("NATS_PROXY_PASSWORD", "hunter2")
        file = tmp_path / "exporter.yaml"
        file.write_text(with_http("{username: a, password_env: NATS_PROXY_PASSWORD}"))
        code, out, err = self.run(capsys, "--config.file", str(file), "--config.check")
        assert code == 0
        assert "hunter2" not in out + err
