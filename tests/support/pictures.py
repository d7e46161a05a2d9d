"""The pictures of the boards in dashboards/images: `python -m tests.support.pictures` takes them anew, in 25 minutes.

A real cluster with the shipped rules: a worker hangs, a stream fills up, and the meta leader is dead for four minutes.
It prints the times that docs/dashboards.md names.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from scripts.render_boards import browser
from scripts.render_boards.answers import Asker
from tests.support.scenario import QUEUE, Scenario, scenario
from tests.support.tools import tool

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ROOT / "dashboards"
IMAGES = BOARDS / "images"
INTERVAL = 15.0  # seconds between two scrapes
CHOSEN = {
    "jetstream-stream": {"stream": "ORDERS"},
    "jetstream-consumer": {"stream": QUEUE, "consumer": "printer"},
}
# Seconds since the start. The rules have their shipped windows, and each alert gets the time that it needs.
HANGS, DIES, RETURNS, ENDS = 180, 360, 600, 1380


async def record(folder: Path, into: Path) -> None:
    async with scenario(
        folder, interval=INTERVAL, fill_pause=0.6, hang_after=HANGS, factor=1
    ) as here:
        await _until(here, DIES)
        (leader,) = await here.prometheus.ask("max by (server) (jetstream_meta_leader)")
        server = here.cluster[leader["metric"]["server"]]
        await server.kill()
        _say(f"{server.name} was killed; the worker of `printer` hung 3 minutes ago")
        await _until(here, RETURNS)
        await server.start()
        _say(f"{server.name} was started again")
        await _until(here, ENDS)
        await asyncio.to_thread(draw, here.prometheus.url, into)


async def _until(here: Scenario, after: float) -> None:
    await asyncio.sleep(here.began + after - time.time())


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M', time.gmtime())} {text}", flush=True)


def draw(url: str, into: Path) -> None:
    """Each board that has a picture, over the whole run."""
    end = time.time()
    for image in sorted(IMAGES.glob("*.png")):
        board = json.loads((BOARDS / f"{image.stem}.json").read_text(encoding="utf-8"))
        asker = Asker(url, end - ENDS - 60, end, INTERVAL, CHOSEN.get(image.stem, {}))
        data = asker.board(board)
        browser.picture(Path(tool("chromium")), data, into / image.name)
        found = browser.report(Path(tool("chromium")), data)
        _say(f"{image.stem}: without data: {found['empty']}; problems: {found['problems']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.support.pictures", description=__doc__)
    parser.add_argument("--into", type=Path, default=IMAGES, help="default: dashboards/images")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(record(Path(name), given.into))
