"""`jetstream-exporter status`. Exit code 0: nothing is wrong, 1: warnings, 2: something critical, 3: cannot tell."""

import argparse
import asyncio
import shutil
import sys
from collections.abc import Sequence

from jetstream_exporter.app import App
from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.arguments import Parser
from jetstream_exporter.runtime import interrupt, log
from jetstream_exporter.runtime.flags import add_config_file, seconds
from jetstream_exporter.runtime.terminal import (
    OutputError,
    escape_unencodable,
    one_line,
    put,
    takes_colour,
    takes_sequences,
)
from jetstream_exporter.sources.purpose import Purpose, unused_sources
from jetstream_exporter.status.document import encoded
from jetstream_exporter.status.view import EXIT_CODES, View
from jetstream_exporter.status_command.screen import Form, screen

PROG = "jetstream-exporter status"
UNKNOWN = 3
EVERY = 5.0  # seconds between two looks, where --watch says none
LEAST, MOST = 1.0, 3600.0
CLEAR = "\x1b[H\x1b[2J\x1b[3J"
SLOW = "the answers could not be read in time; raise collect.timeout in a --config.file"
EPILOG = """\
examples:
  jetstream-exporter status http://nats-0:8222 http://nats-1:8222 http://nats-2:8222
      show what is wrong; list all servers of a cluster, or one DNS name that resolves to all of them
  jetstream-exporter status --config.file exporter.yaml --watch
      look every 5 seconds, at all that the exporter monitors
  jetstream-exporter status http://nats:8222 --format json | jq '.findings[].sentence'
      the same as data, as /api/v1/status of a running exporter gives it

The conditions, sentences and thresholds are those of the alert rules. A single look knows only what the servers
report at that moment: --watch, or the status page of a running exporter, also knows what has lasted for some
minutes. The command uses no advisories, and it creates, consumes and changes nothing.

exit code: 0 nothing is wrong, 1 warnings, 2 something critical, 3 no server answered, the flags or the configuration
are invalid, or the output cannot be written; 130 interrupted before the first look. With --watch, the code of the last
look.
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROG,
        description="Show what is wrong in a JetStream cluster now, worst first.",
        epilog=EPILOG,
        usage_code=UNKNOWN,  # 2 says that something is critical
    )
    add = parser.add_argument
    add(
        "targets",
        nargs="*",
        metavar="URL",
        help="monitoring URL of a server (default: http://localhost:8222)",
    )
    add("--target", action="append", default=[], metavar="URL", help="the same; repeatable")
    add_config_file(parser)
    add(
        "--watch",
        nargs="?",
        type=seconds(LEAST, MOST),
        const=EVERY,
        metavar="SECONDS",
        help=f"look again every SECONDS (default: {EVERY:.0f}) until Ctrl-C",
    )
    add("--format", choices=("text", "json"), default="text", help="default: text")
    add(
        "--all",
        action="store_true",
        dest="every",
        help="list every object and finding, and cut nothing",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The subcommand; `argv` is what follows the word status."""
    arguments = make_parser().parse_args(argv)
    escape_unencodable(sys.stdout)
    looks = Looks(arguments)
    try:
        interrupt.raise_again()
        log.configure("error", "logfmt")
        return asyncio.run(looks.run())
    except ConfigError as error:
        print(one_line(f"{PROG}: {error}"), file=sys.stderr)
        return UNKNOWN
    except KeyboardInterrupt:
        return interrupt.INTERRUPTED if looks.code is None else looks.code
    except BrokenPipeError:  # whoever read it has seen enough
        return UNKNOWN if looks.code is None else looks.code
    except OutputError as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return UNKNOWN


class Looks:
    """One look, or one after the other. `code` is the exit code of the last one."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self.code: int | None = None

    async def run(self) -> int:
        arguments = self._arguments
        targets = [*arguments.targets, *arguments.target]
        app = App(arguments.config_file, targets, purpose=Purpose.FIGURES)
        self._warn_unused(app)
        try:
            while True:
                self.code = await self._look(app)
                if arguments.watch is None:
                    return self.code
                await asyncio.sleep(arguments.watch)
        finally:
            await app.close()

    @staticmethod
    def _warn_unused(app: App) -> None:
        unused = unused_sources(app.config.clusters, app.purpose)
        if unused:
            why = "their events belong to the exporter"
            print(one_line(f"{PROG}: did not use {', '.join(unused)}: {why}"), file=sys.stderr)

    async def _look(self, app: App) -> int:
        try:
            await app.scraper.snapshot(app.config.collect.timeout)
        except TimeoutError:
            print(f"{PROG}: {SLOW}", file=sys.stderr)
            return UNKNOWN
        latest = await app.look()
        assert latest is not None
        for outcome in app.outcomes:
            if outcome.error is not None:
                failed = f"{PROG}: {outcome.source} {outcome.target}: {outcome.error}"
                print(one_line(failed), file=sys.stderr)
        view = View(latest.snapshot, latest.memory, latest.time)
        if not any(row.up for row in latest.snapshot.servers) and not latest.snapshot.streams:
            print(f"{PROG}: no server answered", file=sys.stderr)
            return UNKNOWN
        self.code = EXIT_CODES.get(view.worst, 0)  # also where nobody reads it to its end
        self._show(view)
        return self.code

    def _show(self, view: View) -> None:
        arguments, out = self._arguments, sys.stdout
        if arguments.format == "json":
            put(encoded(view).decode(), out)
        else:
            text = screen(view, form_of(every=arguments.every, once=arguments.watch is None))
            clear = CLEAR if arguments.watch is not None and takes_sequences(out) else ""
            put(clear + text + ("" if clear or arguments.watch is None else "\n"), out)


def form_of(*, every: bool, once: bool) -> Form:
    """As large as the terminal; what is piped is not cut."""
    out = sys.stdout
    if not out.isatty():
        return Form(width=100, colour=False, every=every, once=once)
    terminal = shutil.get_terminal_size()
    height = None if every else terminal.lines
    return Form(terminal.columns, height, takes_colour(out), every, once)


if __name__ == "__main__":
    sys.exit(main())
