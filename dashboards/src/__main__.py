"""Write the boards into dashboards/*.json: `python -m dashboards.src`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dashboards.src.boards import BOARDS, shadow

FOLDER = Path(__file__).resolve().parents[1]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m dashboards.src", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where a file differs"
    )
    check = parser.parse_args(argv).check
    stale = [
        board for board in (*BOARDS, shadow.BOARD) if read(FOLDER / board.file) != board.text()
    ]
    for board in stale:
        if check:
            print(f"dashboards/{board.file} is not what dashboards/src makes", file=sys.stderr)
        else:
            (FOLDER / board.file).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / board.file).write_text(board.text(), encoding="utf-8")
            print(f"dashboards/{board.file}")
    return int(check and bool(stale))


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
