"""PromQL that gives a value another label."""

from __future__ import annotations

import textwrap


def indented(text: str) -> str:
    return textwrap.indent(text, "  ")


def renamed(inner: str, *pairs: tuple[str, str]) -> str:
    """With the first label of each pair, which has the value of the second one, where that has any."""
    for new, old in pairs:
        inner = f'label_replace(\n{indented(inner)},\n  "{new}", "$$1", "{old}", "(.+)"\n)'
    return inner


def marked(inner: str, label: str, value: str) -> str:
    """With a label of this value."""
    return f'label_replace(\n{indented(inner)},\n  "{label}", "{value}", "", ""\n)'
