"""`jetstream-exporter migrate`: its exit code, what it writes, and what it says of input that is broken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetstream_exporter.__main__ import main as whole_program
from jetstream_exporter.migrate import tree
from jetstream_exporter.migrate.command import MOST, WRONG, main

BOARD = json.dumps(
    {"panels": [{"id": 1, "title": "M", "targets": [{"refId": "A", "expr": "gnatsd_varz_mem"}]}]}
)
HOPELESS = {"panels": [{"id": 1, "targets": [{"refId": "A", "expr": "gnatsd_connz_total_x"}]}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good board."""
    given = tmp_path / "boards"
    given.mkdir()
    (given / "good.json").write_text(BOARD)
    return given


def bad_files(given: Path) -> dict[str, str]:
    """Writes a file for each mistake; what has to be said of each."""
    texts: dict[str, bytes] = {
        "broken.json": b'{"panels": [',
        "broken.yaml": b"groups: [\n  - a: 'b",
        "template.yaml": b"groups:\n{{- range .Values.x }}\n  - a\n",
        "latin.json": b'{"panels": [],\n "title": "\xe4"}',
        "huge.json": b'{"panels": "' + b"x" * (20 * 2**20) + b'"}',
        "deep.json": b"[" * 100_000,
        "deep.yaml": b"[" * 100_000,
        "alias.yaml": b"groups: &a\n- rules: [*a]\n",
        "bombs.yaml": b"a: &a [x]\nb: [*a, *a]\nexpr: x\n",
        "number.json": b'{"panels": ' + b"1" * 5000 + b"}",
    }
    for name, content in texts.items():
        (given / name).write_bytes(content)
    (given / "nowhere.json").symlink_to(given / "gone")
    return {
        "broken.json": "line 1 is not JSON: Expecting value",
        "broken.yaml": "is not YAML: ",
        "template.yaml": "render templates first",
        "latin.json": "line 2 is not text in UTF-8",
        "huge.json": "is larger than 16 MiB",
        "deep.json": "is nested deeper than 200 levels",
        "deep.yaml": "nest",
        "alias.yaml": "line 2 is a YAML alias",
        "bombs.yaml": "line 2 is a YAML alias",
        "number.json": "is not JSON: ",
        "nowhere.json": "is a broken symbolic link",
    }


