"""Write the configuration's JSON Schema into the schema of the chart's values: `python scripts/config_schema.py`.

With --check nothing is written, and the exit code is 1 if the committed file is out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from jetstream_exporter.config.json_schema import schema

CHART = Path(__file__).resolve().parent.parent / "helm" / "values.schema.json"
CONFIG = "Config"


def with_config(values: dict[str, Any]) -> dict[str, Any]:
    """The chart's schema, in which the value `config` is the configuration file."""
    config = schema()
    definitions = config.pop("$defs")
    unnamed = {key: value for key, value in config.items() if key not in ("$schema", "title")}
    values["properties"]["config"] = {"$ref": f"#/$defs/{CONFIG}"}
    kept = {name: one for name, one in values.get("$defs", {}).items() if name[0].islower()}
    values["$defs"] = {**kept, CONFIG: unnamed, **definitions}
    return values


def text() -> str:
    return json.dumps(with_config(json.loads(CHART.read_text(encoding="utf-8"))), indent=2) + "\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare")
    if parser.parse_args(argv).check:
        return int(CHART.read_text(encoding="utf-8") != text())
    CHART.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
