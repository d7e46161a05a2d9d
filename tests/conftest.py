"""For all tests: a property has no deadline, since machines differ; a failure comes again; real servers are slow."""

import gc
import logging
import os
from collections.abc import Generator, Iterator

import pytest
import structlog
from hypothesis import settings
from tests.support.examples import WHOLE
from tests.support.order import begun_early, starts_servers

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=WHOLE)
# `make unit` says --hypothesis-profile=short; fewest is for what the suite tries in full elsewhere.
settings.register_profile("short", settings.get_profile("suite"), max_examples=WHOLE // 5)
settings.register_profile("fewest", settings.get_profile("suite"), max_examples=WHOLE // 50)
settings.load_profile("suite")


def pytest_sessionstart() -> None:
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """The modules and the tests are no garbage, and looking at them again and again takes longer than some tests."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command that a test runs in this process configures the logging of all tests after it."""
    root = logging.getLogger()
    level = root.level
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
    if root.level != level:
        root.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    for item in items:
        if starts_servers(item.path):
            item.add_marker(pytest.mark.slow)
    yield  # which leaves out what the command line does not ask for
    if "PYTEST_XDIST_WORKER" in os.environ:
        items[:] = begun_early(items)
