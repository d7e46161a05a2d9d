"""No process is left with a long test when the others are done."""

from typing import Any, cast

import pytest
from tests.support.order import dealt


class Item:
    """What the order is made by."""

    def __init__(self, name: str, *marks: Any) -> None:
        self.name, self._marks = name, {each.mark.name: each.mark for each in marks}

    def get_closest_marker(self, name: str) -> Any:
        return self._marks.get(name)


def names(items: list[Item], processes: int) -> str:
    found = cast("list[Item]", dealt(cast("list[pytest.Item]", items), processes))
    return "".join(item.name for item in found)


def shorts(letters: str) -> list[Item]:
    return [Item(name) for name in letters]


def test_each_process_begins_with_its_share_of_the_long_ones_and_the_longest_is_first() -> None:
    items = [*shorts("abc"), Item("S", pytest.mark.slow), Item("T", pytest.mark.timeout(300))]
    items += [Item("U", pytest.mark.timeout(900)), *shorts("de")]
    assert names(items, 2) == "USabTcde"


def test_what_is_short_stays_in_its_order() -> None:
    assert names(shorts("abcdefg"), 3) == "abcdefg"


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_none_is_lost_where_all_are_long(processes: int) -> None:
    items = [Item(name, pytest.mark.waits) for name in "abcdefghijk"]
    assert sorted(names(items, processes)) == list("abcdefghijk")
