"""The configuration file: one bad file a mistake, and the exact sentence that the operator reads."""

from pathlib import Path

import pytest
from tests.support.logs import logging_kept

from jetstream_exporter.__main__ import main
from jetstream_exporter.config import Config, ConfigError, load, parse
from jetstream_exporter.service import load_checked

TOP = "clusters, collect, filters, limits, families, labels, probe"
TAGGED = "has a tag; plain mappings, lists, strings, numbers, true and false are allowed"


def clusters(target: str, more: str = "") -> str:
    return f"clusters:\n  - targets: [{target}]\n{more}"


def with_http(http: str) -> str:
    return clusters("http://nats:8222", f"    http: {http}\n")


MISTAKES = {
    "unknown key at the top": (
        "cluster: []",
        f"bad.yaml:1: cluster: unknown key; allowed here: {TOP}",
    ),
    "unknown key in a section": (
        "limits: {streams: 5}\ncollect:\n  tmeout: 5s",
        "bad.yaml:3: collect.tmeout: unknown key; allowed here: timeout, min_interval, config_interval, "
        "max_response_bytes, health_check",
    ),
    "unknown key in a list": (
        "clusters:\n  - targets: [http://a]\n  - target: http://b",
        "bad.yaml:3: clusters[1].target: unknown key; allowed here: name, targets, http, "
        "system, accounts, advisories",
    ),
    "unknown key two sections deep": (
        "filters:\n  streams:\n    incldue: [a]",
        "bad.yaml:3: filters.streams.incldue: unknown key; allowed here: include, exclude",
    ),
    "password inline": (
        with_http("{username: prometheus, password: hunter2}"),
        "bad.yaml:3: clusters[0].http.password: unknown key; allowed here: ca_file, cert_file, key_file, "
        "insecure_skip_verify, username, password_file, password_env",
    ),
    "a string for a mapping": (
        with_http("hunter2"),
        "bad.yaml:3: clusters[0].http: expected a mapping, got a string",
    ),
    "a string for a list": (
        "clusters:\n  - targets: http://a",
        "bad.yaml:2: clusters[0].targets: expected a list, got a string",
    ),
    "a mapping for a list": (
        "clusters: {}",
        "bad.yaml:1: clusters: expected a list, got a mapping",
    ),
    "a number for a string": (
        "clusters: [{name: 3, targets: [http://a]}]",
        "bad.yaml:1: clusters[0].name: expected a string, got a whole number",
    ),
    "a section without contents": (
        "collect:\n",
        "bad.yaml:1: collect: expected a mapping, got nothing",
    ),
    "a list for the whole file": ("- collect", "bad.yaml:1: expected a mapping, got a list"),
    "a word for the whole file": ("0", "bad.yaml:1: expected a mapping, got a whole number"),
    "a fraction for a count": (
        "limits: {streams: 1.5}",
        "bad.yaml:1: limits.streams: expected a whole number, got a number",
    ),
    "a negative count": (
        "limits: {streams: -1}",
        "bad.yaml:1: limits.streams: expected a whole number that is not negative",
    ),
    "a number with too many digits": (
        f"limits:\n  streams: {'9' * 5000}",
        "bad.yaml:2: is not a whole number that can be read",
    ),
    "yes for a duration": (
        "collect: {timeout: yes}",
        "bad.yaml:1: collect.timeout: true is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "a duration without a unit": (
        "collect: {timeout: 30}",
        "bad.yaml:1: collect.timeout: 30 is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "a negative duration": (
        "collect: {min_interval: -5s}",
        "bad.yaml:1: collect.min_interval: '-5s' is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "an empty duration": (
        "collect: {min_interval: ''}",
        "bad.yaml:1: collect.min_interval: '' is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "a duration of no number": (
        "collect: {min_interval: .nan}",
        "bad.yaml:1: collect.min_interval: nan is not a duration; write it like 30s, 5m or 1h30m",
    ),
    "too short a timeout": (
        "collect: {timeout: 500ms}",
        "bad.yaml:1: collect.timeout: must be 1s at least",
    ),
    "a size of nothing": (
        "collect: {max_response_bytes: 0}",
        "bad.yaml:1: collect.max_response_bytes: 0 is not a size; write it like 1048576, 64KiB or 256MiB",
    ),
    "a size with an unknown unit": (
        "collect: {max_response_bytes: 5Mb}",
        "bad.yaml:1: collect.max_response_bytes: '5Mb' is not a size; write it like 1048576, 64KiB or 256MiB",
    ),
    "an unknown choice": (
        "labels:\n  account: nkey",
        "bad.yaml:2: labels.account: unknown value 'nkey'; allowed here: id, name",
    ),
    "a date, which is only a string here": (
        "labels: {account: 2026-99-99}",
        "bad.yaml:1: labels.account: unknown value '2026-99-99'; allowed here: id, name",
    ),
    "a broken pattern": (
        "filters:\n  streams:\n    include:\n      - ORDERS\n      - 'a('",
        "bad.yaml:5: filters.streams.include[1]: 'a(' is not a regular expression: "
        "missing ), unterminated subpattern at position 1",
    ),
    "a pattern that repeats too often": (
        "probe: {allow: ['a{99999999999999}']}",
        "bad.yaml:1: probe.allow[0]: 'a{99999999999999}' is not a regular expression: "
        "the repetition number is too large",
    ),
    "a number for a pattern": (
        "filters: {streams: {exclude: [3]}}",
        "bad.yaml:1: filters.streams.exclude[0]: 3 is not a regular expression; write it as a string",
    ),
    "a broken dead letter pattern": (
        "labels: {dead_letter: '*'}",
        "bad.yaml:1: labels.dead_letter: is not a regular expression: nothing to repeat at position 0",
    ),
    "a cluster without targets": (
        "clusters:\n  - name: a",
        "bad.yaml:2: clusters[0]: has no targets; name at least one, like http://nats:8222, "
        "or system or accounts",
    ),
    "two clusters of one name": (
        "clusters:\n  - {name: a, targets: [http://a]}\n  - {name: a, targets: [http://b]}",
        "bad.yaml:3: clusters[1].name: 'a' is the name of another cluster",
    ),
    "one target in two clusters": (
        "clusters:\n  - {name: a, targets: [http://n]}\n  - {name: b, targets: ['http://n:8222/']}",
        "bad.yaml:3: clusters[1].targets[0]: 'http://n:8222' stands twice",
    ),
    "a target without a scheme": (
        clusters("nats:8222"),
        "bad.yaml:2: clusters[0].targets[0]: 'nats:8222' is not a URL like http://nats:8222",
    ),
    "a target for clients": (
        clusters("nats://nats:4222"),
        "bad.yaml:2: clusters[0].targets[0]: 'nats://nats:4222' is not a URL like http://nats:8222",
    ),
    "a target without a host": (
        clusters("'http://:8222'"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://:8222' is not a URL like http://nats:8222",
    ),
    "a target with a space": (
        clusters("'http://nats:8222 '"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://nats:8222 ' is not a URL like http://nats:8222",
    ),
    "a target with a line break": (
        clusters(r'"http://na\nts:8222"'),
        r"bad.yaml:2: clusters[0].targets[0]: 'http://na\nts:8222' is not a URL like http://nats:8222",
    ),
    "an empty target": (
        clusters("''"),
        "bad.yaml:2: clusters[0].targets[0]: '' is not a URL like http://nats:8222",
    ),
    "half an IPv6 address": (
        clusters("'http://[::1:8222'"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://[::1:8222' is not a URL like http://nats:8222",
    ),
    "the port 0": (
        clusters("http://nats:0"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://nats:0' has a wrong port; allowed are 1 to 65535",
    ),
    "a port too high": (
        clusters("http://nats:65536"),
        "bad.yaml:2: clusters[0].targets[0]: 'http://nats:65536' has a wrong port; allowed are 1 to 65535",
    ),
    "a port of letters": (
        clusters("http://nats:http"),
        "bad.yaml:2: clusters[0].targets[0]: this has a wrong port; allowed are 1 to 65535",
    ),
    "a password in a URL": (
        clusters("http://prometheus:hunter2@nats:8222"),
        "bad.yaml:2: clusters[0].targets[0]: a URL must not hold a user or a password; "
        "use http.username and http.password_file",
    ),
    "a password in a URL with a wrong port": (
        clusters("http://prometheus:hunter2@nats:99999"),
        "bad.yaml:2: clusters[0].targets[0]: this has a wrong port; allowed are 1 to 65535",
    ),
    "a password in what is no URL": (
        clusters("'prometheus:hunter2@nats:8222'"),
        "bad.yaml:2: clusters[0].targets[0]: this is not a URL like http://nats:8222",
    ),
    "a token in a query": (
        clusters("'http://nats:8222/?token=hunter2'"),
        "bad.yaml:2: clusters[0].targets[0]: a URL must not have a query or a fragment here",
    ),
    "a missing file": (
        with_http("{ca_file: /nowhere/ca.pem}"),
        "bad.yaml:3: clusters[0].http.ca_file: there is no file /nowhere/ca.pem",
    ),
    "a folder for a file": (
        with_http("{ca_file: /tmp}"),
        "bad.yaml:3: clusters[0].http.ca_file: there is no file /tmp",
    ),
    "a key without its certificate": (
        with_http("{key_file: /dev/null}").replace("/dev/null", __file__),
        "bad.yaml:3: clusters[0].http: cert_file and key_file go together",
    ),
    "two passwords": (
        with_http(f"{{username: a, password_file: {__file__}, password_env: PATH}}"),
        "bad.yaml:3: clusters[0].http: password_file and password_env exclude each other",
    ),
    "a password without a user": (
        with_http("{password_env: PATH}"),
        "bad.yaml:3: clusters[0].http: a password needs a username",
    ),
    "a user with a colon": (
        with_http("{username: 'a:hunter2'}"),
        "bad.yaml:3: clusters[0].http.username: a user's name cannot hold a colon",
    ),
    "a password where its file's name belongs": (
        with_http("{username: a, password_file: hunter2}"),
        "bad.yaml:3: clusters[0].http.password_file: there is no file of that name; "
        "the secret itself belongs in one",
    ),
    "a file's name that is too long": (
        with_http(f"{{ca_file: /{'a' * 300}}}"),
        f"bad.yaml:3: clusters[0].http.ca_file: there is no file /{'a' * 300}",
    ),
    "a null character by another name": (
        with_http('{ca_file: "a\\0"}'),
        "bad.yaml:3: holds a null character, which nothing here may",
    ),
    "a password after a colon": (
        clusters("'http://prometheus:hunter2'"),
        "bad.yaml:2: clusters[0].targets[0]: this has a wrong port; allowed are 1 to 65535",
    ),
    "a connection's URL for a browser": (
        "clusters:\n  - system:\n      urls: ['http://nats:4222']",
        "bad.yaml:2: clusters[0].system: urls[0]: 'http://nats:4222' is not a URL like nats://nats:4222",
    ),
    "a secret in a connection's URL without a scheme": (
        "clusters:\n  - accounts:\n      - urls: ['u:hunter2@nats:4222']",
        "bad.yaml:3: clusters[0].accounts[0]: urls[0]: a URL must not hold a user or a password; "
        "use username and password_file",
    ),
    "a seed where its file's name belongs": (
        "clusters:\n  - system:\n      urls: [nats://a]\n      nkey_seed_file: SUAhunter2",
        "bad.yaml:4: clusters[0].system.nkey_seed_file: there is no file of that name; "
        "the secret itself belongs in one",
    ),
    "a token where its variable's name belongs": (
        "clusters:\n  - system:\n      urls: [nats://a]\n      token_env: hunter2",
        "bad.yaml:2: clusters[0].system: token_env: that environment variable is not set",
    ),
    "an authority's file for NATS that is missing": (
        "clusters:\n  - system:\n      urls: [nats://a]\n      ca_file: /nowhere/ca.pem",
        "bad.yaml:2: clusters[0].system: /nowhere/ca.pem: cannot be loaded: No such file or directory",
    ),
    "an authority's file for NATS that is none": (
        f"clusters:\n  - system:\n      urls: [nats://a]\n      ca_file: {__file__}",
        f"bad.yaml:2: clusters[0].system: {__file__}: cannot be loaded: not PEM, or not a certificate and its key",
    ),
    "a context that is missing": (
        "clusters:\n  - system:\n      context: /nowhere/prod.json",
        "bad.yaml:2: clusters[0].system: context /nowhere/prod.json: /nowhere/prod.json cannot be read: "
        "No such file or directory",
    ),
    "an environment variable that is not set": (
        with_http("{username: a, password_env: NOT_SET_ANYWHERE}"),
        "bad.yaml:3: clusters[0].http.password_env: that environment variable is not set",
    ),
    "a key that stands twice": (
        "limits: {streams: 1}\nlabels: {}\nlimits: {streams: 2}",
        "bad.yaml:3: the key 'limits' stands twice",
    ),
    "a mapping as a key": ("? [a]\n: b", "bad.yaml:1: a key must be a word"),
    "no end of a list": (
        "clusters: [",
        "bad.yaml:1: is not YAML: expected the node content, but found '<stream end>'",
    ),
    "a tab": (
        "collect:\n\ttimeout: 5s",
        "bad.yaml:2: is not YAML: found character '\\t' that cannot start any token",
    ),
    "two documents": (
        "collect: {}\n---\nlimits: {}",
        "bad.yaml:2: is not YAML: it holds two documents",
    ),
    "an alias without an anchor": (
        with_http("{username: a, password: *hunter2}"),
        "bad.yaml:3: is not YAML: an alias without its anchor; put quotes around a value that begins with *",
    ),
    "an unknown tag handle": (with_http("!hunter2!x y"), "bad.yaml:3: is not YAML: an unknown tag"),
    "a tag of Python's": ("collect: !!python/object:os.system {}", f"bad.yaml:1: {TAGGED}"),
    "a tag that calls": ("collect:\n  !!python/object/apply:os.getcwd []", f"bad.yaml:2: {TAGGED}"),
    "a tag of one's own": ("labels:\n  account: !hunter2 id", f"bad.yaml:2: {TAGGED}"),
    "a tag that does not fit": (
        "limits:\n  streams: !!int many",
        "bad.yaml:2: is not a whole number that can be read",
    ),
    "an alias in itself": ("clusters: &a [*a]", "bad.yaml:1: an alias refers to itself"),
    "an alias in its own mapping": (
        "collect: &a\n  timeout: *a",
        "bad.yaml:1: an alias refers to itself",
    ),
    "too deep": ("[" * 5000 + "]" * 5000, "bad.yaml: is nested too deeply"),
    "a null byte": ("a\0b", "bad.yaml: is not text: the character 0 is not allowed in it (at 1)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_sentence_that_names_the_place(mistake: str) -> None:
    text, sentence = MISTAKES[mistake]
    with pytest.raises(ConfigError) as caught:
        parse(text, "bad.yaml")
    assert sentence == str(caught.value)
    assert "hunter2" not in str(caught.value)


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
            "--target 2: a URL must not hold a user or a password; use http.username and http.password_file",
        ),
        ("http://a:8222", "--target 2: 'http://a:8222' stands twice"),
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
        assert f"{file}: is not UTF-8 text (byte 7)" == self.sentence(file)

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
        assert f"{file}: clusters[0].http: {tmp_path / 'ca.pem'}: {what}" == self.sentence(file)

    def test_a_password_that_is_not_text(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "password").write_bytes(b"hunter2\xff")
        file.write_text(with_http("{username: a, password_file: password}"))
        where = f"{file}: clusters[0].http: {tmp_path / 'password'}"
        assert f"{where}: is not UTF-8 text" == self.sentence(file)

    def test_a_family_that_does_not_exist(self, file: Path) -> None:
        file.write_text("families: {disabled: [jetstream_stream_messages, jetstream_nonsense]}")
        what = "there is no family 'jetstream_nonsense'; see METRICS.md"
        assert f"{file}: families.disabled: {what}" == self.sentence(file)


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
            f"jetstream-exporter: {file}:2: clusters[0].targets[0]: a URL must not hold a user or a password; "
            "use http.username and http.password_file\n"
        )
        for more in ([], ["--config.check"]):
            done = self.run(capsys, "--config.file", str(file), *more)
            assert (2, "", sentence) == done

    def test_a_good_file_is_said_to_be_right(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "exporter.yaml"
        file.write_text(clusters("http://a, http://b"))
        done = self.run(capsys, "--config.file", str(file), "--config.check")
        assert (0, f"{file} is right: 2 target(s)\n", "") == done

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
