"""What one server said of its links to others, and of the clients of each account."""

import msgspec

from jetstream_exporter.wire import Accstatz, Gatewayz, Leafz, Routez


class Links(msgspec.Struct, frozen=True, gc=False):
    """What a server said of its connections; None where it was not asked or gave no answer."""

    gateways: Gatewayz | None = None
    leafnodes: Leafz | None = None
    routes: Routez | None = None
    accounts: Accstatz | None = None

    def __or__(self, other: "Links") -> "Links":
        """These, and from the other what these lack."""
        return Links(
            self.gateways or other.gateways,
            self.leafnodes or other.leafnodes,
            self.routes or other.routes,
            self.accounts or other.accounts,
        )


NO_LINKS = Links()
