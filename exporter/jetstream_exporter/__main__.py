"""From argv to exit code: 0 success, 1 cannot serve, 2 wrong flags or a wrong configuration."""

import argparse
import asyncio
import importlib
import platform
import sys
from collections.abc import Sequence

from jetstream_exporter import __version__, log, memory
from jetstream_exporter.config import ConfigError
from jetstream_exporter.service import Service, load_checked
from jetstream_exporter.web.access import load_web_config
from jetstream_exporter.web.serve import ListenError, parse_address, serve

DEFAULT_ADDRESS = ":18222"
COMMANDS = {"demo": "jetstream_exporter.demo.command", "audit": "jetstream_exporter.audit.command"}
EPILOG = """\
commands, each with a --help of its own:
  jetstream-exporter demo
      a real cluster on this machine with a workload, and the exporter beside it
  jetstream-exporter audit
      the production checklist, held against a live cluster or against Kubernetes manifests

examples:
  jetstream-exporter
      ask the server at http://localhost:8222
  jetstream-exporter --target http://nats-0:8222 --target http://nats-1:8222 --target http://nats-2:8222
      ask three servers; name all of a cluster's, only a leader knows its streams
  jetstream-exporter --target http://nats-headless:8222
      ask every server behind a name with several addresses
  jetstream-exporter --config.file exporter.yaml --config.check
      say whether the file is right, and end
"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jetstream-exporter",
        description="Prometheus exporter for NATS JetStream: of every stream and consumer, its own leader's word.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="store_true", help="print the version and end")
    add(
        "--target",
        action="append",
        default=[],
        metavar="URL",
        help="a server's monitoring URL; repeatable (default: http://localhost:8222)",
    )
    add("--config.file", dest="config_file", default="", metavar="FILE", help="configuration, YAML")
    add("--config.check", dest="check", action="store_true", help="check the configuration and end")
    add(
        "--web.listen-address",
        dest="addresses",
        action="append",
        metavar="HOST:PORT",
        help=f"where to listen; repeatable (default: {DEFAULT_ADDRESS})",
    )
    add(
        "--web.config.file",
        dest="web_config",
        default="",
        metavar="FILE",
        help="TLS and users, in the format that Prometheus' exporters share",
    )
    add("--log.level", dest="log_level", choices=log.LEVELS, default="info", help="default: info")
    add(
        "--log.format",
        dest="log_format",
        choices=("logfmt", "json"),
        default="logfmt",
        help="default: logfmt",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in COMMANDS:
        return _command(words)
    arguments = make_parser().parse_args(words)
    if arguments.version:
        print(f"jetstream-exporter, version {__version__} (python {platform.python_version()})")
        return 0
    log.configure(arguments.log_level, arguments.log_format)
    try:
        return _check(arguments) if arguments.check else _serve(arguments)
    except ConfigError as error:
        print(f"jetstream-exporter: {error}", file=sys.stderr)
        return 2
    except ListenError as error:
        print(f"jetstream-exporter: {error}", file=sys.stderr)
        return 1


def _command(words: list[str]) -> int:
    """Run a subcommand. Its module is imported only then, since its dependencies may not be installed."""
    code: int = importlib.import_module(COMMANDS[words[0]]).main(words[1:])
    return code


def _check(arguments: argparse.Namespace) -> int:
    _addresses(arguments)
    load_web_config(arguments.web_config)
    config = load_checked(arguments.config_file, arguments.target)
    targets = sum(len(cluster.targets) for cluster in config.clusters)
    print(f"{arguments.config_file or 'the configuration'} is right: {targets} target(s)")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    addresses = _addresses(arguments)
    web_config = load_web_config(arguments.web_config)
    memory.tune()

    async def run() -> None:
        service = Service(arguments.config_file, arguments.target)
        await serve(service, addresses, web_config)

    asyncio.run(run())
    return 0


def _addresses(arguments: argparse.Namespace) -> list[tuple[str | None, int]]:
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
