"""Write the rule files: `python -m rules.src`.

Without arguments everything that is committed is written anew. With --to the YAML alone is written into a folder, with
the settings given.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rules.src import aggregates, compat, page, shadow, template
from rules.src.config import Config
from rules.src.tables import FILES
from rules.src.yaml_text import rule_file

RULES = Path(__file__).resolve().parent.parent
EVERY_FILE = (*FILES, *compat.FILES, *shadow.FILES, *aggregates.FILES)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rules.src", description=__doc__, allow_abbrev=False
    )
    default = Config()
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="write the YAML alone, and here")
    parser.add_argument(
        "--selector",
        default="",
        help="what every series of the exporter must match, such as 'env=\"prod\"'",
    )
    parser.add_argument(
        "--cluster-label",
        default="",
        metavar="LABEL",
        help="a further label that tells clusters apart",
    )
    parser.add_argument("--job", default=default.job, help="default: %(default)s")
    parser.add_argument(
        "--runbook-url", default=default.runbook_url, metavar="URL", help="default: %(default)s"
    )
    parser.add_argument(
        "--dashboard-url", default=default.dashboard_url, metavar="URL", help="default: %(default)s"
    )
    return parser


def main() -> int:
    given = vars(arguments().parse_args())
    folder: Path | None = given.pop("to")
    config = Config(**{name: value.rstrip("/") for name, value in given.items()})
    if folder is None and config != Config():
        print("rules.src: give --to FOLDER; the committed files have no settings", file=sys.stderr)
        return 2
    target = folder or RULES
    for file in EVERY_FILE:
        path = target / f"{file.subject}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rule_file(file, config))
    if folder is None:
        template.PATH.write_text(template.text())
        page.PATH.write_text(page.text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
