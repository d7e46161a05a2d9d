"""What flags of several commands read."""

import argparse
import math
from collections.abc import Callable


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add `--target`, for the commands that ask servers themselves."""
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="URL",
        help="monitoring URL of a server; repeatable (default: http://localhost:8222)",
    )


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """Add `--config.file`, for the commands that read what the exporter reads."""
    parser.add_argument(
        "--config.file",
        dest="config_file",
        default="",
        metavar="FILE",
        help="the exporter's configuration",
    )


def seconds(least: float, most: float) -> Callable[[str], float]:
    """For `type=` of a flag: a number of seconds within these bounds, which belong to it."""

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not least <= found <= most:
            what = f"{text!r} is not a number between {least:g} and {most:g}"
            raise argparse.ArgumentTypeError(what)
        return found

    return read
