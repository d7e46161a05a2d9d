"""The configuration's one schema. Field docs become the reference; every default is written here and nowhere else."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from jetstream_exporter.config.nats import AccountApi, Advisories, System

Check = Literal["full", "js-enabled-only", "js-server-only", "js-meta-only"]


class Duration(float):
    """Seconds, written as Prometheus writes durations: 30s, 5m, 1h30m."""


class Size(int):
    """Bytes, written plainly or with a unit: 1048576, 64KiB, 256MiB."""


class Pattern(str):
    """A regular expression, anchored at both ends as Prometheus anchors its own."""

    __slots__ = ("regex",)
    regex: re.Pattern[str]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the file. Unknown keys are refused."""


class Http(Part, frozen=True):
    """How monitoring ports are reached. NATS itself asks for no password there; a proxy in front may."""

    ca_file: Annotated[str, Meta(description="Certificate authorities (PEM) to trust.")] = ""
    cert_file: Annotated[str, Meta(description="Client certificate (PEM).")] = ""
    key_file: Annotated[str, Meta(description="The client certificate's key (PEM).")] = ""
    insecure_skip_verify: Annotated[
        bool, Meta(description="Trust any certificate. For tests only.")
    ] = False
    username: Annotated[str, Meta(description="User for a proxy's basic authentication.")] = ""
    password_file: Annotated[str, Meta(description="File that holds that user's password.")] = ""
    password_env: Annotated[
        str, Meta(description="Environment variable that holds that user's password.")
    ] = ""


class Cluster(Part, frozen=True):
    """One NATS cluster, or one server that runs alone."""

    name: Annotated[
        str,
        Meta(
            description="Value of `nats_cluster`; by default what the servers call their cluster."
        ),
    ] = ""
    targets: Annotated[
        list[str],
        Meta(
            description="Monitoring URLs, `http://nats-0:8222`. A name with several addresses stands for all of "
            "them; `srv+http://_monitor._tcp.nats.svc` asks DNS for the ports too."
        ),
    ] = []
    http: Annotated[Http, Meta(description="How the targets are reached.")] = Http()
    system: Annotated[
        System,
        Meta(description="The system account: all servers and all they know, without targets."),
    ] = System()
    accounts: Annotated[
        list[AccountApi],
        Meta(description="JetStream APIs of accounts, where neither port nor system account is."),
    ] = []
    advisories: Annotated[
        list[Advisories], Meta(description="Connections on which JetStream's events are heard.")
    ] = []


class Collect(Part, frozen=True):
    """How and how often is asked."""

    timeout: Annotated[
        Duration, Meta(description="Time for a scrape whose request names none.")
    ] = Duration(10)
    min_interval: Annotated[
        Duration,
        Meta(description="Serve the same figures for this long; 0 asks anew on every scrape."),
    ] = Duration(0)
    config_interval: Annotated[
        Duration,
        Meta(description="How often the configurations of streams and consumers are read."),
    ] = Duration(300)
    max_response_bytes: Annotated[
        Size, Meta(description="Largest answer that is read; a larger one is refused.")
    ] = Size(256 * 2**20)
    health_check: Annotated[
        Check,
        Meta(
            description="What `/healthz` is asked. Only `full` also tells a starting or stopping server's list of "
            "streams from a whole one."
        ),
    ] = "full"


class Selection(Part, frozen=True):
    """Names to keep and to leave out; both anchored. Without `include` everything is kept."""

    include: Annotated[list[Pattern], Meta(description="Keep names that match one of these.")] = []
    exclude: Annotated[
        list[Pattern],
        Meta(description="Leave out names that match one of these, even if included."),
    ] = []


class Filters(Part, frozen=True):
    """Which objects are exported."""

    accounts: Annotated[Selection, Meta(description="By account label.")] = Selection()
    streams: Annotated[Selection, Meta(description="By stream name.")] = Selection()
    consumers: Annotated[Selection, Meta(description="By consumer name.")] = Selection()
    ephemeral_consumers: Annotated[
        bool,
        Meta(
            description="Export ephemeral consumers one by one. They are counted by stream either way."
        ),
    ] = False


class Limits(Part, frozen=True):
    """The budget of objects. What is above it is dropped in a stable order, and counted."""

    streams: Annotated[int, Meta(description="Most streams exported.", ge=0)] = 20_000
    consumers: Annotated[int, Meta(description="Most consumers exported.", ge=0)] = 50_000


class Families(Part, frozen=True):
    """Which families are exported."""

    disabled: Annotated[list[str], Meta(description="Names of families that are left out.")] = []


class Labels(Part, frozen=True):
    """How objects are named."""

    account: Annotated[
        Literal["id", "name"],
        Meta(
            description="Value of `account`. Names are not always unique: one that two accounts share is refused, "
            "and both keep their ids."
        ),
    ] = "id"
    dead_letter: Annotated[
        str,
        Meta(
            description="Regular expression, not anchored; a stream whose name or subject matches holds dead letters."
        ),
    ] = "(?i)dead[-_.]?letter|(^|[-_.])dlq([-_.]|$)"


class Probe(Part, frozen=True):
    """What `/probe` may be asked for."""

    allow: Annotated[
        list[Pattern],
        Meta(
            description="Target URLs allowed beside the configured ones, as anchored expressions."
        ),
    ] = []


class Config(Part, frozen=True):
    """The whole file. An empty one asks http://localhost:8222."""

    clusters: Annotated[list[Cluster], Meta(description="The clusters to ask.")] = []
    collect: Annotated[Collect, Meta(description="How and how often is asked.")] = Collect()
    filters: Annotated[Filters, Meta(description="Which objects are exported.")] = Filters()
    limits: Annotated[Limits, Meta(description="The budget of objects.")] = Limits()
    families: Annotated[Families, Meta(description="Which families are exported.")] = Families()
    labels: Annotated[Labels, Meta(description="How objects are named.")] = Labels()
    probe: Annotated[Probe, Meta(description="What `/probe` may be asked for.")] = Probe()
