"""The shapes of replayed clusters as a person writes them, and how many clusters of each are run."""

from __future__ import annotations

import argparse
import re
from typing import NamedTuple

from bench.replay import Shape

FORM = "CLUSTERSxSERVERSxSTREAMSxCONSUMERSxRn"
_SHAPE = re.compile(r"(?:(\d+)/)?(\d+)x(\d+)x(\d+)x(\d+)xR(\d+)(?:xA(\d+))?")


class Planned(NamedTuple):
    """What is run, and how many such clusters it stands for."""

    shape: Shape
    clusters: int

    @property
    def title(self) -> str:
        run, servers = self.shape.clusters, self.shape.servers * self.clusters
        consumers = self.shape.all_consumers // run * self.clusters
        noun = "server" if servers == 1 else "servers"
        text = f"{consumers:,} consumers, R{self.shape.replicas}, {servers:,} {noun}"
        if self.clusters > 1:
            text += f" in {self.clusters:,} clusters"
        return text if run == self.clusters else f"{text}, {run:,} of which run"


def shapes(text: str) -> list[Planned]:
    """All shapes of a flag, which commas separate."""
    return [_planned(part) for part in text.split(",")]


def _planned(text: str) -> Planned:
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not {FORM}, such as 1x3x500x40xR3")
    part, clusters, servers, streams, consumers, replicas, accounts = match.groups()
    numbers = (part or clusters, servers, streams, consumers, replicas, accounts or 1)
    planned = Planned(Shape(*map(int, numbers)), int(clusters))
    why = _mistake(planned)
    if why is not None:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be: {why}")
    return planned


def _mistake(planned: Planned) -> str | None:
    shape = planned.shape
    if min(getattr(shape, name) for name in Shape.__dataclass_fields__) < 1:
        return "every number has to be at least 1"
    if shape.clusters > planned.clusters:
        return f"{shape.clusters} of {planned.clusters} clusters cannot run"
    if shape.replicas > shape.servers:
        return f"R{shape.replicas} needs at least {shape.replicas} servers"
    if shape.accounts > shape.streams:
        return f"{shape.accounts} accounts need as many streams"
    return None
