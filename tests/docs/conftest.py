import pytest
from tests.support.docs_site import Site, build
from tests.support.once import once


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(once(tmp_path_factory, "site", build))
