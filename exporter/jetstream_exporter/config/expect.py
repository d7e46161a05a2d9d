"""The section `expect`: what has to exist, by its exact name."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta

from jetstream_exporter.config.exported import Section
from jetstream_exporter.config.yaml_tree import KeyPath, Locator

LONGEST = 255  # characters of a stream's or consumer's name (JSMaxNameLen, jetstream.go)
IMPOSSIBLE = frozenset(". */\\>\t\r\n\f")  # in a stream's or consumer's name (isValidName)

ServerName = Annotated[str, Meta(min_length=1, max_length=256)]
AccountName = Annotated[str, Meta(min_length=1, max_length=256)]


class ExpectedAccount(Section, frozen=True):
    """Streams and consumers of one account."""

    account: Annotated[
        AccountName,
        Meta(description="The ID of the account, or its name. It becomes the label `account`."),
    ]
    streams: Annotated[
        list[str], Meta(description="Exact names of streams, such as `ORDERS`.")
    ] = []
    consumers: Annotated[
        list[str],
        Meta(description="Durable consumers as stream and consumer, such as `ORDERS/worker`."),
    ] = []


class Expected(Section, frozen=True):
    """What has to exist in a cluster. `jetstream_expected_present` is 0 for what does not exist."""

    cluster: Annotated[
        str,
        Meta(
            description="Value of `nats_cluster`. Required if several clusters are configured.",
        ),
    ] = ""
    servers: Annotated[list[ServerName], Meta(description="Exact names of servers.")] = []
    accounts: Annotated[
        list[ExpectedAccount], Meta(description="Streams and consumers, by account.")
    ] = []


def check_expected(found: Sequence[Expected], clusters: int, locator: Locator) -> None:
    """ConfigError for a name that nothing can have, one that stands twice, or a cluster that is not named."""
    taken: set[tuple[str, ...]] = set()
    for i, expected in enumerate(found):
        place: KeyPath = ("expect", i)
        if not expected.cluster and clusters > 1:
            raise locator.error(place, f"{clusters} clusters are configured; set cluster")
        for path, kind, key in _named(expected):
            name = key[-1]
            parts = name.split("/") if kind == "consumer" else [name]
            what = None if kind == "server" else _mistake(kind, name, parts)
            if what is None and (expected.cluster, kind, *key) in taken:
                what = f"duplicate {kind} {name!r}"
            if what is not None:
                raise locator.error((*place, *path), what)
            taken.add((expected.cluster, kind, *key))


def _named(expected: Expected) -> Iterator[tuple[KeyPath, str, tuple[str, ...]]]:
    """The place, kind and name of each; a stream's and a consumer's with the account."""
    for i, name in enumerate(expected.servers):
        yield ("servers", i), "server", (name,)
    for i, account in enumerate(expected.accounts):
        for key, names in (("streams", account.streams), ("consumers", account.consumers)):
            for j, name in enumerate(names):
                yield ("accounts", i, key, j), key.removesuffix("s"), (account.account, name)


def _mistake(kind: str, name: str, parts: Sequence[str]) -> str | None:
    """Why this can be no stream or consumer; None if it can."""
    if kind == "consumer" and len(parts) != 2:
        return f"{name!r} is not STREAM/CONSUMER; write it like ORDERS/worker"
    for part in parts:
        if not part:
            return f"{name!r} has an empty name"
        if len(part) > LONGEST:
            return f"a name has at most {LONGEST} characters"
        if IMPOSSIBLE & set(part) or not part.isprintable():
            return f"{name!r} is not the name of a {kind}: names are exact, without patterns"
    return None
