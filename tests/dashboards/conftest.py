from collections.abc import Iterator

import pytest
from tests.support.once import once
from tests.support.recording import Recording, record, served


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """A real failure, recorded once for all test processes, and served by a Prometheus of this one."""
    data = once(tmp_path_factory, "recording", record)
    with served(data, tmp_path_factory.mktemp("served")) as ready:
        yield ready
