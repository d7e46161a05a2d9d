"""Shorten the shipped rules and Alertmanager's waits: minutes become seconds.

The rules come from `rules/template.json`, in which every span of time is a token.

python -m jetstream_exporter.demo.stack.fast --to short/
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from jetstream_exporter.demo.stack.files import shipped

FACTOR = 60
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
NAMES = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
# Some things do not hurry with us: an election still takes 4 to 9 seconds, a leader that lost its majority keeps its
# name for up to 20, and a busy machine misses scrapes. What judges a server, a group or a target waits this long.
FLOOR = 20
TOKEN = re.compile(r"<<([^<>]+)>>")
OF_THE_TEMPLATE = ("of", "real_time", "threshold")  # what a rule has there alone
SPELT = re.compile(r"(\d+) (second|minute|hour|day)s?")
# The waits of Alertmanager's routes.
WAITS = ("group_wait", "group_interval", "repeat_interval")


def seconds(text: str) -> int:
    return sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", text))


def shorten(text: str, factor: float = FACTOR, floor: float = 1) -> str:
    """A span as Prometheus writes them, divided."""
    length = max(seconds(text) / factor, floor)
    return f"{round(length)}s" if length >= 1 else f"{round(1000 * length)}ms"


def spelt(text: str, factor: float = FACTOR) -> str:
    """A span as sentences write them, divided: 10 minutes are 10 seconds."""
    number, unit = SPELT.fullmatch(text).groups()  # type: ignore[union-attr]  # the template's own tokens
    length = int(number) * NAMES[unit] / factor
    for name in ("day", "hour", "minute", "second"):
        if length >= NAMES[name] and length % NAMES[name] == 0:
            break
    count = round(length / NAMES[name])
    return f"{count} {name}{'' if count == 1 else 's'}"


def filled(text: str, settings: Mapping[str, str], factor: float = FACTOR) -> str:
    """The text with every span shortened and every other token replaced by its setting."""

    def value(token: re.Match[str]) -> str:
        name = token[1]
        if SPELT.fullmatch(name):
            return spelt(name, factor)
        return shorten(name, factor) if name[0].isdigit() else settings.get(name, "")

    return TOKEN.sub(value, text)


def rule(
    body: Mapping[str, Any], settings: Mapping[str, str], factor: float = FACTOR
) -> dict[str, Any]:
    """A rule of the template, shortened."""
    settings = {**settings, "threshold": body.get("threshold", "")}
    short = {name: value for name, value in body.items() if name not in OF_THE_TEMPLATE}
    short["expr"] = filled(body["expr"], settings, factor)
    if "for" in body:
        short["for"] = shorten(body["for"], factor, FLOOR if body.get("real_time") else 1)
    if "keep_firing_for" in body:
        short["keep_firing_for"] = shorten(body["keep_firing_for"], factor)
    if "annotations" in body:
        texts = body["annotations"].items()
        short["annotations"] = {name: filled(text, settings, factor) for name, text in texts}
    return short


def rules(
    file: Mapping[str, Any], settings: Mapping[str, str], factor: float = FACTOR
) -> dict[str, Any]:
    """A whole rule file of the template, shortened."""
    return {
        "groups": [
            {
                "name": group["name"],
                "interval": shorten(group["interval"], factor),
                "rules": [rule(body, settings, factor) for body in group["rules"]],
            }
            for group in file["groups"]
        ]
    }


def write_rules(folder: Path, factor: float = FACTOR) -> list[Path]:
    """Write all rule files, shortened, into the folder."""
    template = json.loads(shipped("rules/template.json").read_text())
    written = []
    for file in template["files"]:
        target = folder / f"{file['subject']}.yaml"
        content = rules(file, template["settings"], factor)
        target.write_text(yaml.safe_dump(content, width=1000))
        written.append(target)
    return written


def route(content: Mapping[str, Any], factor: float = FACTOR) -> dict[str, Any]:
    """A route of Alertmanager and those below it."""
    short = {
        name: shorten(value, factor) if name in WAITS else value for name, value in content.items()
    }
    if "routes" in content:
        short["routes"] = [route(inner, factor) for inner in content["routes"]]
    return short


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument("--factor", type=float, default=FACTOR, help=f"default: {FACTOR}")
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    for path in write_rules(arguments.to, arguments.factor):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
