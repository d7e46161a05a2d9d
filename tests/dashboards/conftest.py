from collections.abc import Iterator

import pytest
from tests.support.recording import Recording, recorded, served


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """A real failure, recorded once for all test processes, and served by a Prometheus of this one."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-gw"):  # under xdist each process has a folder of its own
        shared = shared.parent
    data = recorded(shared / "recording")
    with served(data, tmp_path_factory.mktemp("served")) as ready:
        yield ready
