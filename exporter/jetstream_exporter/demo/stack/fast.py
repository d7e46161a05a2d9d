"""Shorten the shipped rules and Alertmanager's waits: minutes become seconds. The files are the only input.

python -m jetstream_exporter.demo.stack.fast rules/*.yaml --to short/
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

FACTOR = 60
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
WORDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
# Some things do not hurry with us: an election still takes 4 to 9 seconds, a leader that lost its majority keeps its
# name for up to 20, and a busy machine misses scrapes. What judges a server, a group or a target waits this long.
FLOOR = 20
PATIENT = re.compile(
    r"has_leader|peer_current|fault_tolerance|meta_leader_info|nats_server_(up|healthy)"
    r"|\bup\{|_success_timestamp"
)
SPAN = r"(?:\d+[smhdw])+"
RANGE = re.compile(rf"\[({SPAN})(:{SPAN})?\]")
OFFSET = re.compile(rf"\boffset ({SPAN})")
SPELT = re.compile(r"\b(\d+) (second|minute|hour|day)(s?)\b")
# The waits of Alertmanager's routes.
WAITS = ("group_wait", "group_interval", "repeat_interval")


def seconds(text: str) -> int:
    return sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", text))


def spell(length: float) -> str:
    """Seconds as Prometheus writes them."""
    return f"{round(length)}s" if length >= 1 else f"{round(1000 * length)}ms"


def shorten(text: str, factor: float = FACTOR, floor: float = 1) -> str:
    return spell(max(seconds(text) / factor, floor))


def expression(text: str, factor: float = FACTOR) -> str:
    """With every range and offset shortened; names of recording rules and thresholds stay."""
    text = RANGE.sub(lambda m: f"[{shorten(m[1], factor)}]", text)
    return OFFSET.sub(lambda m: f"offset {shorten(m[1], factor)}", text)


def sentence(text: str, factor: float = FACTOR) -> str:
    """With the spans that it names shortened as the expression was: 10 minutes are 10 seconds."""

    def shorter(match: re.Match[str]) -> str:
        length = int(match[1]) * WORDS[match[2]] / factor
        for word in ("day", "hour", "minute", "second"):
            if (length >= WORDS[word] and length % WORDS[word] == 0) or word == "second":
                number = round(length / WORDS[word])
                return f"{number} {word}{'' if number == 1 else 's'}"
        raise AssertionError(match[0])

    return SPELT.sub(shorter, text)


def rule(body: Mapping[str, Any], factor: float = FACTOR) -> dict[str, Any]:
    short = {**body, "expr": expression(body["expr"], factor)}
    floor = FLOOR if PATIENT.search(body["expr"]) else 1
    if "for" in body:
        short["for"] = shorten(body["for"], factor, floor)
    if "keep_firing_for" in body:
        short["keep_firing_for"] = shorten(body["keep_firing_for"], factor)
    if "annotations" in body:
        short["annotations"] = {
            name: sentence(text, factor) for name, text in body["annotations"].items()
        }
    return short


def rules(content: Mapping[str, Any], factor: float = FACTOR) -> dict[str, Any]:
    """A whole rule file."""
    return {
        "groups": [
            {
                **group,
                "interval": shorten(group["interval"], factor),
                "rules": [rule(body, factor) for body in group["rules"]],
            }
            for group in content["groups"]
        ]
    }


def route(content: Mapping[str, Any], factor: float = FACTOR) -> dict[str, Any]:
    """A route of Alertmanager and those below it."""
    short = {
        name: shorten(value, factor) if name in WAITS else value for name, value in content.items()
    }
    if "routes" in content:
        short["routes"] = [route(inner, factor) for inner in content["routes"]]
    return short


def rewrite(source: Path, folder: Path, change: Callable[[Any], Any]) -> Path:
    target = folder / source.name
    target.write_text(yaml.safe_dump(change(yaml.safe_load(source.read_text())), width=1000))
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("files", nargs="+", type=Path, help="rule files")
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument("--factor", type=float, default=FACTOR, help=f"default: {FACTOR}")
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    for path in arguments.files:
        print(rewrite(path, arguments.to, lambda content: rules(content, arguments.factor)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
