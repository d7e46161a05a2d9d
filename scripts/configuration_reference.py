"""Write CONFIGURATION.md from the schemas and the flags: `python scripts/configuration_reference.py`.

With --check nothing is written, and the exit code is 1 if the committed file is out of date.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from jetstream_exporter.__main__ import make_parser
from jetstream_exporter.config.schema import Config
from jetstream_exporter.config.values import Duration, Pattern, Size
from jetstream_exporter.web.config import WebConfig

REFERENCE = Path(__file__).resolve().parent.parent / "CONFIGURATION.md"
KINDS: dict[Any, str] = {
    str: "string",
    int: "whole number",
    bool: "true or false",
    float: "number",
    Duration: "duration",
    Size: "size",
    Pattern: "pattern",
}

EXAMPLE = """\
clusters:
  - name: orders
    targets:
      - http://nats-headless.nats.svc:8222   # resolves to every server
  - name: edge
    targets: [https://edge-0.example:8222, https://edge-1.example:8222]
    http:
      username: prometheus
      password_env: EDGE_PASSWORD
collect:
  timeout: 10s
  config_interval: 5m
filters:
  streams:
    exclude: ["KV_.*", "OBJ_.*"]
families:
  disabled: [jetstream_stream_messages_ratio]
"""

OPENING = f"""\
# Configuration

<!-- Made by scripts/configuration_reference.py from the schemas and the flags: change those. -->

No configuration is required: without a file and without `--target`, the exporter scrapes the server at
`http://localhost:8222`. `--config.file` names a YAML file:

```yaml
{EXAMPLE}```

- Unknown keys and invalid values are rejected with the file, the line, the key and exit code 2. `jetstream-exporter
  --config.file FILE --config.check` checks a file and exits.
- The exporter reloads the file on SIGHUP and, with `--web.enable-lifecycle`, on `POST /-/reload`. If the file is
  invalid, the current configuration stays active, `jetstream_exporter_config_last_reload_successful` is 0, and the
  log contains the reason. Sources with unchanged settings keep running, and counters, lag and the history of
  leaders are kept. Flags and the file of `--web.config.file` are read at start only; the certificates that the
  latter names are reloaded whenever their files change.
- Each flag can also be set by the environment variable in brackets after its meaning. A flag on the command line
  takes precedence. `JETSTREAM_EXPORTER_TARGET` and `JETSTREAM_EXPORTER_WEB_LISTEN_ADDRESS` accept several values,
  separated by spaces or commas.
- Secrets are read from separate files or from environment variables, never from this file, a flag or a URL. Line ends
  before and after a secret are dropped; spaces belong to it.
- File names in the configuration are relative to the folder of the configuration file.
- A *duration* is written as `30s`, `5m`, `1h30m` or `250ms`; a *size* as `1048576`, `64KiB` or `256MiB`. A
  *pattern* is a Python regular expression that must match the whole name.
"""

FLAGS = """\
## Flags

| flag | meaning |
|---|---|"""

WEB = """\
## Web configuration: TLS and users

The file of `--web.config.file` has the format of the Prometheus exporter-toolkit. This list contains every key of that
format; a key that the exporter does not support is rejected with the reason. `/-/healthy` and `/-/ready` require no
password, because a kubelet has none. If more logins arrive at once than can be checked, the rest get status 429.
"""


def reference() -> str:
    parts = [
        OPENING,
        FLAGS,
        *flags(),
        "",
        *sections(Config, []),
        WEB,
        *sections(WebConfig, [], "###"),
    ]
    return "\n".join(parts).rstrip() + "\n"


def flags() -> Iterator[str]:
    for action in make_parser()._actions:
        flag = next((option for option in action.option_strings if option.startswith("--")), "")
        if flag:
            choices = ", ".join(map(str, action.choices)) if action.choices else action.metavar
            written = f"{flag} {choices}" if choices else flag
            yield f"| `{written}` | {cell(action.help or '')} |"


def sections(kind: type[msgspec.Struct], paths: list[str], mark: str = "##") -> Iterator[str]:
    """One table a kind of mapping, the outermost first, under the paths where it may stand."""
    inner: dict[type[msgspec.Struct], list[str]] = {}
    title = ", ".join(f"`{path}`" for path in paths) or "The file"
    yield f"{mark} {title}\n"
    if kind.__doc__:
        yield f"{inspect.cleandoc(kind.__doc__)}\n"
    yield "| key | kind | default | meaning |"
    yield "|---|---|---|---|"
    for field in msgspec.structs.fields(kind):
        written, meaning = bare(field.type)
        below = struct_in(written)
        if below:
            end = "[]" if get_origin(written) is list else ""
            places = [f"{path}.{field.name}{end}" for path in paths] or [f"{field.name}{end}"]
            inner.setdefault(below, []).extend(places)
        yield f"| `{field.name}` | {name(written)} | {default(field)} | {cell(meaning)} |"
    yield ""
    for below, places in inner.items():
        yield from sections(below, places, mark)


def bare(kind: Any) -> tuple[Any, str]:
    """A field's type without its annotation, and what the annotation says."""
    if get_origin(kind) is not Annotated:
        return kind, ""
    written, *metas = get_args(kind)
    said = [m.description for m in metas if isinstance(m, msgspec.Meta) and m.description]
    return written, " ".join(said)


def struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The mapping that a field holds, directly, in a list, or perhaps."""
    if get_origin(kind) in (list, Union, UnionType):
        return next(filter(None, map(struct_in, get_args(kind))), None)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return None


def name(kind: Any) -> str:
    kind, _ = bare(kind)
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) is list:
        return f"list of {names(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return f"mapping of {names(get_args(kind)[1])}"
    if get_origin(kind) in (Union, UnionType):
        return next(name(part) for part in get_args(kind) if part is not NoneType)
    return KINDS.get(kind, "mapping")


def names(kind: Any) -> str:
    """Several of them."""
    kind, _ = bare(kind)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) in (list, dict):
        one, _, what = name(kind).partition(" of ")
        return f"{one}s of {what}"
    return f"{name(kind)}s"


def default(field: msgspec.structs.FieldInfo) -> str:
    """As the file would write it; empty where it is empty."""
    value = field.default
    if value is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return "required"
    if value is msgspec.NODEFAULT or value in ("", None) or isinstance(value, msgspec.Struct):
        return ""
    return f"`{cell(written_as(value))}`"


def written_as(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Duration):
        return duration(value)
    if isinstance(value, Size):
        return size(value)
    return str(value)


def duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s" if seconds else "0"


def size(count: int) -> str:
    for unit, length in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count % length == 0:
            return f"{count // length}{unit}"
    return str(count)


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; 1 if it is out of date"
    )
    wanted = reference()
    if parser.parse_args(argv).check:
        current = REFERENCE.exists() and REFERENCE.read_text(encoding="utf-8") == wanted
        if not current:
            hint = "run scripts/configuration_reference.py"
            print(f"{REFERENCE} is out of date: {hint}", file=sys.stderr)
        return 0 if current else 1
    REFERENCE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
