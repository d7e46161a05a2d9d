from pathlib import Path

import pytest
from tests.support.once import once
from tests.support.released import make_release


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository after its release, which one test process made."""
    return once(tmp_path_factory, "release", make_release)


@pytest.fixture
def built(tree: Path) -> Path:
    return tree / "dist"
