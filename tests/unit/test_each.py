"""One test for many values fails for each value that is wrong, and says which."""

import inspect

import pytest
from tests.support.each import each


def test_all_that_fail_are_told_by_name() -> None:
    @each("number", [1, 2, 3, 4], ids=lambda number: f"n{number}")
    def odd(number: int) -> None:
        assert number % 2

    with pytest.raises(ExceptionGroup, match="2 of 4 failed") as raised:
        odd()
    assert [error.__notes__ for error in raised.value.exceptions] == [
        ["number: n2"],
        ["number: n4"],
    ]


def test_fixtures_reach_it_and_the_value_is_none() -> None:
    seen = []

    @each("word", ["a", "b"])
    def note(word: str, tmp_path: str) -> None:
        seen.append((word, tmp_path))

    assert list(inspect.signature(note).parameters) == ["tmp_path"]
    note(tmp_path="here")
    assert seen == [("a", "here"), ("b", "here")]


def test_no_value_at_all_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="no value of word"):
        each("word", [])


def test_what_fails_by_word_keeps_no_other_value_from_its_turn() -> None:
    @each("number", [1, 2])
    def never(number: int) -> None:
        pytest.fail(f"not {number}")

    with pytest.raises(BaseExceptionGroup, match="2 of 2 failed"):
        never()


def test_a_test_that_nobody_would_await_is_a_mistake() -> None:
    async def test(number: int) -> None: ...

    with pytest.raises(AssertionError, match="await"):
        each("number", [1])(test)
