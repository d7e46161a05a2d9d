"""The manual page says what the flags say, and groff takes it without a complaint."""

import shutil
import subprocess

import pytest
from scripts.man_page import PAGE, escaped, main, page

from jetstream_exporter.completion import parsers


def test_the_page_is_current_and_names_every_flag() -> None:
    assert main(["--check"]) == 0, "run scripts/man_page.py"
    text = page()
    for parser in parsers().values():
        for action in parser._actions:
            for flag in action.option_strings:
                assert escaped(flag) in text


def test_groff_has_no_complaint() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        ["groff", "-man", "-wall", "-Wbreak", "-Tutf8", PAGE],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "--config.file" in done.stdout.replace("\N{HYPHEN}", "-").replace("\N{MINUS SIGN}", "-")


def test_a_line_that_looks_like_a_request_is_text() -> None:
    assert escaped(".so file\n'x\\y") == "\\&.so file\n\\&'x\\ey"
