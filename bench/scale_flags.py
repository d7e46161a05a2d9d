"""The flags of bench.scale, and what cannot be measured with them."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Sequence
from pathlib import Path

from bench.contestants import PROFILES
from bench.prometheus import Plan
from bench.run import RESULTS, TOOLS, find
from bench.scale_shapes import shapes

from jetstream_exporter.config.values import read_duration

DEFAULT_TIMEOUT = 10.0  # of Prometheus
PROMETHEUS = TOOLS / "bin/prometheus"


def duration(text: str) -> float:
    try:
        return float(read_duration(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def profiles(text: str) -> list[str]:
    found = text.split(",")
    for profile in found:
        if profile not in PROFILES:
            raise argparse.ArgumentTypeError(f"{profile!r} is no profile; use full, lean or both")
    return found


def parser(about: str) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m bench.scale",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _who(found.add_argument_group("who is measured, on what"))
    _how(found.add_argument_group("how"))
    return found


def _who(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    whole = argparse.BooleanOptionalAction
    shown = "default: %(default)s"
    add("--shapes", type=shapes, default="1x1x500x40xR1,1x3x500x40xR3", help=f"see above; {shown}")
    add("--profiles", type=profiles, default="full,lean", help=f"of jetstream-exporter; {shown}")
    add("--whole", action=whole, default=True, help="an exporter without slices or shards")
    add(
        "--slices",
        type=int,
        default=8,
        help=f"an exporter in N slices; 1: none; {shown}",
        metavar="N",
    )
    add(
        "--shards",
        type=int,
        default=1,
        help="N exporters that share a cluster; default: none",
        metavar="N",
    )
    add("--jetstream-exporter", default="jetstream-exporter", metavar="PROGRAM")
    add(
        "--prometheus-nats-exporter",
        default="",
        metavar="PROGRAM",
        help="one beside each server; default: not measured",
    )


def _how(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    shown = "default: %(default)s"
    add(
        "--rounds",
        type=int,
        default=9,
        help=f"measured scrapes of each by curl; 0: none; {shown}",
        metavar="N",
    )
    add(
        "--prometheus",
        type=duration,
        default=0.0,
        metavar="DURATION",
        help="let a real Prometheus scrape each for so long, such as 10m, one after another; default: not run",
    )
    add(
        "--scrape-interval",
        type=duration,
        default=15.0,
        metavar="DURATION",
        help="of Prometheus; default: 15s",
    )
    add(
        "--scrape-timeout",
        type=duration,
        metavar="DURATION",
        help="of Prometheus; default: 10s, or the interval if that is shorter",
    )
    add(
        "--prometheus-program",
        default=str(PROMETHEUS),
        metavar="PROGRAM",
        help="default: what scripts/tools.py installs",
    )
    add("--output", type=Path, help="default: bench/results/scale-<date>.md")


def options_of(argv: Sequence[str], about: str) -> argparse.Namespace:
    """The flags with their defaults; `plan` is what Prometheus does, or None."""
    options = parser(about).parse_args(argv)
    today = datetime.datetime.now(datetime.UTC)
    options.output = options.output or RESULTS / f"scale-{today:%Y-%m-%d}.md"
    if options.scrape_timeout is None:
        options.scrape_timeout = min(DEFAULT_TIMEOUT, options.scrape_interval)
    program, interval = options.prometheus_program, options.scrape_interval
    plan = Plan(program, options.prometheus, interval, options.scrape_timeout)
    options.plan = plan if options.prometheus else None
    return options


def mistake(options: argparse.Namespace) -> str | None:
    """Why this cannot be measured; None if it can. Programs get their paths."""
    return _of_numbers(options) or _of_prometheus(options) or _of_files(options)


def _of_numbers(options: argparse.Namespace) -> str | None:
    if options.rounds < 0 or min(options.slices, options.shards) < 1:
        return "--slices and --shards have to be at least 1, and --rounds at least 0"
    if not options.rounds and options.plan is None:
        return "--rounds 0 leaves nothing to measure: give --prometheus"
    if not (options.whole or options.slices > 1 or options.shards > 1):
        return "--no-whole leaves nothing to measure: give --slices or --shards"
    accounts = min(planned.shape.accounts for planned in options.shapes)
    if options.shards > accounts:
        return (
            f"--shards {options.shards} needs as many accounts in each shape, not {accounts}: "
            f"add xA{10 * options.shards} to its end"
        )
    return None


def _of_prometheus(options: argparse.Namespace) -> str | None:
    plan = options.plan
    if plan is None:
        return None
    if min(plan.interval, plan.timeout) <= 0:
        return "--scrape-interval and --scrape-timeout have to be longer than 0"
    if plan.timeout > plan.interval:
        return f"--scrape-timeout {plan.timeout:g}s is longer than --scrape-interval {plan.interval:g}s"
    if plan.duration < 2 * plan.interval:
        return f"--prometheus {plan.duration:g}s is too short for two scrapes, one every {plan.interval:g}s"
    if find(plan.program) is None:
        return (
            f"there is no program {plan.program}: `python scripts/tools.py prometheus` installs it"
        )
    return None


def _of_files(options: argparse.Namespace) -> str | None:
    if not options.output.parent.is_dir():
        return f"--output: there is no folder {options.output.parent}"
    for name in ("jetstream_exporter", "prometheus_nats_exporter"):
        program = getattr(options, name)
        path = find(program) if program else ""
        if path is None:
            return f"there is no program {program}"
        setattr(options, name, path)
    return None
