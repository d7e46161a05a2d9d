"""The shapes of the table of names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# What a series is about: the labels by which ours tells its objects apart.
Object = Literal["cluster", "server", "account", "stream", "consumer", "peer", "origin"]


@dataclass(frozen=True, slots=True)
class Kind:
    """Series of one exporter that have the same labels.

    `labels` are theirs that ours can give; `constants` those that have one value on every series that ours stands for.
    `core` says that prometheus-nats-exporter writes `gnatsd` before the name where no prefix is configured, and else
    `jetstream`.
    """

    exporter: Literal["pne", "surveyor"]
    of: Object
    labels: tuple[str, ...]
    constants: Mapping[str, str] = field(default_factory=dict)
    core: bool = False

    @property
    def object(self) -> str:
        """What the labels tell apart; an origin is one of its stream's."""
        return "stream" if self.of == "origin" else self.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One series of theirs.

    `old` is its name without prefix. `form` is PromQL around `$x`, the series `new` with the matchers `where`.
    `absent` says which value theirs has where ours has no sample, and which series of ours tell for whom that is known,
    in PromQL: (series, value). They must not be there where ours is absent because nothing was read. They are empty
    where nothing tells it.
    `rate` is the counter of what the gauge `new` shows, for who takes its rate. `rules` is False where a recording
    rule cannot give the series, for the reason in `note`. `note` is a sentence for who moves an expression.
    """

    kind: Kind
    old: str
    new: str
    form: str = "$x"
    where: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[str, float] | None = None
    rate: str = ""
    rules: bool = True
    note: str = ""

    @property
    def selector(self) -> str:
        """The series of ours."""
        where = ", ".join(f'{label}="{value}"' for label, value in self.where.items())
        return f"{self.new}{{{where}}}" if where else self.new

    @property
    def reading(self) -> str:
        """What gives the value of theirs, in PromQL, with the value that it has where ours is absent."""
        read = self.form.replace("$x", self.selector)
        series, value = self.absent or ("", 0)
        if not series:
            return read
        more = f" + {value:g}" if value > 0 else f" - {-value:g}" if value else ""
        return f"{read} or {series} * 0{more}"


def plain(kind: Kind, pairs: str, ahead: str = "") -> tuple[Row, ...]:
    """A row a line: their name, behind `ahead`, and ours of the same value."""
    return tuple(
        Row(kind=kind, old=ahead + old, new=new) for old, new in map(str.split, pairs.split("\n"))
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """Names without a successor, by a pattern of the name without prefix, and why."""

    pattern: str
    reason: str
