"""What a server says of its links to other servers: `gatewayz`, `leafz` and `routez`."""

from typing import Annotated

import msgspec

from jetstream_exporter.wire.part import Name, Refusals, Unsigned, Wire

# A duration as Go writes it, such as `1m2.5s` or `163.5µs`; empty before the first one was measured.
RoundTrip = Annotated[str, msgspec.Meta(max_length=64)]


class GatewayConnection(Wire):
    rtt: RoundTrip = ""
    pending_bytes: Unsigned = 0
    in_msgs: Unsigned = 0
    out_msgs: Unsigned = 0
    in_bytes: Unsigned = 0
    out_bytes: Unsigned = 0


class RemoteGateway(Wire):
    connection: GatewayConnection | None = None


class Gatewayz(Wire):
    """By the name of the remote cluster: one outbound connection to each, any number of inbound ones."""

    outbound_gateways: dict[Name, RemoteGateway] = {}
    inbound_gateways: dict[Name, list[RemoteGateway]] = {}


class Leafnode(Wire):
    """A connection of one account. `name` is what the server at the other end calls itself."""

    name: Name = ""
    account: Name = ""
    rtt: RoundTrip = ""
    in_msgs: Unsigned = 0
    out_msgs: Unsigned = 0
    in_bytes: Unsigned = 0
    out_bytes: Unsigned = 0
    is_spoke: bool = False  # this server made it, unless its configuration makes it the hub
    port: Unsigned = 0  # at the other end


class Leafz(Refusals):
    leafs: list[Leafnode] = []


class Route(Wire):
    """One connection of a pool. Accounts may have connections of their own."""

    remote_name: Name = ""
    rtt: RoundTrip = ""
    pending_size: Unsigned = 0


class Routez(Refusals):
    routes: list[Route] = []
