"""Reading manifests that anybody may have written: objects, or one sentence with the place; never a traceback."""

import io
import os
import threading
from pathlib import Path

import pytest
import yaml

from jetstream_exporter.audit import documents
from jetstream_exporter.audit.command import main
from jetstream_exporter.audit.documents import ManifestError, parse, read
from jetstream_exporter.config.secrets import LARGEST_DOCUMENT

OBJECT = "kind: A\nmetadata: {name: a}\n"


def test_a_list_its_oddities_and_several_documents_are_read() -> None:
    text = (
        "kind: List\nitems:\n- {kind: A, matchType: =, at: 2001-13-45}\n- a string\n- null\n---\n"
        "just text\n---\n---\nno: kind\n---\nkind: B\n---\nkind: List\nitems: none\n"
    )

    first, second = parse(text, "here")

    assert first == {"kind": "A", "matchType": "=", "at": "2001-13-45"}
    assert second == {"kind": "B"}


BILLION = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b\nc: d: e", "here.yaml:2: not valid Kubernetes YAML: mapping values are not allowed"),
        ("{{ if }}\na: b", "render templates first (helm template)"),
        ("a: b\n\tc: d", "here.yaml:2: not valid Kubernetes YAML: found "),
        ("a: 'b", "here.yaml:1: not valid Kubernetes YAML: found unexpected end of stream"),
        ("a: \0", "characters are not allowed"),
        ("a: 1\nb: !Ref x", "here.yaml:2: not valid Kubernetes YAML: could not determine a"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        (
            "a: 1\nb: !!int many",
            "here.yaml:2: not valid Kubernetes YAML: 'many' is not a valid int",
        ),
        ("a: !!bool maybe", "'maybe' is not a valid bool"),
        ("a: " + "9" * 5000, "is not a valid int"),
        ("? {a: b}\n: c", "found unhashable key"),
        ("[" * 1200 + "]" * 1200, "not valid Kubernetes YAML: "),
        ("- " * 1200, "not valid Kubernetes YAML: "),
        (BILLION, "the aliases expand to more than 100000 nodes"),
        (MERGES, "the aliases expand to more than 100000 nodes"),
        ("a: &a {b: *a}", "here.yaml:1: not valid Kubernetes YAML: an alias refers to a node"),
        ("kind: &a [*a]", "an alias refers to a node that contains it"),
    ],
)
@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_what_is_no_manifest_is_refused_in_a_sentence(
    loader: str, text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_Loader", documents.loader(getattr(yaml, loader)))

    with pytest.raises(ManifestError) as error:
        list(parse(text, "here.yaml"))

    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_aliases_are_read_where_they_save_some_writing() -> None:
    (found,) = parse("kind: A\na: &a {b: 1}\nc: {<<: *a, d: [*a, *a]}\n", "here")

    assert found["c"] == {"b": 1, "d": [{"b": 1}, {"b": 1}]}


def test_a_folder_gives_its_files_and_what_looks_like_one_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/a.yaml").write_text(OBJECT)
    (tmp_path / "b.yml").write_text(OBJECT)
    (tmp_path / "README.md").write_text("a: b: c")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/c.yaml").write_text("a: b: c")
    (tmp_path / "again").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.yaml")

    assert [file for file, _ in read([str(tmp_path)])] == [
        str(tmp_path / "b.yml"),
        str(tmp_path / "below/a.yaml"),
    ]


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026/a.yaml").write_text(OBJECT)
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")

    assert [file for file, _ in read([str(tmp_path)])] == [str(tmp_path / "a.yaml")]


def test_a_pipe_of_the_shell_is_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "63"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(OBJECT,))
    writer.start()

    assert [found["kind"] for _, found in read([str(pipe)])] == ["A"]
    writer.join()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"kind: A\nb: \xff", "a.yaml: is not UTF-8 text \\(line 2\\)"),
        (b"a" * (LARGEST_DOCUMENT + 1), "a.yaml: is larger than 32 MiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(content)

    with pytest.raises(ManifestError, match=said):
        list(read([str(tmp_path)]))


def test_standard_input_is_read_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(OBJECT.encode())))
    assert [(file, found["kind"]) for file, found in read(["-"])] == [("standard input", "A")]

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"kind: A\n\xff")))
    with pytest.raises(ManifestError, match=r"standard input: is not UTF-8 text \(line 2\)"):
        list(read(["-"]))


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("/not/there")

    with pytest.raises(ManifestError, match=r"a\.yaml: cannot be read: No such file or directory"):
        list(read([str(tmp_path)]))


def test_a_folder_that_is_not_there_is_said_so() -> None:
    with pytest.raises(ManifestError, match="no such file or directory"):
        list(read(["/not/there"]))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "{{ if }}\na: b: c", "a.yaml:1: not valid Kubernetes YAML"),
        ("a.txt", "", "the directory contains no *.yaml or *.yml file"),
        ("a.yaml", "kind: Pod", "no StatefulSet, Deployment or DaemonSet in it runs nats-server"),
        ("\x1b[2J.yaml", "a: b: c", "\\x1b[2J.yaml:1: not valid Kubernetes YAML"),
    ],
)
def test_the_command_ends_with_2_and_the_sentence(
    name: str, text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)

    assert main(["--manifests", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
