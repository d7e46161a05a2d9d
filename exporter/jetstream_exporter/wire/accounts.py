"""What a server says of the clients of each account: `accstatz`."""

import msgspec

from jetstream_exporter.wire.part import Name, Refusals, Unsigned, Wire


class AccountTraffic(Wire):
    msgs: Unsigned = 0
    bytes: Unsigned = 0


class AccountStat(Wire):
    """One account on one server, since that server started. `conns` counts clients without leaf nodes."""

    acc: Name = ""
    name: Name = ""  # 2.11
    conns: Unsigned = 0
    leafnodes: Unsigned = 0
    num_subscriptions: Unsigned = 0
    sent: AccountTraffic = msgspec.field(default_factory=AccountTraffic)
    received: AccountTraffic = msgspec.field(default_factory=AccountTraffic)
    slow_consumers: Unsigned = 0


class Accstatz(Refusals):
    account_statz: list[AccountStat] = []
