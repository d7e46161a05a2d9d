import fcntl

import pytest
from tests.support.docs_site import Site, build


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Built once for all test processes."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-gw"):  # under xdist each process has a folder of its own
        shared = shared.parent
    folder = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "sitemap.xml").exists():  # what mkdocs writes late
            build(folder)
    return Site(folder)
