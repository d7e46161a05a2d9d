"""`jetstream-exporter audit`. Exit code 0: nothing to fix, 1: findings, 2: wrong flags or nothing to check."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from jetstream_exporter.audit import (
    consumers,
    drain,
    kubernetes,
    links,
    load,
    manifests,
    report,
    servers,
    streams,
)
from jetstream_exporter.audit.documents import ManifestError
from jetstream_exporter.audit.finding import Check, Finding, Severity, judge, ordered
from jetstream_exporter.audit.observe import Observation, observe, observe_everything
from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.arguments import Parser
from jetstream_exporter.runtime import interrupt, log
from jetstream_exporter.runtime.flags import add_config_file, add_target, seconds
from jetstream_exporter.runtime.terminal import one_line, printed, takes_colour

LIVE: tuple[Check[Observation], ...] = (
    *servers.CHECKS,
    *links.CHECKS,
    *load.CHECKS,
    *streams.CHECKS,
    *consumers.CHECKS,
)
MANIFESTS: tuple[Check[manifests.Workloads], ...] = kubernetes.CHECKS
GROUPS: dict[str, Sequence[Check[Any]]] = {
    "live": LIVE,
    "manifests": MANIFESTS,
    "drain": drain.CHECKS,
}
NAMES = [check.name for checks in GROUPS.values() for check in checks]
FAIL_ON: dict[str, Severity | None] = {**{str(s): s for s in Severity}, "never": None}
PROG = "jetstream-exporter audit"
WRONG = 2  # exit code
SLOW = "the responses could not be read in time; raise collect.timeout in a --config.file"
HELP = "check a cluster or manifests against the production checklist"
EPILOG = """\
examples:
  jetstream-exporter audit --target http://nats-0:8222 --target http://nats-1:8222 --target http://nats-2:8222
      check a running cluster; list all of its servers, or one DNS name that resolves to all of them
  helm template nats nats/nats --values values.yaml | jetstream-exporter audit --manifests -
      check manifests before they are applied; without a target no server is asked
  jetstream-exporter audit --config.file exporter.yaml --format junit > audit.xml
      check everything that the exporter monitors, and write a report for CI
  jetstream-exporter audit --without nats-1 --target http://nats-0:8222 --target http://nats-1:8222 ...
      may nats-1 be stopped now? What loses its majority or its only replica, and what it leads; nothing else is checked

The audit asks the targets, and with --config.file also the system account and the accounts in that file. It uses no
advisories, and it creates, consumes and changes nothing. The sources that it asked are listed at the end.
It observes consumers for some seconds (--observe) to measure how long acknowledgements take.

exit code: 0 no finding at or above --fail-on, 1 at least one finding, 2 invalid flags, configuration or manifests, or
the output cannot be written
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROG,
        description="Check a running cluster, or Kubernetes manifests, against the production checklist.",
        epilog=EPILOG,
    )
    _add_flags(parser)
    return parser


def _add_flags(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add_config_file(parser)
    add = parser.add_argument
    add(
        "--manifests",
        action="append",
        default=[],
        metavar="DIR",
        help="rendered Kubernetes YAML: a folder, a file, or - for standard input; repeatable",
    )
    add(
        "--observe",
        type=seconds(0, 3600),
        default=5.0,
        metavar="SECONDS",
        help="time to observe consumers; 0 skips the check ack-wait-short (default: 5)",
    )
    add(
        "--without",
        metavar="SERVER",
        help="check only whether this server can be stopped now; SERVER or CLUSTER/SERVER",
    )
    add("--format", choices=report.FORMATS, default="text", help="default: text")
    add(
        "--fail-on",
        choices=FAIL_ON,
        default="warning",
        help="lowest severity for exit code 1 (default: warning)",
    )
    add(
        "--skip",
        action="append",
        default=[],
        choices=NAMES,
        metavar="CHECK",
        help="skip a check; repeatable",
    )
    add("--list", action="store_true", dest="list_checks", help="list the checks and exit")


def main(argv: Sequence[str] | None = None) -> int:
    """The subcommand; `argv` is what follows the word audit."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.without == "":
        parser.error("argument --without: the name of a server is needed, and this is empty")
    if arguments.without and arguments.manifests:
        parser.error("--without needs a running cluster, so it cannot be combined with --manifests")
    if arguments.list_checks:
        return 0 if printed(listing(), PROG) else WRONG
    try:
        interrupt.raise_again()
        judge_all = _judge_without if arguments.without else _judge
        findings, checks, seen = judge_all(arguments)
    except (ConfigError, ManifestError) as error:
        print(one_line(f"{PROG}: {error}"), file=sys.stderr)
        return WRONG
    except TimeoutError:
        print(f"{PROG}: {SLOW}", file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        return interrupt.INTERRUPTED
    # On standard error, so that every format of the report stays what its readers parse.
    for line in sources_of(seen) if seen is not None else ():
        print(one_line(f"{PROG}: {line}"), file=sys.stderr)
    if arguments.format == "text":
        text = report.text(findings, checks, colour=takes_colour(sys.stdout))
        if arguments.without and seen is not None:
            verdict = drain.verdict(findings, drain.of(arguments.without, seen).server)
            text = f"{one_line(verdict)}\n\n{text}"
    else:
        text = report.FORMATS[arguments.format](findings, checks)
    if not printed(text, PROG):
        return WRONG
    least = FAIL_ON[arguments.fail_on]
    return int(least is not None and any(finding.severity >= least for finding in findings))


def _judge_without(
    arguments: argparse.Namespace,
) -> tuple[list[Finding], list[Check[Any]], Observation | None]:
    """Of one moment: a server that was seen some seconds ago is not the one that is stopped now."""
    log.configure("error", "logfmt")
    seen = asyncio.run(observe_everything(arguments.config_file, arguments.target))
    checks = [check for check in drain.CHECKS if check.name not in arguments.skip]
    return ordered(judge(checks, drain.of(arguments.without, seen))), list(checks), seen


def sources_of(seen: Observation) -> list[str]:
    """Which sources were asked, and which configured ones were not, in a sentence each."""
    lines = [f"asked {', '.join(seen.sources) or 'no source'}"]
    if seen.unused:
        why = "the exporter needs their advisories, and reading them would take them away from it"
        lines.append(f"did not use {', '.join(seen.unused)}: {why}")
    return lines


def _judge(
    arguments: argparse.Namespace,
) -> tuple[list[Finding], list[Check[Any]], Observation | None]:
    seen = None
    findings: list[Finding] = []
    checks: list[Check[Any]] = []
    if arguments.manifests:
        found = manifests.workloads(manifests.read(arguments.manifests))
        if not found:
            raise ManifestError(
                f"{', '.join(arguments.manifests)}: no StatefulSet, Deployment or DaemonSet "
                "in it runs nats-server"
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
    return ordered(findings), checks, seen


def listing() -> str:
    """Every check in a line: where it looks, its severity, its name, and what holds where it passes."""
    lines = [
        f"{kind:<9}  {check.severity!s:<7}  {check.name:<28}  {check.title}"
        for kind, group in GROUPS.items()
        for check in group
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
