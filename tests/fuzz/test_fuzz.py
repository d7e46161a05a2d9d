"""Nothing that a stranger sends ends anything: a bounded number of rounds of what `make fuzz` does for hours."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.mutate import ODD, TOKEN, mutated
from tests.fuzz.seeds import CASES, cases, seeds, simple
from tests.fuzz.structured import KINDS, bodies
from tests.fuzz.targets import TARGETS

ROUNDS = 75
NAMES = sorted(TARGETS)
bounded = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_what_crashed_once(name: str) -> None:
    for data in seeds(name):
        TARGETS[name](data)


@pytest.mark.parametrize("name", NAMES)
def test_mutations_of_what_is_well_formed(name: str) -> None:
    rng = random.Random(name)
    begun = seeds(name)
    for _ in range(ROUNDS):
        TARGETS[name](mutated(rng.choice(begun), rng))


@pytest.mark.parametrize("name", NAMES)
@bounded
@given(data=st.binary(max_size=200))
def test_any_bytes(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.parametrize("name", sorted(KINDS))
@bounded
@given(data=st.data())
def test_answers_of_the_right_shape_with_unlikely_contents(name: str, data: st.DataObject) -> None:
    TARGETS[name](data.draw(bodies(name)))


@pytest.mark.parametrize("name", ["monitoring", "account", "events"])
def test_an_odd_value_in_the_place_of_each(name: str) -> None:
    """In every place of the small seeds, each time another of the odd values."""
    odd = itertools.cycle(ODD)
    for seed in (seed for seed in simple(name) if len(seed) < 1_000):
        for token in TOKEN.finditer(seed):
            TARGETS[name](seed[: token.start()] + next(odd) + seed[token.end() :])


def test_a_crash_becomes_a_case() -> None:
    """Each folder of cases belongs to a target that replays it."""
    assert {path.name for path in CASES.iterdir()} <= set(NAMES)
    assert sum(len(cases(name)) for name in NAMES) > 0
