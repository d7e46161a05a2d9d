"""From argv to exit code: 0 success, 1 cannot serve, 2 wrong flags or a wrong configuration."""

import os
import sys

from jetstream_exporter.runtime import interrupt

if sys.argv[1:2] == ["demo"]:  # before the imports, which take half a second
    interrupt.end_quietly()
elif __name__ == "__main__" or os.path.basename(sys.argv[0]).startswith("jetstream-exporter"):
    interrupt.end_by_signal()

import argparse
import asyncio
import importlib
import json
import platform
from collections.abc import Sequence

import structlog

from jetstream_exporter import __version__
from jetstream_exporter.app import App, load_checked
from jetstream_exporter.config import ConfigError, environment
from jetstream_exporter.config.arguments import Parser
from jetstream_exporter.config.json_schema import schema
from jetstream_exporter.runtime import log, memory
from jetstream_exporter.runtime.terminal import printed
from jetstream_exporter.web.config import load_web_config
from jetstream_exporter.web.serve import ListenError, parse_address, serve

DEFAULT_ADDRESS = ":18222"
COMMANDS = {
    "demo": "jetstream_exporter.demo.command",
    "audit": "jetstream_exporter.audit.command",
    "doctor": "jetstream_exporter.doctor.command",
    "migrate": "jetstream_exporter.migrate.command",
    "status": "jetstream_exporter.status_command.command",
    "completion": "jetstream_exporter.completion",
}
EPILOG = """\
commands (each has its own --help):
  jetstream-exporter demo
      run a three-node cluster with a workload and the exporter on this machine
  jetstream-exporter status
      show what is wrong in a cluster now, worst first
  jetstream-exporter audit
      check a running cluster or Kubernetes manifests against the production checklist
  jetstream-exporter doctor
      find out why values are missing: ports, permissions, names, secrets, clocks
  jetstream-exporter migrate
      rewrite dashboards and rules that were made for prometheus-nats-exporter or nats-surveyor
  jetstream-exporter completion
      print a script that completes commands and flags in bash, zsh or fish

examples:
  jetstream-exporter
      scrape the server at http://localhost:8222
  jetstream-exporter --target http://nats-0:8222 --target http://nats-1:8222 --target http://nats-2:8222
      scrape three servers; list all servers of a cluster, because only a leader reports its streams
  jetstream-exporter --target http://nats-headless:8222
      scrape every server that the DNS name resolves to
  jetstream-exporter --config.file exporter.yaml --config.check
      check the file and exit
  JETSTREAM_EXPORTER_TARGET="http://nats-0:8222 http://nats-1:8222" jetstream-exporter
      set a flag by its environment variable; a flag on the command line takes precedence
"""


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="jetstream-exporter",
        description="Prometheus exporter for NATS JetStream: every stream and consumer as reported by its leader.",
        epilog=EPILOG,
        commands=COMMANDS,
    )
    add = parser.add_argument
    add("--version", action="store_true", help="print the version and exit")
    add(
        "--target",
        action="append",
        metavar="URL",
        help="monitoring URL of a server; repeatable (default: http://localhost:8222)",
    )
    add("--config.file", dest="config_file", metavar="FILE", help="configuration file (YAML)")
    add(
        "--config.check", dest="check", action="store_true", help="check the configuration and exit"
    )
    add(
        "--config.schema",
        dest="config_schema",
        action="store_true",
        help="print the JSON Schema of the configuration file and exit",
    )
    add(
        "--web.listen-address",
        dest="addresses",
        action="append",
        metavar="HOST:PORT",
        help=f"address to listen on; repeatable (default: {DEFAULT_ADDRESS})",
    )
    add(
        "--web.config.file",
        dest="web_config",
        metavar="FILE",
        help="file with TLS settings and users, in the format of the Prometheus exporter-toolkit",
    )
    add(
        "--web.enable-lifecycle",
        dest="lifecycle",
        action="store_const",
        const=True,
        help="enable reloading by POST /-/reload; SIGHUP always reloads",
    )
    add(
        "--web.systemd-socket",
        dest="systemd",
        action="store_const",
        const=True,
        help="listen on the sockets passed by systemd instead of --web.listen-address",
    )
    add("--log.level", dest="log_level", choices=log.LEVELS, help="default: info")
    add("--log.format", dest="log_format", choices=("logfmt", "json"), help="default: logfmt")
    for action in parser._actions:
        name = environment.variable(action)
        if name:
            action.help = f"{action.help} [{name}]"
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        return _command(words)
    parser = make_parser()
    arguments = parser.parse_args(words)
    if arguments.version:
        version = f"version {__version__} (python {platform.python_version()})"
        return _printed(f"jetstream-exporter, {version}\n")
    if arguments.config_schema:
        return _printed(json.dumps(schema(), indent=2) + "\n")
    taken: dict[str, str] = {}
    try:
        taken = environment.fill(parser, arguments, os.environ)
        log.configure(arguments.log_level or "info", arguments.log_format or "logfmt")
        _reject_unknown(parser)
        return _check(arguments) if arguments.check else _serve(arguments)
    except ConfigError as error:
        flag, space, rest = str(error).partition(" ")
        print(f"jetstream-exporter: {taken.get(flag, flag)}{space}{rest}", file=sys.stderr)
        return 2
    except ListenError as error:
        print(f"jetstream-exporter: {error}", file=sys.stderr)
        return 1


def _printed(text: str) -> int:
    return 0 if printed(text, "jetstream-exporter") else 1


def _command(words: list[str]) -> int:
    """Run a subcommand. Its module is imported only then, since its dependencies may not be installed."""
    code: int = importlib.import_module(COMMANDS[words[0]]).main(words[1:])
    return code


def _reject_unknown(parser: argparse.ArgumentParser) -> None:
    for sentence in environment.unknown(parser, os.environ):
        structlog.get_logger().warning("unknown environment variable", reason=sentence)


def _check(arguments: argparse.Namespace) -> int:
    _addresses(arguments)
    load_web_config(arguments.web_config or "")
    config = load_checked(arguments.config_file or "", arguments.target or [])
    count = sum(len(cluster.targets) for cluster in config.clusters)
    targets = "1 target" if count == 1 else f"{count} targets"
    print(f"{arguments.config_file or 'no file'}: configuration is valid ({targets})")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    addresses = _addresses(arguments)
    web_config = load_web_config(arguments.web_config or "")
    memory.tune()

    async def run() -> None:
        app = App(arguments.config_file or "", arguments.target or [])
        await serve(app, addresses, web_config, lifecycle=bool(arguments.lifecycle))

    asyncio.run(run())
    return 0


def _addresses(arguments: argparse.Namespace) -> list[tuple[str | None, int]] | None:
    """Where to listen; None where systemd says so."""
    if arguments.systemd:
        if arguments.addresses:
            raise ConfigError(
                "--web.systemd-socket and --web.listen-address are mutually exclusive"
            )
        return None
    addresses = []
    for text in arguments.addresses or [DEFAULT_ADDRESS]:
        try:
            addresses.append(parse_address(text))
        except ValueError:
            what = f"--web.listen-address {text!r} is not an address like 0.0.0.0:18222 or :18222"
            raise ConfigError(what) from None
    return addresses


if __name__ == "__main__":
    sys.exit(main())
