"""A page that draws itself, and a headless Chromium that opens it."""

from __future__ import annotations

import html
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

Json = dict[str, Any]
HERE = Path(__file__).resolve().parent
SCRIPTS = ("format.js", "frames.js", "charts.js", "panels.js")
WIDTH, CELL, HEADER = 1552, 38, 70


def page(data: Json) -> str:
    """One file with everything in it: the board's JSON, Prometheus' answers, and what draws them."""
    said = json.dumps(data).replace("</", "<\\/")
    scripts = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = (HERE / "page.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><style>{style}</style><body>'
        f"<script>{scripts}\ndraw({said});</script></body></html>"
    )


def height(dashboard: Json) -> int:
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    return int(rows) * CELL + HEADER


def picture(chromium: Path, data: Json, target: Path) -> None:
    size = f"--window-size={WIDTH},{height(data['dashboard'])}"
    _open(chromium, data, f"--screenshot={target}", size, "--hide-scrollbars")


def report(chromium: Path, data: Json) -> Json:
    """What the page found of itself after it was laid out: problems, and panels without data."""
    dom = _open(chromium, data, "--dump-dom", f"--window-size={WIDTH},{height(data['dashboard'])}")
    found = re.search(r'<script type="application/json" id="report">(.*?)</script>', dom, re.DOTALL)
    if found is None:
        raise RuntimeError(f"the page of {data['dashboard']['title']} did not draw itself")
    said: Json = json.loads(html.unescape(found[1]))
    return said


def _open(chromium: Path, data: Json, *flags: str) -> str:
    with tempfile.TemporaryDirectory(prefix="board-") as folder:
        file = Path(folder) / "board.html"
        file.write_text(page(data), encoding="utf-8")
        return subprocess.run(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                f"--user-data-dir={folder}/profile",
                *flags,
                file.as_uri(),
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=90,
        ).stdout
