"""The answers of the system account, `$SYS.REQ.>`: the monitoring port's, in an envelope that names the server."""

import msgspec

from jetstream_exporter.wire.accounts import Accstatz
from jetstream_exporter.wire.links import Gatewayz, Leafz, Routez
from jetstream_exporter.wire.monitoring import Healthz, Jsz, Varz
from jetstream_exporter.wire.part import Moment, Name, Signed, Unsigned, Wire


class ServerName(Wire):
    """Who answered, in the envelope of the system account's answers."""

    name: Name = ""
    id: Name = ""
    cluster: Name = ""
    ver: Name = ""


class ServerError(Wire):
    code: Signed = 0
    description: str = ""


class Statsz(Wire):
    start: Moment | None = None
    active_servers: Unsigned = 0


class StatszAnswer(Wire):
    error: ServerError | None = None
    server: ServerName = msgspec.field(default_factory=ServerName)
    statsz: Statsz = msgspec.field(default_factory=Statsz)


class VarzAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: Varz | None = None
    error: ServerError | None = None


class HealthzAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: Healthz | None = None
    error: ServerError | None = None


class JszAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: Jsz | None = None
    error: ServerError | None = None


class GatewayzAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: Gatewayz | None = None
    error: ServerError | None = None


class LeafzAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: Leafz | None = None
    error: ServerError | None = None


class RoutezAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: Routez | None = None
    error: ServerError | None = None


class AccstatzAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: Accstatz | None = None
    error: ServerError | None = None


class Envelope(Wire):
    """Who sent an answer whose contents cannot be read."""

    server: ServerName = msgspec.field(default_factory=ServerName)


class ServerInfo(Wire):
    """What a server says of itself when a client connects (`INFO`)."""

    server_name: Name = ""
    cluster: Name = ""
    domain: Name = ""
    version: Name = ""


class UserData(Wire):
    account: Name = ""
    account_name: Name = ""  # 2.11


class UserInfo(Wire):
    """`$SYS.REQ.USER.INFO`: who the connection's user is."""

    data: UserData = msgspec.field(default_factory=UserData)