def test_a_broken_file_is_named_and_the_rest_is_migrated(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = bad_files(folder)
    code = main([str(folder), "--output", str(tmp_path / "out"), "--format", "json"])
    report = {
        Path(each["path"]).name: each for each in json.loads(capsys.readouterr().out)["files"]
    }

    assert code == len(expected)
    for name, sentence in expected.items():
        (finding,) = report[name]["findings"]
        assert sentence in finding["message"], name
        assert finding["level"] == "unresolved"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.json"]
    assert "nats_server_memory_bytes" in (tmp_path / "out" / "good.json").read_text()


def test_without_output_nothing_is_written(folder: Path) -> None:
    before = sorted(folder.parent.rglob("*"))
    assert main([str(folder)]) == 0
    assert sorted(folder.parent.rglob("*")) == before
    assert (folder / "good.json").read_text() == BOARD


def test_a_file_that_exists_is_not_overwritten(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([str(folder), "--output", str(out)]) == 0
    (out / "good.json").write_text("mine")

    assert main([str(folder), "--output", str(out)]) == 1
    assert "exists already and is not overwritten" in capsys.readouterr().out
    assert (out / "good.json").read_text() == "mine"


@pytest.mark.parametrize("way", ["same", "link", "hard link"])
def test_the_input_is_never_overwritten(
    folder: Path, tmp_path: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = folder
    if way != "same":
        output = tmp_path / "out"
        output.mkdir()
        linked = output / "good.json"
        (linked.symlink_to if way == "link" else linked.hardlink_to)(folder / "good.json")

    assert main([str(folder), "--output", str(output)]) == 1
    assert (folder / "good.json").read_text() == BOARD
    assert "overwritten" in capsys.readouterr().out


def test_folders_below_stay_folders_and_hidden_ones_are_passed_over(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("team", ".git"):
        (folder / name).mkdir()
        (folder / name / "good.json").write_text(BOARD)
    (folder / "readme.txt").write_text("gnatsd_varz_mem")

    assert main([str(folder), "--output", str(tmp_path / "out")]) == 0
    written = sorted(
        str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.json")
    )
    assert written == ["good.json", "team/good.json"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "there is no such file or folder"),
        (lambda path: path.mkdir(), "there is no .json, .yaml or .yml file in it"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.write_text("a: b\n"), "is neither a Grafana dashboard nor a file"),
        (lambda path: path.write_text("[1, 2]"), "is neither a Grafana dashboard nor a file"),
        (lambda path: path.write_text(""), "is neither a Grafana dashboard nor a file"),
    ],
    ids=["nothing", "an empty folder", "a pipe", "other YAML", "a list", "empty"],
)
def test_what_is_no_input_is_one_sentence(
    tmp_path: Path, make: object, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "given.yaml"
    make(path)  # type: ignore[operator]

    assert main([str(path)]) == 1
    assert sentence in capsys.readouterr().out


def test_other_yaml_in_a_folder_is_a_note(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "values.yaml").write_text("replicas: 3\n")

    assert main([str(folder)]) == 0
    assert "note: the file: is neither" in capsys.readouterr().out


def test_the_exit_code_counts_and_stops_where_shells_have_their_own(tmp_path: Path) -> None:
    target = HOPELESS["panels"][0]["targets"][0]  # type: ignore[index]
    for count, code in ((3, 3), (99, 99), (100, MOST), (300, MOST)):
        board = {"panels": [{"id": 1, "targets": [target] * count}]}
        (tmp_path / "many.json").write_text(json.dumps(board))
        assert main([str(tmp_path / "many.json")]) == code
    assert MOST < WRONG < 126


@pytest.mark.parametrize(
    "argv",
    [[], ["--no-such"], ["a", "--format", "xml"], ["a", "--prefix", "a-b"], ["a", "--prefix", ""]],
    ids=lambda argv: " ".join(argv) or "nothing",
)
def test_wrong_flags_have_a_code_of_their_own(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == WRONG
    assert "jetstream-exporter migrate: " in capsys.readouterr().err


def test_output_that_is_a_file_is_refused(folder: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(folder), "--output", str(folder / "good.json")])
    assert ended.value.code == WRONG


def test_without_the_extra_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tree, "parser", None)

    assert main([str(folder)]) == WRONG
    assert capsys.readouterr().err == (
        "jetstream-exporter migrate: needs the package promql-parser; install it with pip install "
        "'jetstream-exporter[migrate]'\n"
    )


def test_the_module_is_importable_without_the_extra() -> None:
    code = (
        "import sys; sys.modules['promql_parser'] = None; "
        "import jetstream_exporter.migrate.command as c; sys.exit(c.main(['x']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == WRONG
    assert "pip install" in done.stderr


def test_it_is_a_command_of_the_program(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert whole_program(["migrate", str(folder)]) == 0
    assert "1 expression with old names, 1 rewritten" in capsys.readouterr().out


def test_a_name_in_a_file_cannot_control_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = {"refId": "A", "expr": "gnatsd_connz_x\n\x1b[2J"}
    board = {"panels": [{"id": 1, "title": "\x1b]0;x\x07", "targets": [target]}]}
    (tmp_path / "a.json").write_text(json.dumps(board))

    main([str(tmp_path / "a.json")])
    assert "\x1b" not in capsys.readouterr().out


def test_help_teaches_what_it_does_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for part in (
        "examples:",
        "--output migrated/",
        "is_stream_leader",
        "deriv()",
        "exit code:",
        "unresolved",
    ):
        assert part in text


LONG = "a" * 5_000


@pytest.mark.parametrize("name", [LONG, f"{LONG}/b.json", "b" * 300 + ".yaml"])
def test_a_name_that_no_file_can_have_is_one_sentence_and_costs_no_other_file(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, str(folder), "--format", "json"]) == 1
    first, second = json.loads(capsys.readouterr().out)["files"]
    assert [each["message"] for each in first["findings"]] == ["cannot be read: File name too long"]
    assert second["rewritten"] == 1


@pytest.mark.parametrize("name", [LONG, f"{'b' * 300}/c"])
def test_output_that_no_folder_can_be_is_refused(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(folder), "--output", name])
    assert ended.value.code == WRONG
    assert "argument --output: File name too long" in capsys.readouterr().err


def as_a_program(folder: Path, out: int) -> tuple[int, str]:
    """The exit code and what it says besides the report, which goes to a file descriptor."""
    command = [sys.executable, "-m", "jetstream_exporter", "migrate", str(folder)]
    done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stderr


def test_a_report_that_cannot_be_written_is_one_sentence(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        code, said = as_a_program(folder, full.fileno())
    assert said == (
        "jetstream-exporter migrate: the output cannot be written: No space left on device\n"
    )
    assert code == WRONG


def test_a_report_that_nobody_reads_to_its_end_costs_nothing(folder: Path) -> None:
    (folder / "hopeless.json").write_text(json.dumps(HOPELESS))
    read, write = os.pipe()
    os.close(read)
    try:
        assert as_a_program(folder, write) == (1, "")
    finally:
        os.close(write)
