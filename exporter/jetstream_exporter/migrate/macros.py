"""Grafana's variables in an expression: hidden while it is parsed, put back in the result.

Grafana fills them in before Prometheus reads the expression, so that `rate(x[$__rate_interval])`, `by ([[label]])` and
`topk($count, x)` are no PromQL. Which kind of text a variable stands for, shows the place where it stands.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from jetstream_exporter.exposition import escape

VARIABLE = r"\$\{[^{}]*\}|\[\[\w+(?::\w+)?\]\]|\$[A-Za-z_]\w*"
# What closes no quote goes to the end of the text, so that it is read once.
TOKEN = re.compile(
    rf"""(?P<string>"(?:\\.|[^"\\])*(?:"|\\?\Z)|'(?:\\.|[^'\\])*(?:'|\\?\Z)|`[^`]*(?:`|\Z))|(?P<comment>\#[^\n]*)|(?P<variable>{VARIABLE})""",
    re.DOTALL,
)
IN_STRING = re.compile(VARIABLE)
UNIT = re.compile(r"ms|[smhdwy](?!\w)")
OFFSET = re.compile(r"\boffset", re.IGNORECASE)
LONGEST_RANGE = 200  # characters
WORD = re.compile(r"grafana_variable_(\d+)_")
NUMBER = re.compile(r"\b90071992547(\d{3})\b")
MATCHER = re.compile(r'grafana_variable_(\d+)_=""')
FIRST_SPAN = 1_000_000_007  # seconds; no window is that long
MOST = 999
MOST_TRIED = 64


@dataclass(slots=True)
class Hidden:
    """An expression without variables, and what each stands for by its number."""

    text: str = ""
    variables: list[str] = field(default_factory=list)
    comments: bool = False

    def put_back(self, text: str) -> str:
        for pattern in (MATCHER, WORD, NUMBER):
            text = pattern.sub(self._of, text)
        return text

    def span(self, length: timedelta) -> str | None:
        """The variable that a span of time stands for; None where it stands for itself."""
        number = round(length.total_seconds()) - FIRST_SPAN
        return self.variables[number] if 0 <= number < len(self.variables) else None

    def _of(self, found: re.Match[str]) -> str:
        number = int(found[1])
        return self.variables[number] if number < len(self.variables) else found[0]


def has_variable(text: str) -> bool:
    """Whether the value of a label, as it was parsed, has a variable in it."""
    return WORD.search(text) is not None


def only_variable(text: str) -> bool:
    return WORD.fullmatch(text.strip("()^")) is not None


def hidden(text: str) -> Iterator[Hidden]:
    """The ways to read an expression, the likeliest first.

    A variable outside of strings is a name, else a number, else a matcher within braces. Spans of time are known by
    what stands before them.
    """
    free = len(_free(text))
    ways = itertools.product(("word", "number", "matcher"), repeat=min(free, 12))
    for way in itertools.islice(ways, MOST_TRIED):
        yield _hide(text, way + ("word",) * (free - len(way)))


def _free(text: str) -> list[re.Match[str]]:
    found = [each for each in TOKEN.finditer(text) if each["variable"]]
    return [each for each in found if not _is_span(text, each.start())]


def _is_span(text: str, start: int) -> bool:
    """Whether a variable that begins there stands for a span of time: within brackets, or after offset."""
    at = _before(text, start)
    if text[at - 1 : at] == "[":
        return True
    if text[at - 1 : at] == ":":
        opened = max(text.rfind(each, max(0, at - LONGEST_RANGE), at) for each in "[]")
        return text[opened : opened + 1] == "[" if opened >= 0 else False
    if text[at - 1 : at] == "-":
        at = _before(text, at - 1)
    return OFFSET.fullmatch(text, max(0, at - 6), at) is not None


def _before(text: str, at: int) -> int:
    """Where the spaces before a place begin."""
    while at and text[at - 1].isspace():
        at -= 1
    return at


def _hide(text: str, way: tuple[str, ...]) -> Hidden:
    result = Hidden()
    kinds = iter(way)
    parts: list[str] = []
    at = 0
    for token in TOKEN.finditer(text):
        if token.start() < at:
            continue
        parts.append(text[at : token.start()])
        at = token.end()
        if token["comment"]:
            result.comments = True
        elif token["string"]:
            parts.append(_string(token["string"], result))
        elif _is_span(text, token.start()):
            unit = UNIT.match(text, at)
            at = unit.end() if unit else at
            parts.append(f"{FIRST_SPAN + _number(text[token.start() : at], result)}s")
        else:
            parts.append(_free_text(next(kinds), _number(token["variable"], result)))
    result.text = "".join([*parts, text[at:]])
    return result


def _number(variable: str, result: Hidden) -> int:
    result.variables.append(variable)
    if len(result.variables) > MOST:
        raise ValueError(f"it has more than {MOST} variables")
    return len(result.variables) - 1


def _free_text(kind: str, number: int) -> str:
    word = f"grafana_variable_{number}_"
    return {"word": word, "number": f"90071992547{number:03}", "matcher": f'{word}=""'}[kind]


def _string(text: str, result: Hidden) -> str:
    """The string in double quotes: the parser takes no backslash between backquotes."""
    if text.startswith("`") and text.endswith("`", 1):
        text = f'"{escape(text[1:-1])}"'
    return IN_STRING.sub(lambda found: f"grafana_variable_{_number(found[0], result)}_", text)
