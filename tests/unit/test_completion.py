"""What a shell completes: the scripts are those of the parsers, and real shells take them."""

import shutil
import subprocess

import pytest

from jetstream_exporter.completion import SHELLS, main, parsers


def completed(words: list[str]) -> list[str]:
    """What bash would offer for the last word."""
    script = f"""
source /dev/stdin <<'END'
{SHELLS["bash"](parsers())}
END
COMP_WORDS=({" ".join(f"'{word}'" for word in words)})
COMP_CWORD={len(words) - 1}
_jetstream_exporter
printf '%s\\n' "${{COMPREPLY[@]}}"
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
        (["jetstream-exporter", "demo", "--servers", ""], ["1", "3", "5"]),
    ],
)
def test_bash_completes_commands_flags_and_values(words: list[str], expected: list[str]) -> None:
    assert completed(words) == expected


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
