"""The sections of the configuration that say what is exported, and how much of it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jetstream_exporter.config.values import Pattern


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the file. Unknown keys are refused."""


class Selection(Section, frozen=True):
    """Patterns to include and to exclude, both anchored. Without `include` everything is included."""

    include: Annotated[
        list[Pattern], Meta(description="Export only names that match one of these patterns.")
    ] = []
    exclude: Annotated[
        list[Pattern],
        Meta(
            description="Do not export names that match one of these patterns, even if they are included."
        ),
    ] = []


class Filters(Section, frozen=True):
    """Selection of the exported objects."""

    accounts: Annotated[Selection, Meta(description="Filter by the label `account`.")] = Selection()
    streams: Annotated[Selection, Meta(description="Filter by stream name.")] = Selection()
    consumers: Annotated[Selection, Meta(description="Filter by consumer name.")] = Selection()
    ephemeral_consumers: Annotated[
        bool,
        Meta(
            description="Export each ephemeral consumer. Their number for each stream is always exported."
        ),
    ] = False


class Limits(Section, frozen=True):
    """Maximum numbers over all clusters. `jetstream_exporter_objects_dropped` counts the objects above them."""

    streams: Annotated[
        int,
        Meta(
            description=(
                "Maximum number of streams. Streams of MQTT are dropped first, then streams of buckets. The "
                "rest is shared equally between accounts."
            ),
            ge=0,
        ),
    ] = 20_000
    consumers: Annotated[
        int,
        Meta(
            description=(
                "Maximum number of consumers. Consumers of MQTT sessions, mirrors and sources are dropped "
                "first, then ephemeral consumers, then consumers of buckets. The rest is shared equally "
                "between accounts."
            ),
            ge=0,
        ),
    ] = 50_000
    servers: Annotated[
        int,
        Meta(
            description="Maximum number of servers. Servers that do not answer are dropped first.",
            ge=0,
        ),
    ] = 1_000
    accounts: Annotated[
        int,
        Meta(
            description="Maximum number of accounts. Accounts without streams are dropped first.",
            ge=0,
        ),
    ] = 10_000
    meta_peers: Annotated[
        int, Meta(description="Maximum number of members of the meta groups.", ge=0)
    ] = 1_000
    replicas: Annotated[
        int, Meta(description="Maximum number of stream replicas, not counting leaders.", ge=0)
    ] = 80_000
    stream_sources: Annotated[
        int,
        Meta(
            description="Maximum number of mirrors and sources, shared equally between streams.",
            ge=0,
        ),
    ] = 10_000
    account_tiers: Annotated[int, Meta(description="Maximum number of account tiers.", ge=0)] = (
        10_000
    )
    gateways: Annotated[
        int,
        Meta(
            description="Maximum number of gateways, counted for each server, remote cluster and direction.",
            ge=0,
        ),
    ] = 10_000
    leafnodes: Annotated[
        int,
        Meta(
            description=(
                "Maximum number of leaf nodes, counted for each server, account and remote server, and shared "
                "equally between accounts."
            ),
            ge=0,
        ),
    ] = 10_000
    routes: Annotated[
        int,
        Meta(description="Maximum number of routes, counted for each server and peer.", ge=0),
    ] = 10_000
    server_accounts: Annotated[
        int,
        Meta(
            description=(
                "Maximum number of accounts with connections and traffic, counted for each server and account, and "
                "shared equally between servers."
            ),
            ge=0,
        ),
    ] = 10_000
    tls_listeners: Annotated[
        int, Meta(description="Maximum number of listeners with a TLS certificate.", ge=0)
    ] = 6_000


class Families(Section, frozen=True):
    """Selection of the exported metric families."""

    profile: Annotated[
        Literal["full", "lean"],
        Meta(
            description="`lean` exports of streams and consumers only what the alert rules and the Overview board "
            "read, about a third of the series; METRICS.md marks it. For clusters with very many consumers."
        ),
    ] = "full"
    disabled: Annotated[
        list[str], Meta(description="Names of metric families that are not exported.")
    ] = []
    config_path: Annotated[
        bool,
        Meta(
            description="Leave the configurations of streams and consumers out of `/metrics`. `/metrics/config` has "
            "them, and must then be scraped too, every two minutes: alerts need them."
        ),
    ] = False


class Labels(Section, frozen=True):
    """Values of labels."""

    account: Annotated[
        Literal["id", "name"],
        Meta(
            description=(
                "Value of the label `account`. Account names are not always unique: two accounts with the "
                "same name are exported with their IDs."
            )
        ),
    ] = "id"
    dead_letter: Annotated[
        str,
        Meta(
            description=(
                "Regular expression, not anchored. A stream whose name or one of whose subjects matches is a "
                "dead-letter stream."
            )
        ),
    ] = "(?i)dead[-_.]?letter|(^|[-_.])dlq([-_.]|$)"
    metadata: Annotated[
        list[Annotated[str, Meta(min_length=1)]],
        Meta(
            description=(
                "Metadata keys of streams and consumers that become labels of `jetstream_stream_labels` and "
                "`jetstream_consumer_labels`: `label_` and the key, in which `_` replaces each character that a label "
                "cannot have. At most 20. Values are cut after 128 characters."
            ),
            max_length=20,
        ),
    ] = []


def limit_of(kind: str) -> str:
    """The key that limits objects of this kind; `jetstream_exporter_objects_dropped` has it as a label."""
    return f"limits.{kind.removesuffix('_remote')}s"
