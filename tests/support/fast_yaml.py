"""YAML by libyaml where there is one: rules and dashboards are megabytes, and PyYAML's own parser is slower."""

from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def load(text: str) -> Any:
    return yaml.load(text, LOADER)


def dump(content: object, **options: Any) -> str:
    written: str = yaml.dump(content, Dumper=DUMPER, **options)
    return written
