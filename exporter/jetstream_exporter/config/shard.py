"""Which accounts this process reads, where several processes share a cluster."""

import re
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from jetstream_exporter.config.errors import ConfigError
from jetstream_exporter.config.exported import Section
from jetstream_exporter.config.redaction import variable_name
from jetstream_exporter.config.secrets import read_variable
from jetstream_exporter.config.yaml_tree import Locator
from jetstream_exporter.report.division import MOST, number_of

_ORDINAL = re.compile(r"(?:.*-)?([0-9]{1,6})", re.ASCII)


class Shard(Section, frozen=True):
    """Division of the accounts between several exporters, for a cluster that one process cannot read.

    Each shard reads the lists of its own accounts only. Servers, the meta group and links are in shard 0. docs/scale.md
    explains when to use it.
    """

    ordinal: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="Number of this shard. Shards are counted from 0."),
    ] = None
    ordinal_env: Annotated[
        str,
        Meta(
            description=(
                "Environment variable with the number of this shard: a number, or the name of a pod of a "
                "StatefulSet, which ends in `-` and a number."
            )
        ),
    ] = ""
    total: Annotated[
        int,
        Meta(
            description="Number of shards, the same in all of them. 1 means that the accounts are not divided.",
            ge=1,
            le=MOST,
        ),
    ] = 1

    @property
    def number(self) -> int:
        return self.ordinal or 0

    @property
    def is_divided(self) -> bool:
        return self.total > 1

    @property
    def is_first(self) -> bool:
        """Whether this is the shard that has what is of no account."""
        return self.number == 0

    def holds(self, account: str) -> bool:
        """Whether the account with this ID is read in this shard."""
        return not self.is_divided or number_of(account, "", self.total) == self.number

    def hears(self, account: str) -> bool:
        """Whether a connection that receives the events of this account is of use here; empty is any account's.

        Shard 0 counts them by kind, and the account's shard by stream and consumer.
        """
        return self.is_first or not account or self.holds(account)

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


WHOLE = Shard()


def resolved(shard: Shard, locator: Locator) -> Shard:
    """The shard with its number; ConfigError where that is not known, or is none of them."""
    if shard.ordinal is not None and shard.ordinal_env:
        raise locator.error(("shard",), "ordinal and ordinal_env are mutually exclusive")
    if shard.ordinal_env:
        return _checked(replace(shard, ordinal=_from_environment(shard, locator)), locator)
    if shard.ordinal is None and shard.is_divided:
        raise locator.error(
            ("shard",), "set ordinal or ordinal_env, so that each shard has a number"
        )
    return _checked(shard, locator)


def _from_environment(shard: Shard, locator: Locator) -> int:
    place = locator.place(("shard", "ordinal_env"))
    found = _ORDINAL.fullmatch(read_variable(shard.ordinal_env, place))
    if found is None:
        name = variable_name(shard.ordinal_env)
        what = "is neither a number nor a name that ends in - and a number"
        raise ConfigError(f"{place}: the environment variable {name}{what}")
    return int(found[1])


def _checked(shard: Shard, locator: Locator) -> Shard:
    if shard.number >= shard.total:
        key = "ordinal_env" if shard.ordinal_env else "ordinal"
        what = f"{shard.number} is not below {shard.total} (total); shards are counted from 0"
        raise locator.error(("shard", key), what)
    return shard
