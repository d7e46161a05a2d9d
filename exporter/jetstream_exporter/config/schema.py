"""The configuration's one schema. Field docs become the reference; every default is written here and nowhere else."""

import sys
from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from jetstream_exporter.config.expect import Expected
from jetstream_exporter.config.exported import Families, Filters, Labels, Limits, Section
from jetstream_exporter.config.nats import AccountApi, Advisories, System
from jetstream_exporter.config.shard import Shard
from jetstream_exporter.config.values import Duration, Pattern, Size

Check = Literal["full", "js-enabled-only", "js-server-only", "js-meta-only"]


class Http(Section, frozen=True):
    """HTTP settings for the monitoring ports. NATS requires no password there, but a proxy may."""

    ca_file: Annotated[str, Meta(description="Trusted certificate authorities (PEM).")] = ""
    cert_file: Annotated[str, Meta(description="Client certificate (PEM).")] = ""
    key_file: Annotated[str, Meta(description="Key of the client certificate (PEM).")] = ""
    insecure_skip_verify: Annotated[
        bool, Meta(description="Do not verify server certificates. For tests only.")
    ] = False
    username: Annotated[
        str, Meta(description="Username for the basic authentication of a proxy.")
    ] = ""
    password_file: Annotated[str, Meta(description="File with the password.")] = ""
    password_env: Annotated[str, Meta(description="Environment variable with the password.")] = ""


class Cluster(Section, frozen=True):
    """One NATS cluster or one standalone server."""

    name: Annotated[
        str,
        Meta(
            description=(
                "Value of `nats_cluster`. The default is the cluster name that the servers report; for a "
                "standalone server its `server_name`, or else its address. Names must be unique: if two "
                "clusters or JetStream domains have the same name, one keeps it, the other is exported under "
                "the name it reports or not at all, and `jetstream_exporter_name_conflicts` counts them."
            )
        ),
    ] = ""
    targets: Annotated[
        list[str],
        Meta(
            description=(
                "Monitoring URLs, such as `http://nats-0:8222`. A name that resolves to several addresses "
                "stands for all of them. `srv+http://_monitor._tcp.nats.svc` looks up SRV records."
            )
        ),
    ] = []
    http: Annotated[Http, Meta(description="HTTP settings for the targets.")] = Http()
    system: Annotated[
        System,
        Meta(
            description="Connection to the system account, which reports all servers without a list of targets."
        ),
    ] = System()
    accounts: Annotated[
        list[AccountApi],
        Meta(
            description=(
                "Connections to the JetStream API of single accounts, for example where neither monitoring ports "
                "nor the system account can be reached."
            )
        ),
    ] = []
    advisories: Annotated[
        list[Advisories], Meta(description="Connections that receive JetStream advisories.")
    ] = []

    @property
    def has_figures(self) -> bool:
        """Whether a source is configured that reports streams and consumers; advisories alone report none."""
        return bool(self.targets or self.system.enabled or self.accounts)

    def by_source(self) -> "Iterator[Cluster]":
        """One cluster for each kind of source, so that a change of one leaves the others as they are."""
        nothing = Cluster(name=self.name)
        together = {"targets": ("targets", "http")}  # what is asked, and how
        for field in self.__struct_fields__:
            if field not in ("name", "http"):
                names = together.get(field, (field,))
                yield replace(nothing, **{name: getattr(self, name) for name in names})


class Collect(Section, frozen=True):
    """Timeouts and intervals of the collection."""

    timeout: Annotated[
        Duration, Meta(description="Timeout of a scrape whose request does not set one.")
    ] = Duration(10)
    min_interval: Annotated[
        Duration,
        Meta(
            description="Time for which the same values are served again. With 0 every scrape collects new values."
        ),
    ] = Duration(0)
    config_interval: Annotated[
        Duration,
        Meta(description="Interval at which the configurations of streams and consumers are read."),
    ] = Duration(300)
    max_response_bytes: Annotated[
        Size,
        Meta(
            description=(
                "Maximum size of a response, and of all responses about one account of the source `accounts` in "
                "one scrape. Larger responses are rejected."
            )
        ),
    ] = Size(256 * 2**20)
    health_check: Annotated[
        Check,
        Meta(
            description=(
                "Option of the health check request to `/healthz`. Only `full` also detects that a server "
                "that is starting or shutting down lists its streams incompletely."
            )
        ),
    ] = "full"
    links: Annotated[
        bool,
        Meta(
            description="Ask each server about its gateways, leaf nodes and routes, if it has "
            "any: `/gatewayz`, `/leafz` and `/routez`, or the same over the system account. False leaves "
            "out `nats_gateway_*`, `nats_leafnode_*` and `nats_route_*`."
        ),
    ] = True
    accounts: Annotated[
        bool,
        Meta(
            description="Ask each server about the connections, subscriptions and traffic of each account: "
            "`/accstatz`, or the same over the system account. False leaves out `nats_account_*`."
        ),
    ] = True
    delivery_lag: Annotated[
        bool,
        Meta(
            description="Export when the oldest waiting message of each consumer was stored, calculated from "
            "successive scrapes. The exporter requests nothing more from the servers for it."
        ),
    ] = True


class Probe(Section, frozen=True):
    """Targets that `/probe` accepts."""

    allow: Annotated[
        list[Pattern],
        Meta(
            description=(
                "Servers allowed in addition to the configured ones, as anchored regular expressions for "
                "scheme, host and port, such as `http://nats-[0-9]:8222`. A target with a user, a path or a "
                "query is never allowed."
            )
        ),
    ] = []


class Status(Section, frozen=True):
    """The status pages."""

    dashboard_url: Annotated[
        str,
        Meta(
            description=(
                "Base URL of the Grafana that has the dashboards, such as `https://grafana.example.com`. The status "
                "pages link to its dashboards. Empty means no links."
            ),
        ),
    ] = ""


class Config(Section, frozen=True):
    """The configuration file. With an empty file the exporter scrapes http://localhost:8222."""

    clusters: Annotated[list[Cluster], Meta(description="The monitored clusters.")] = []
    collect: Annotated[Collect, Meta(description="Timeouts and intervals of the collection.")] = (
        Collect()
    )
    filters: Annotated[Filters, Meta(description="Selection of the exported objects.")] = Filters()
    limits: Annotated[Limits, Meta(description="Maximum numbers of exported objects.")] = Limits()
    families: Annotated[
        Families, Meta(description="Selection of the exported metric families.")
    ] = Families()
    labels: Annotated[Labels, Meta(description="Values of labels.")] = Labels()
    expect: Annotated[
        list[Expected], Meta(description="Servers, streams and consumers that have to exist.")
    ] = []
    shard: Annotated[
        Shard, Meta(description="Division of the accounts between several exporters.")
    ] = Shard()
    probe: Annotated[Probe, Meta(description="Targets that `/probe` accepts.")] = Probe()
    status: Annotated[Status, Meta(description="The status pages.")] = Status()


def unlimited(config: Config) -> Config:
    """The configuration with every object: no filters, and no limits."""
    limits = Limits(**dict.fromkeys(Limits.__struct_fields__, sys.maxsize))
    filters = Filters(ephemeral_consumers=config.filters.ephemeral_consumers)
    return replace(config, filters=filters, limits=limits)
