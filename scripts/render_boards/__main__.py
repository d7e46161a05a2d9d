"""Draw the boards from a Prometheus' data: `python -m scripts.render_boards --prometheus URL`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from scripts.render_boards import browser
from scripts.render_boards.answers import Asker

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"
CHROMIUM = ROOT / ".tools/bin/chromium"


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.render_boards", description=__doc__)
    add = parser.add_argument
    add("boards", nargs="*", metavar="UID", help="these only, such as jetstream-raft")
    add("--prometheus", default="http://localhost:9090", metavar="URL", help="default: %(default)s")
    add("--minutes", type=float, default=60, help="length of the time range (default: 60)")
    add("--until", type=float, help="its end, in seconds since 1970 (default: now)")
    add("--scrape-interval", type=float, default=15, metavar="SECONDS", help="default: 15")
    add("--choose", action="append", default=[], metavar="VARIABLE=VALUE", help="repeatable")
    add("--into", type=Path, default=FOLDER / "images", help="default: dashboards/images")
    add("--chromium", type=Path, default=CHROMIUM, help="default: that of scripts/tools.py")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    given = arguments(argv)
    end = given.until or time.time()
    chosen = dict(item.split("=", 1) for item in given.choose)
    asker = Asker(given.prometheus, end - given.minutes * 60, end, given.scrape_interval, chosen)
    given.into.mkdir(parents=True, exist_ok=True)
    for file in sorted(FOLDER.glob("*.json")):
        if not given.boards or file.stem in given.boards:
            data = asker.board(json.loads(file.read_text(encoding="utf-8")))
            browser.picture(given.chromium, data, given.into / f"{file.stem}.png")
            said = browser.report(given.chromium, data)
            print(f"{file.stem}: without data: {said['empty']}; problems: {said['problems']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
