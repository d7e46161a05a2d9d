"""The audit's texts, word for word, and its formats, as their readers want them."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from jetstream_exporter.__main__ import main as exporter
from jetstream_exporter.audit import command, report
from jetstream_exporter.audit.command import LIVE, MANIFESTS, NAMES, listing, main
from jetstream_exporter.audit.finding import Check, Finding, Severity, ordered

CHECKS: list[Check[None]] = [
    Check(name, Severity.WARNING, f"{name} holds", f"why {name}", f"do {name}", lambda _: [])
    for name in ("a", "b", "c")
]


def finding(check: str, severity: Severity, what: str, file: str = "") -> Finding:
    return Finding(check, severity, "stream S\x01", what, f"why {check}", f"do {check}", file)


FINDINGS = ordered(
    [
        finding("b", Severity.INFO, "known"),
        finding("a", Severity.WARNING, "two", "m.yaml"),
        finding("a", Severity.WARNING, "one", "m.yaml"),
        finding("b", Severity.ERROR, "broken"),
    ]
)


def test_text_tells_the_worst_first_and_each_reason_once() -> None:
    assert report.text(FINDINGS, CHECKS) == (
        "error b\n"
        "  stream S\\x01: broken\n"
        "  why: why b\n"
        "  do:  do b\n"
        "\n"
        "warning a\n"
        "  m.yaml: stream S\\x01: one\n"
        "  m.yaml: stream S\\x01: two\n"
        "  why: why a\n"
        "  do:  do a\n"
        "\n"
        "info b\n"
        "  stream S\\x01: known\n"
        "  why: why b\n"
        "  do:  do b\n"
        "\n"
        "3 checks: 1 error, 2 warnings, 1 info\n"
    )


def test_colour_is_for_terminals() -> None:
    assert "\x1b[31merror\x1b[0m b" in report.text(FINDINGS, CHECKS, colour=True)
    assert "\x1b" not in report.text(FINDINGS, CHECKS)


def test_json_holds_every_finding_and_what_was_judged() -> None:
    read = json.loads(report.as_json(FINDINGS, CHECKS))

    assert read["checks"] == ["a", "b", "c"]
    assert [f["severity"] for f in read["findings"]] == ["error", "warning", "warning", "info"]
    assert read["findings"][1] == {
        "check": "a",
        "severity": "warning",
        "object": "stream S\x01",
        "seen": "one",
        "why": "why a",
        "advice": "do a",
        "file": "m.yaml",
    }


def test_sarif_refers_each_result_to_its_rule() -> None:
    read = json.loads(report.sarif(FINDINGS, CHECKS))
    (run,) = read["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]

    assert read["version"] == "2.1.0"
    assert rules == ["a", "b", "c"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "warning", "note"]
    assert all(result["ruleId"] in rules for result in run["results"])
    location = run["results"][1]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "m.yaml"
    assert "physicalLocation" not in run["results"][0]["locations"][0]


def test_junit_fails_what_is_above_info_and_is_xml_whatever_the_names_hold() -> None:
    suite = ET.fromstring(report.junit(FINDINGS, CHECKS))
    cases = {case.get("name"): case for case in suite}
    failures = {name for name, case in cases.items() if case.find("failure") is not None}

    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert failures == {"a: a holds", "b: b holds"}
    assert cases["b: b holds"].findtext("system-out") == "info: stream S\ufffd: known"


ODD = "S \x1b[31m é \u202e \ufffe \udc80 <&> ]]>"


def test_no_name_leaves_its_place_in_any_format() -> None:
    odd = [Finding("a", Severity.ERROR, ODD, ODD, "why", "do", "my folder/a b%é.yaml")]

    assert all(line.isprintable() for line in report.text(odd, CHECKS).splitlines())
    assert ET.fromstring(report.junit(odd, CHECKS))[0].find("failure") is not None
    assert report.junit(odd, CHECKS).isascii()
    assert json.loads(report.as_json(odd, CHECKS))["findings"][0]["object"] == ODD
    (result,) = json.loads(report.sarif(odd, CHECKS))["runs"][0]["results"]
    (location,) = result["locations"]
    uri = location["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "my%20folder/a%20b%25%C3%A9.yaml"


def test_a_file_named_from_the_root_is_a_uri_of_a_file() -> None:
    odd = [Finding("a", Severity.ERROR, "o", "s", "why", "do", "/a b.yaml")]
    (result,) = json.loads(report.sarif(odd, CHECKS))["runs"][0]["results"]

    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == (
        "file:///a%20b.yaml"
    )


def test_a_terminal_without_the_letters_of_a_name_gets_them_written_out(tmp_path: Path) -> None:
    manifest = {"kind": "Deployment", "metadata": {"name": "é"}, "spec": {"template": POD}}
    (tmp_path / "a.yaml").write_text(json.dumps(manifest))
    command = [sys.executable, "-m", "jetstream_exporter", "audit", "--manifests", tmp_path]
    done = subprocess.run(
        command, env={"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (1, "")
    assert "Deployment \\xe9: " in done.stdout


POD = {"spec": {"containers": [{"image": "nats:2.15"}]}}


def test_every_check_says_why_and_what_to_do_in_whole_sentences() -> None:
    for check in (*LIVE, *MANIFESTS):
        assert check.why.endswith(".")
        assert check.advice.endswith(".")
        assert not check.title.endswith(".")
    assert len(NAMES) == len(set(NAMES)) == len(listing().splitlines())


def test_the_exporter_has_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert exporter(["audit", "--list"]) == 0
    assert capsys.readouterr().out == listing()


def test_help_and_list_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert "single-replica" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "exit code: 0 no finding at or above --fail-on" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [["--skip", "unheard-of"], ["--format", "xml"], ["--observe", "-1"], ["--tar", "x"]]
)
def test_wrong_flags_are_2(argv: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*argv])


@pytest.mark.parametrize("seconds", ["soon", "nan", "3601"])
def test_a_number_of_seconds_is_asked_for_in_words(
    seconds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--observe", seconds])
    assert f"{seconds!r} is not a number between 0 and 3600" in capsys.readouterr().err


def test_a_target_that_nobody_listens_on_is_told_once_and_not_called_open(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--observe", "0", "--target", "http://name.invalid:8222"]) == 1
    told = capsys.readouterr().out
    assert (
        "target http://name.invalid:8222: it did not return everything that was requested (" in told
    )
    assert f"{len(LIVE)} checks: 1 error, 0 warnings, 0 info" in told


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [(TimeoutError(), 2, "raise collect.timeout"), (KeyboardInterrupt(), 130, "")],
)
def test_an_audit_that_does_not_come_to_its_end_says_so_without_a_traceback(
    failure: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def fails(*_: object) -> None:
        raise failure

    monkeypatch.setattr(command, "observe", fails)

    assert main([]) == code
    assert said in capsys.readouterr().err


def test_a_wrong_target_is_2_and_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--target", "nats://localhost:4222"]) == 2
    assert "is not a URL like http://nats:8222" in capsys.readouterr().err
