"""What a shell completes: the scripts are those of the parsers, and real shells take them."""

import shutil
import subprocess

import pytest

from jetstream_exporter.completion import SHELLS, main, parsers

WORDS = '"${COMPREPLY[@]}"'


def completed(words: list[str], shown: str = WORDS) -> list[str]:
    """What bash would offer for the last word, or which options of completion are changed for it."""
    script = f"""
source /dev/stdin <<'END'
{SHELLS["bash"](parsers())}
END
compopt() {{ options="$*"; }}
options=
COMP_WORDS=({" ".join(f"'{word}'" for word in words)})
COMP_CWORD={len(words) - 1}
_jetstream_exporter
printf '%s\\n' {shown}
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["jetstream-exporter", "aud"], ["audit"]),
        (
            ["jetstream-exporter", "--config."],
            ["--config.file", "--config.check", "--config.schema"],
        ),
        (["jetstream-exporter", "audit", "--with"], ["--without"]),
        (["jetstream-exporter", "audit", "--format", "s"], ["sarif"]),
        (["jetstream-exporter", "doctor", "--format", ""], ["text", "json"]),
        (["jetstream-exporter", "--log.level", "w"], ["warn"]),
        (["jetstream-exporter", "--log.level", "=", "w"], ["warn"]),
        (["jetstream-exporter", "--log.level", "="], ["debug", "info", "warn", "error"]),
        (["jetstream-exporter", "demo", "--servers", ""], ["1", "3", "5"]),
        (["jetstream-exporter", "completion", ""], ["bash", "zsh", "fish", "--help"]),
        (["jetstream-exporter", "migrate", "--f"], ["--format"]),
    ],
)
def test_bash_completes_commands_flags_and_values(words: list[str], expected: list[str]) -> None:
    assert completed(words) == expected


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["jetstream-exporter", "--config.file", ""], True),
        (["jetstream-exporter", "doctor", "--config.file", "=", "e"], True),
        (["jetstream-exporter", "migrate", "b"], True),
        (["jetstream-exporter", "doctor", "--prometheus", "h"], False),
        (["jetstream-exporter", "--target", ""], False),
    ],
)
def test_bash_offers_files_where_a_file_is_expected(words: list[str], files: bool) -> None:
    """Where it is offered no word it completes files, unless that is switched off."""
    assert completed(words) == []
    assert completed(words, shown="$options") == ([] if files else ["+o", "default"])


def test_fish_is_told_what_follows_each_flag() -> None:
    lines = SHELLS["fish"](parsers()).splitlines()
    (of_file,) = [line for line in lines if "from doctor" in line and "-l config.file" in line]
    (of_url,) = [line for line in lines if "from doctor" in line and "-l prometheus" in line]
    (of_level,) = [line for line in lines if "-l log.level" in line and "'not __" in line]
    (of_shell,) = [line for line in lines if "from completion'" in line and " -a " in line]
    (_,) = [line for line in lines if "from migrate'" in line and line.endswith(" -F")]
    assert (" -rF " in of_file, " -x " in of_url) == (True, True)
    assert " -xa 'debug info warn error' " in of_level
    assert of_shell.endswith("-a 'bash zsh fish'")
    assert lines[0] == "complete -c jetstream-exporter -f"


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([shell]) == 0
    script = capsys.readouterr().out
    assert "doctor" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run(
        [program, "-n"], input=script, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
