"""Flags from the environment, as containers expect: `JETSTREAM_EXPORTER_LOG_LEVEL` is `--log.level`. The flag wins."""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping

from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.hints import did_you_mean

PREFIX = "JETSTREAM_EXPORTER_"
WITHOUT = ("help", "version", "config.check", "config.schema")  # what is done once, and by hand
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
# Kubernetes gives every pod such variables of a Service that is named jetstream-exporter.
_SERVICE = re.compile(
    r"(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def variable(action: argparse.Action) -> str | None:
    """The name of a flag's variable; None for a flag that has none."""
    flag = next((name[2:] for name in action.option_strings if name.startswith("--")), "")
    if not flag or flag in WITHOUT:
        return None
    return PREFIX + re.sub(r"\W", "_", flag).upper()


def fill(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, environ: Mapping[str, str]
) -> dict[str, str]:
    """Set what no flag set, and return those flags with their variables. An empty variable is not set.

    ConfigError names a variable whose value cannot be used.
    """
    taken: dict[str, str] = {}
    for action in parser._actions:
        name = variable(action)
        written = environ.get(name, "").strip() if name else ""
        if name and written and getattr(arguments, action.dest) is None:
            setattr(arguments, action.dest, _value(action, name, written))
            taken[action.option_strings[-1]] = name
    return taken


def _value(action: argparse.Action, name: str, written: str) -> object:
    if action.nargs == 0:
        return _flag(name, written)
    if isinstance(action, argparse._AppendAction):
        return re.split(r"[\s,]+", written.strip(", "))
    if action.choices is not None and written not in action.choices:
        choices = ", ".join(map(str, action.choices))
        raise ConfigError(f"{name}: {written!r} is not one of {choices}")
    return written


def _flag(name: str, written: str) -> bool:
    if written.lower() not in YES + NO:
        raise ConfigError(f"{name}: {written!r} is neither true nor false")
    return written.lower() in YES


def unknown(parser: argparse.ArgumentParser, environ: Iterable[str]) -> Iterator[str]:
    """A sentence for each variable that looks like one of ours and is none."""
    known = {name for action in parser._actions if (name := variable(action))}
    for name in sorted(environ):
        rest = name.removeprefix(PREFIX)
        if name.startswith(PREFIX) and name not in known and not _SERVICE.fullmatch(rest):
            yield f"{name} is not an environment variable of this exporter{did_you_mean(name, known)}"
