"""No process is left with a long file of tests when the others are done."""

from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.order import LONG, TESTS, begun_early


class Item:
    """What the order is made by."""

    def __init__(self, path: str, name: str) -> None:
        self.path, self.name = TESTS / path, name


def order(*items: Item) -> str:
    return "".join(cast("Any", item).name for item in begun_early(cast("list[pytest.Item]", items)))


def test_long_files_come_first_in_the_order_of_their_list() -> None:
    assert order(Item("unit/test_a.py", "a"), Item(LONG[1], "C"), Item(LONG[0], "B")) == "BCa"


def test_files_with_servers_and_files_without_take_turns() -> None:
    plain = [Item(f"unit/test_{letter}.py", letter) for letter in "abcd"]
    servers = [Item(f"integration/test_{letter}.py", letter) for letter in "STU"]
    assert order(*servers, *plain) == "SaTbUcd"


def test_a_file_stays_together_and_in_its_order() -> None:
    items = [Item("unit/test_a.py", name) for name in "abc"]
    assert order(items[0], Item("unit/test_b.py", "x"), *items[1:]) == "abcx"


def test_nothing_is_lost_where_no_file_is_long() -> None:
    assert order(*(Item(f"unit/test_{letter}.py", letter) for letter in "abcdefg")) == "abcdefg"


@pytest.mark.parametrize("name", LONG)
def test_a_file_that_is_listed_exists(name: str) -> None:
    assert Path(TESTS / name).is_file()
