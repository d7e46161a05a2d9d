"""Which requests about its connections a server is asked: those that the configuration wants and varz has a reason for.

`varz` of the same scrape decides about links. A link that is made between the two is read by the next scrape; one that
ends is missing from the answer.
"""

from collections.abc import Collection

from jetstream_exporter.wire import Varz

GATEWAYS, LEAFNODES, ROUTES, ACCOUNTS = "gatewayz", "leafz", "routez", "accstatz"
OF_LINKS = frozenset({GATEWAYS, LEAFNODES, ROUTES})
OF_ACCOUNTS = frozenset({ACCOUNTS})
HASTE = 0.1  # seconds that a scrape waits for a request that was late in the last one
PATIENT_EVERY = 5  # after so many scrapes it waits for it as long as for any other


def is_patient(late: int) -> bool:
    """Whether a request that was late so many times in a row is given time of its own in this scrape."""
    return late % PATIENT_EVERY == 0


def wanted(varz: Varz | None, further: Collection[str]) -> list[str]:
    """The names of the requests, out of `further`; none without varz, and none about links that there are not."""
    if varz is None:
        return []
    has = {
        GATEWAYS: varz.gateway.name,
        LEAFNODES: varz.leafnodes,
        ROUTES: varz.routes,
        ACCOUNTS: True,
    }
    return [name for name, there in has.items() if there and name in further]
