"""One test for many values. A test of its own for each costs milliseconds, which is a minute for thousands of them."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Test = Callable[..., None]


def each(
    name: str, values: Iterable[Any], ids: Callable[[Any], str] = str
) -> Callable[[Test], Test]:
    """Call the test with each of the values, like `parametrize`; all that fail are told at its end, by their ids.

    A fixture is the same for all values, and a value that is skipped skips the rest.
    """
    listed = list(values)
    assert listed, f"no value of {name}"

    def decorate(test: Test) -> Test:
        assert not inspect.iscoroutinefunction(test), "nobody would await it"

        @functools.wraps(test)
        def of_all(**fixtures: Any) -> None:
            failed: list[BaseException] = []
            for value in listed:
                try:
                    test(**fixtures, **{name: value})
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note(f"{name}: {ids(value)}")
                    failed.append(error)
            if failed:
                raise BaseExceptionGroup(f"{len(failed)} of {len(listed)} failed", failed)

        signature = inspect.signature(test)
        others = [each for each in signature.parameters.values() if each.name != name]
        of_all.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        del of_all.__wrapped__  # type: ignore[attr-defined]
        return of_all

    return decorate
