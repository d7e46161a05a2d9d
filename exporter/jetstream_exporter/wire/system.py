"""The answers of the system account, `$SYS.REQ.>`: the monitoring port's, in an envelope that names the server."""

from datetime import datetime

import msgspec

from jetstream_exporter.wire.monitoring import Healthz, Jsz, Varz
from jetstream_exporter.wire.part import Wire


class ServerName(Wire):
    """Who answered, in the envelope of the system account's answers."""

    name: str = ""
    id: str = ""
    cluster: str = ""
    ver: str = ""


class ServerError(Wire):
    code: int = 0
    description: str = ""


class Statsz(Wire):
    start: datetime | None = None
    active_servers: int = 0


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


class UserData(Wire):
    account: str = ""
    account_name: str = ""  # 2.11


class UserInfo(Wire):
    """`$SYS.REQ.USER.INFO`: who the connection's user is."""

    data: UserData = msgspec.field(default_factory=UserData)
