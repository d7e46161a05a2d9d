"""Regular expressions of somebody else, matched by Python, which may take for ever where Prometheus does not."""

from __future__ import annotations

import re

# So much costs less than a hundredth of a second for a name; no more is tried.
LONGEST = 500
MOST_REPEATED, MOST_GROUPS = 3, 2
REPEATED_GROUP = re.compile(r"\)[*+?{]|\[\[:")
REPEATED = re.compile(r"[*+?{]")


def matches(pattern: str, text: str) -> bool | None:
    """Whether it matches the whole text; None where that cannot be told."""
    if not is_easy(pattern):
        return None
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return None


def is_easy(pattern: str) -> bool:
    return (
        len(pattern) <= LONGEST
        and not REPEATED_GROUP.search(pattern)
        and len(REPEATED.findall(pattern)) <= MOST_REPEATED
        and pattern.count("(") <= MOST_GROUPS
    )
