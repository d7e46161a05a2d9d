"""By how much a counter rose, exactly: increase() extrapolates, so that a sentence would say 11 where 10 did."""

from __future__ import annotations


def difference(counter: str, window: str) -> str:
    """PromQL of the difference over the window.

    Where the counter began again at 0 within it, the counts before and after that are added. A counter that is newer
    than the window counts from its lowest value.
    """
    return f"""\
{counter} - ({counter} offset {window})
unless resets({counter}[{window}]) > 0
or
{counter} + max_over_time({counter}[{window}]) - ({counter} offset {window})
unless {counter} >= max_over_time({counter}[{window}])
or
{counter} - min_over_time({counter}[{window}])"""
