"""What several tests of our HTTP side stand on; a module whose site is another one has its own."""

from collections.abc import AsyncIterator

import pytest
from tests.support.fake_nats import FakeNats, fake_nats
from tests.support.web import Web, web


@pytest.fixture
async def fake() -> AsyncIterator[FakeNats]:
    """A server that answers as it is told."""
    async with fake_nats() as server:
        yield server


@pytest.fixture
async def site(fake: FakeNats) -> AsyncIterator[Web]:
    """Our pages over that server."""
    async with web([fake.url]) as site:
        yield site
