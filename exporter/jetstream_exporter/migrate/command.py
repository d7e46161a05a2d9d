"""`jetstream-exporter migrate`. The exit code is the number of unresolved expressions; 125 where there is no report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jetstream_exporter.config.arguments import Parser
from jetstream_exporter.config.secrets import FileError
from jetstream_exporter.migrate import boards, files, report, rulefiles, texts, tree
from jetstream_exporter.migrate.files import Source
from jetstream_exporter.migrate.finding import FileResult
from jetstream_exporter.migrate.names import Names, names
from jetstream_exporter.runtime import interrupt
from jetstream_exporter.runtime.terminal import printed

PROG = "jetstream-exporter migrate"
MOST = 100  # shells and CI keep the codes from 126 on for themselves
WRONG = 125
NO_PARSER = (
    "needs the package promql-parser; install it with pip install 'jetstream-exporter[migrate]'"
)
EPILOG = f"""\
examples:
  jetstream-exporter migrate dashboards/ alerts.yaml
      report what would change, and write nothing
  jetstream-exporter migrate dashboards/ alerts.yaml --output migrated/
      write the migrated files into a folder; a file that exists there is not overwritten
  jetstream-exporter migrate --prefix mynats dashboards/
      for a prometheus-nats-exporter that runs with -prefix=mynats
  jetstream-exporter migrate --format json dashboards/ | jq '.files[].findings[] | select(.level == "unresolved")'
      list what has to be changed by hand

What it reads:
  Grafana dashboards and library panels (JSON), and Prometheus rule files (YAML): plain ones, PrometheusRule objects and
  Grafana's provisioned alert rules. Variables such as $var, [[var]] and $__rate_interval may stand anywhere.

What it does with an expression, by its syntax tree:
  - It replaces the names and labels of prometheus-nats-exporter and nats-surveyor, in legends and alert texts too.
  - It drops filters such as is_stream_leader="true", because every series of this exporter is the leader's.
  - It reports sums that counted every replica; they now count each stream and consumer once.
  - It replaces rate() of a gauge by the rate of a counter, by deriv() or by delta(), and reports it.
  - It leaves an expression that has no successor as it is, and reports why: "unresolved".

exit code: the number of unresolved expressions and unreadable files, {MOST} for {MOST} or more; {WRONG} for
invalid flags, a missing parser or a report that cannot be written, {interrupt.INTERRUPTED} after Ctrl-C
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROG,
        description="Rewrite Grafana dashboards and Prometheus rules that were made for prometheus-nats-exporter or "
        "nats-surveyor.",
        epilog=EPILOG,
        usage_code=WRONG,  # 2 would be two unresolved expressions
    )
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="a dashboard, a rule file, or a folder of them")
    add(
        "--output",
        metavar="DIR",
        type=Path,
        help="folder for the migrated files, made if needed (default: write nothing)",
    )
    add(
        "--prefix",
        action="append",
        default=[],
        metavar="NAME",
        help="-prefix of prometheus-nats-exporter, if it is neither the default nor nats; repeatable",
    )
    add("--format", choices=report.FORMATS, default="text", help="of the report (default: text)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The subcommand; `argv` is what follows the word migrate."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    for prefix in arguments.prefix:
        if not prefix.isidentifier() or not prefix.isascii():
            parser.error(f"argument --prefix: {prefix!r} is not the beginning of a metric's name")
    problem = "" if arguments.output is None else _problem(arguments.output)
    if problem:
        parser.error(f"argument --output: {problem}")
    if tree.parser is None:
        print(f"{PROG}: {NO_PARSER}", file=sys.stderr)
        return WRONG
    try:
        interrupt.raise_again()
        known = names(tuple(arguments.prefix))
        results = [
            result for path in arguments.paths for result in _path(path, arguments.output, known)
        ]
    except KeyboardInterrupt:
        return interrupt.INTERRUPTED
    if not printed(report.FORMATS[arguments.format](results), PROG):
        return WRONG
    return min(MOST, sum(result.unresolved for result in results))


def _problem(output: Path) -> str:
    """Why nothing can be written there; empty where it is a folder, or none yet."""
    try:
        return f"{output} is not a folder" if output.exists() and not output.is_dir() else ""
    except OSError as error:
        return str(error.strerror)


def _path(path: str, output: Path | None, known: Names) -> list[FileResult]:
    named = not files.is_folder(Path(path))
    found = [migrated(source, output, known, named=named) for source in files.sources([path])]
    if not found:
        empty = FileResult(path)
        empty.say("unresolved", "the folder", "there is no .json, .yaml or .yml file in it")
        return [empty]
    return found


def migrated(source: Source, output: Path | None, known: Names, *, named: bool) -> FileResult:
    """One file, read and written. What is wrong with it costs nothing else."""
    result = FileResult(str(source.path))
    try:
        target = files.target(source, output) if output is not None else None
        _convert(files.read(source.path), source, known, result, named=named)
        _say_mentions(result, known)
        if target is not None and result.text:
            files.write(target, result.text)
            result.output = str(target)
    except FileError as error:
        result.say("unresolved", "the file", str(error))
    except (RecursionError, OSError) as error:
        why = "is nested too deeply" if isinstance(error, RecursionError) else str(error.strerror)
        result.say("unresolved", "the file", f"cannot be migrated: {why}")
    return result


def _say_mentions(result: FileResult, known: Names) -> None:
    """Old names that are left, but for those of expressions that are known to be unresolved."""
    left = " ".join(each.old for each in result.findings if each.level == "unresolved")
    for line, name in texts.mentioned(result.text, known.known):
        if name not in left:
            place = f"line {line} of the result"
            result.say("note", place, f"{name} is still mentioned, outside of an expression")


def _json(text: str, source: Source) -> Any:
    """What it holds; None for YAML that only begins like JSON."""
    try:
        return files.load_json(text)
    except FileError:
        if source.path.suffix.lower() == ".json":
            raise
        return None


def _convert(text: str, source: Source, known: Names, result: FileResult, *, named: bool) -> None:
    if source.path.suffix.lower() == ".json" or text.lstrip().startswith("{"):
        content = _json(text, source)
        if boards.is_board(content):
            result.kind = "dashboard"
            result.text = boards.Board(known, result).migrate(content)
            return
    documents = rulefiles.load(text)
    if rulefiles.is_rules(documents):
        result.kind = "rules"
        result.text = rulefiles.RuleFile(known, result).migrate(text, documents)
        return
    message = "is neither a Grafana dashboard nor a file of Prometheus rules"
    result.say("unresolved" if named else "note", "the file", message)


if __name__ == "__main__":
    sys.exit(main())
