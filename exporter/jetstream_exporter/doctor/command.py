"""`jetstream-exporter doctor`. Exit code 0: all is right, 1: problems, 2: wrong flags or a wrong configuration."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
from collections.abc import Sequence

from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.arguments import Parser
from jetstream_exporter.config.urls import UrlKind, check_url
from jetstream_exporter.doctor import checks, exporter, prometheus
from jetstream_exporter.doctor.facts import gather
from jetstream_exporter.doctor.result import Result, State, is_problem, worst
from jetstream_exporter.runtime import interrupt, log
from jetstream_exporter.runtime.flags import add_config_file, add_target
from jetstream_exporter.runtime.terminal import (
    count_of,
    one_line,
    painted,
    printed,
    takes_colour,
)

PROG = "jetstream-exporter doctor"
COLOURS = {State.ERROR: "31", State.WARNING: "33", State.OK: "32", State.SKIPPED: "36"}
VERSION = 1  # of the JSON
WRONG = 2  # exit code
HTTP = ("http", "https")
NO_LOGIN = "it is asked without a login"
EXPORTER = UrlKind(HTTP, "http://jetstream-exporter:18222", NO_LOGIN)
PROMETHEUS = UrlKind(HTTP, "http://prometheus:9090", NO_LOGIN)
SLOW = Result(
    "port",
    State.ERROR,
    "all targets",
    "the responses could not be read in time",
    "Raise collect.timeout in the configuration file.",
)
EPILOG = """\
examples:
  jetstream-exporter doctor --config.file exporter.yaml
      check everything that the exporter with this configuration would ask, from this machine or pod
  jetstream-exporter doctor --target http://nats-0:8222 --exporter http://jetstream-exporter:18222
      check a server, and a running exporter
  jetstream-exporter doctor --config.file exporter.yaml --prometheus http://prometheus:9090
      check also that Prometheus scrapes the exporter, keeps its labels and has its rules
  kubectl exec deploy/jetstream-exporter -- python3 -m jetstream_exporter doctor \\
      --config.file /etc/jetstream-exporter/config/config.yaml
      run it where the exporter runs; `helm test` does the same

It checks names, ports, logins, permissions, secrets, clocks, name conflicts, missing targets and filters, and says of
each what was seen and what to do. It asks the same sources as an audit: it reads no advisories (it only tries their
login), and it creates, consumes and changes nothing.

exit code: 0 everything that was checked is right, 1 at least one error or warning, 2 the flags or the configuration
are invalid, or the output cannot be written
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROG,
        description="Find out why values are missing: check the way from the servers to Prometheus.",
        epilog=EPILOG,
    )
    add_target(parser)
    add_config_file(parser)
    add = parser.add_argument
    add("--exporter", default="", metavar="URL", help="check this running exporter as well")
    add("--prometheus", default="", metavar="URL", help="check this Prometheus server as well")
    add("--format", choices=("text", "json"), default="text", help="default: text")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The subcommand; `argv` is what follows the word doctor."""
    arguments = make_parser().parse_args(argv)
    code = 0
    try:
        interrupt.raise_again()
        log.configure("critical", "logfmt")  # what would be logged is said here
        found = asyncio.run(examined(arguments))
    except ConfigError as error:
        found, code = [checks.unusable(error)], WRONG
    except KeyboardInterrupt:
        return interrupt.INTERRUPTED
    write = as_json if arguments.format == "json" else text
    if not printed(write(found), PROG):
        return WRONG
    return code or int(any(map(is_problem, found)))


async def examined(arguments: argparse.Namespace) -> list[Result]:
    check_flags(arguments)
    try:
        found = checks.results(await gather(arguments.config_file, arguments.target))
    except TimeoutError:
        found = [SLOW]
    if arguments.exporter:
        found += await exporter.results(arguments.exporter)
    if arguments.prometheus:
        found += await prometheus.results(arguments.prometheus)
    return found


def check_flags(arguments: argparse.Namespace) -> None:
    """ConfigError if a flag holds no URL, or a password: before anything is asked, and without repeating it."""
    if arguments.exporter:
        check_url(arguments.exporter, EXPORTER, "--exporter")
    if arguments.prometheus:
        check_url(arguments.prometheus, PROMETHEUS, "--prometheus")


def text(results: Sequence[Result]) -> str:
    """A line for each result, and below it what to do."""
    colour = takes_colour(sys.stdout)
    lines = []
    for each in results:
        word = f"{each.state:<7}"
        if colour:
            word = painted(word, COLOURS[each.state])
        lines.append(f"{word} {each.check:<10} " + one_line(f"{each.object}: {each.seen}"))
        if each.advice:
            lines.append(f"        do: {one_line(each.advice)}")
    counts = [
        count_of(sum(each.state is state for each in results), state)
        for state in State
        if any(each.state is state for each in results)
    ]
    return "\n".join([*lines, "", ", ".join(counts)]) + "\n"


def as_json(results: Sequence[Result]) -> str:
    document = {
        "version": VERSION,
        "worst": worst(results),
        "results": [dataclasses.asdict(each) for each in results],
    }
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
