"""`jetstream-exporter audit`. Exit code 0: nothing to fix, 1: findings, 2: wrong flags or nothing to check."""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
from collections.abc import Sequence
from typing import Any

from jetstream_exporter import log
from jetstream_exporter.audit import consumers, kubernetes, manifests, report, servers, streams
from jetstream_exporter.audit.documents import ManifestError
from jetstream_exporter.audit.finding import Check, Finding, Severity, judge, ordered
from jetstream_exporter.audit.observe import Observation, observe
from jetstream_exporter.config import ConfigError
from jetstream_exporter.terminal import one_line, takes_colour

LIVE: tuple[Check[Observation], ...] = (*servers.CHECKS, *streams.CHECKS, *consumers.CHECKS)
MANIFESTS: tuple[Check[manifests.Workloads], ...] = kubernetes.CHECKS
NAMES = [*(check.name for check in LIVE), *(check.name for check in MANIFESTS)]
FAIL_ON: dict[str, Severity | None] = {**{str(s): s for s in Severity}, "never": None}
PROG = "jetstream-exporter audit"
SLOW = "the answers could not be read in time; raise collect.timeout in a --config.file"
INTERRUPTED = 130  # as a shell calls the end by Ctrl-C
HELP = "judge a cluster, or manifests, by the production checklist"
EPILOG = """\
examples:
  jetstream-exporter audit --target http://nats-0:8222 --target http://nats-1:8222 --target http://nats-2:8222
      judge a live cluster; name all of its servers, or a name that stands for all of them
  helm template nats nats/nats --values values.yaml | jetstream-exporter audit --manifests -
      judge what would be applied; without a target no server is asked
  jetstream-exporter audit --config.file exporter.yaml --format junit > audit.xml
      judge what the exporter watches, for CI

It asks the monitoring ports alone, as the exporter does, and changes nothing. Consumers are watched for some seconds
(--observe) to see how long their work takes.

exit code: 0 nothing at or above --fail-on, 1 something, 2 wrong flags, configuration or manifests
"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG,
        description="Judge a cluster, or manifests, by the production checklist.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_flags(parser)
    return parser


def _add_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--target",
        action="append",
        default=[],
        metavar="URL",
        help="a server's monitoring URL; repeatable (default: http://localhost:8222)",
    )
    add(
        "--config.file",
        dest="config_file",
        default="",
        metavar="FILE",
        help="the exporter's configuration",
    )
    add(
        "--manifests",
        action="append",
        default=[],
        metavar="DIR",
        help="rendered Kubernetes YAML: a folder, a file, or - for standard input; repeatable",
    )
    add(
        "--observe",
        type=_seconds,
        default=5.0,
        metavar="SECONDS",
        help="how long consumers are watched; 0 leaves out ack-wait-short (default: 5)",
    )
    add("--format", choices=report.FORMATS, default="text", help="default: text")
    add(
        "--fail-on",
        choices=FAIL_ON,
        default="warning",
        help="the least severity that makes the exit code 1 (default: warning)",
    )
    add(
        "--skip",
        action="append",
        default=[],
        choices=NAMES,
        metavar="CHECK",
        help="leave out a check; repeatable",
    )
    add("--list", action="store_true", dest="list_checks", help="list the checks and end")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 3600")
    return seconds


def main(argv: Sequence[str] | None = None) -> int:
    """The subcommand; `argv` is what follows the word audit."""
    arguments = make_parser().parse_args(argv)
    if arguments.list_checks:
        print(listing(), end="")
        return 0
    try:
        findings, checks = _judge(arguments)
    except (ConfigError, ManifestError) as error:
        print(one_line(f"{PROG}: {error}"), file=sys.stderr)
        return 2
    except TimeoutError:
        print(f"{PROG}: {SLOW}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name need not fit into the terminal's encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    if arguments.format == "text":
        print(report.text(findings, checks, colour=takes_colour(sys.stdout)), end="")
    else:
        print(report.FORMATS[arguments.format](findings, checks), end="")
    least = FAIL_ON[arguments.fail_on]
    return int(least is not None and any(finding.severity >= least for finding in findings))


def _judge(arguments: argparse.Namespace) -> tuple[list[Finding], list[Check[Any]]]:
    findings: list[Finding] = []
    checks: list[Check[Any]] = []
    if arguments.manifests:
        found = manifests.workloads(manifests.read(arguments.manifests))
        if not found:
            raise ManifestError(
                f"{', '.join(arguments.manifests)}: no StatefulSet, Deployment or DaemonSet there runs nats-server"
            )
        offline = [check for check in MANIFESTS if check.name not in arguments.skip]
        findings += judge(offline, found)
        checks += offline
    if arguments.target or arguments.config_file or not arguments.manifests:
        log.configure("error", "logfmt")
        seen = asyncio.run(observe(arguments.config_file, arguments.target, arguments.observe))
        live = [check for check in LIVE if check.name not in arguments.skip]
        findings += judge(live, seen)
        checks += live
    return ordered(findings), checks


def listing() -> str:
    """Every check in a line: where it looks, its severity, its name, and what holds where it passes."""
    lines = [
        f"{kind:<9}  {check.severity!s:<7}  {check.name:<28}  {check.title}"
        for kind, group in (("live", LIVE), ("manifests", MANIFESTS))
        for check in group
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
