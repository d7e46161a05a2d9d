"""The runbooks as pages: every one is whole, and an object's names in its commands are what they are called."""

import re
import subprocess
from html import unescape
from pathlib import Path

import pytest

from jetstream_exporter.web.status import runbooks
from jetstream_exporter.web.status.html import Html
from jetstream_exporter.web.status.markdown import render

NAMES = [
    "plain",
    "it's",
    "$(touch pwned)",
    "`touch pwned`",
    '"; touch pwned; "',
    "<script>alert(1)</script>",
    "a\\b",
    "a b",
    "ü*?[x]",
    "#no comment",
]
RUNBOOK = "JetStreamConsumerStalled"


def fences(page: str) -> list[str]:
    return [
        unescape(each) for each in re.findall(r"<code>((?:(?!</code>).)*)</code></pre>", page, re.S)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_reads_exactly_the_name_and_runs_none_of_it(name: str, tmp_path: Path) -> None:
    page = runbooks.page(RUNBOOK, dict.fromkeys(runbooks.VARIABLES, name))
    assert page is not None
    assert "<script>" not in page.split("<main", 1)[1]
    [setting] = [each for each in fences(page) if each.startswith("CLUSTER=")]
    script = setting + '\nprintf "%s\\n" "$CLUSTER" "$ACCOUNT" "$STREAM" "$CONSUMER"'
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == f"{name}\n" * 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["--force", "-s", "a\nb", "a\x1b[2J", "a\u202eb"])
def test_a_name_that_could_be_misread_is_not_filled_in(name: str) -> None:
    page = runbooks.page(RUNBOOK, {"stream": name})
    assert page is not None
    assert "The names are not filled in" in page
    assert any("STREAM=''" in each for each in fences(page))


def test_a_query_has_the_names_as_strings_of_promql() -> None:
    page = runbooks.page(RUNBOOK, {"cluster": 'a"b\\c', "stream": "S"})
    assert page is not None
    [query] = [each for each in fences(page) if "waiting_pulls" in each]
    assert r'{nats_cluster="a\"b\\c",account="$ACCOUNT",stream="S",consumer="$CONSUMER"}' in query


@pytest.mark.parametrize("name", runbooks.names())
def test_every_runbook_is_rendered_whole(name: str) -> None:
    """All its words are there, and no mark of its Markdown is left in them."""
    page, source = runbooks.page(name, {}), runbooks.source(name)
    assert page is not None
    assert source is not None
    prose = re.sub(r"<pre.*?</pre>", "", page.split("<main", 1)[1], flags=re.S)
    without_code = unescape(re.sub(r"<[^>]+>", "", re.sub(r"<code>.*?</code>", "", prose)))
    for mark in ("```", "**", "](", "##"):
        assert mark not in without_code
    blocks = re.findall(r"^```\w*\n(.*?)^```$", source, re.M | re.S)
    assert fences(page) == [each.rstrip("\n") for each in blocks]
    for heading in re.findall(r"^## (.+)$", source, re.M):
        assert f"<h2>{heading}</h2>" in page


def test_markup_within_markdown_stays_text() -> None:
    def same(_language: str, code: str) -> str:
        return code

    page = render("a <b> [x](javascript:alert(1)) `<i>`\n\n- <u>\n", same, runbooks.address)
    assert isinstance(page, Html)
    assert not re.search(r"<[biu]>|href", page)


def test_a_list_that_code_interrupts_counts_on() -> None:
    page = render("1. a\n\n```sh\nx\n```\n\n2. b\n", lambda _, code: code, runbooks.address)
    assert page == (
        '<ol><li>a</li></ol><pre tabindex="0"><code>x</code></pre><ol start="2"><li>b</li></ol>'
    )


def test_there_is_no_runbook_of_another_name() -> None:
    for name in ("", "nothing", "../JetStreamWatchdog", "/etc/passwd"):
        assert runbooks.page(name, {}) is None
