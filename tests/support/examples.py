"""With how many examples a property is tried: all in `make test`, a share of them in `make unit`."""

from typing import Any

from hypothesis import settings

WHOLE = 100  # examples of a property that says none, in `make test`; fewer in a shorter profile


def examples(count: int, **more: Any) -> settings:
    """So many, or the share of them that the profile tries. For what costs more or less than others."""
    share = settings.default.max_examples / WHOLE
    return settings(max_examples=max(1, round(count * share)), **more)
