"""Write requirements/*.txt from pyproject.toml with uv: what the suite and the image are tested with.

`constraints.txt` pins everything that the suite installs. The others pin, with the hashes of all files on PyPI, what
the image holds (`image.txt`), what builds the wheel for it (`build.txt`), what builds the site (`docs.txt`) and what
checks a release (`release.txt`). Versions stay until `--upgrade`, or until pyproject.toml no longer allows them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
CONSTRAINTS, IMAGE, BUILD = (FOLDER / f"{name}.txt" for name in ("constraints", "image", "build"))
# Extras of what is no part of the exporter, each with a file of its own.
TOOLS = ("docs", "release")
# nkeys comes as source alone, without saying what builds it.
BUILDERS = ["setuptools>=80"]
HEADER = """\
# Made by scripts/requirements.py from pyproject.toml: change that, and run `python scripts/requirements.py`.
# For dependencies with the digest {digest}
"""


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def digest() -> str:
    """Of all that decides what is installed: by it a test tells, without a network, whether the files are current."""
    found = project()
    asked = [
        BUILDERS,
        found["build-system"]["requires"],
        found["project"]["requires-python"],
        sorted(found["project"]["dependencies"]),
        {name: sorted(each) for name, each in found["project"]["optional-dependencies"].items()},
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def pins(file: Path) -> dict[str, str]:
    """Version by name, as PyPI spells names."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = [re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line) for line in lines]
    return {canonicalize_name(each[1]): each[2] for each in found if each}


def compile_pins(source: Path, into: Path, *options: str | Path, upgrade: bool) -> None:
    if upgrade:
        into.unlink(missing_ok=True)  # what stands there is preferred
    uv = Path(sys.executable).with_name("uv")
    argv: list[str | Path] = [
        *(uv if uv.exists() else "uv", "pip", "compile", "--quiet", source, "--output-file", into),
        *("--universal", "--python-version", "3.11", "--no-header", "--no-annotate", *options),
    ]
    subprocess.run(argv, check=True, cwd=ROOT)
    into.write_text(HEADER.format(digest=digest()) + into.read_text())


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="the newest versions of everything")
    upgrade = parser.parse_args(argv).upgrade
    FOLDER.mkdir(exist_ok=True)
    pyproject = ROOT / "pyproject.toml"
    with tempfile.TemporaryDirectory() as name:
        extras = [f"--extra={extra}" for extra in ("test", *TOOLS)]
        compile_pins(pyproject, CONSTRAINTS, *extras, upgrade=upgrade)
        hashed = ("--constraint", CONSTRAINTS, "--generate-hashes")
        compile_pins(pyproject, IMAGE, *hashed, upgrade=upgrade)
        asked = {extra: project()["project"]["optional-dependencies"][extra] for extra in TOOLS}
        asked["build"] = [*project()["build-system"]["requires"], *BUILDERS]
        for each, lines in asked.items():
            source = Path(name) / f"{each}.in"
            source.write_text("\n".join(lines))
            compile_pins(source, FOLDER / f"{each}.txt", *hashed, upgrade=upgrade)
    return 0


if __name__ == "__main__":
    sys.exit(main())
