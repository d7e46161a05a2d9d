"""Which requests about its connections a server is asked: those that the configuration wants and varz has a reason for.

`varz` of the same scrape decides about links. A link that is made between the two is read by the next scrape; one that
ends is missing from the answer.
"""

from collections.abc import Collection, Mapping

from jetstream_exporter.config.schema import Collect
from jetstream_exporter.wire import Varz

GATEWAYS, LEAFNODES, ROUTES, ACCOUNTS = "gatewayz", "leafz", "routez", "accstatz"
OF_LINKS = frozenset({GATEWAYS, LEAFNODES, ROUTES})
OF_ACCOUNTS = frozenset({ACCOUNTS})
PATIENCE = 1.0  # seconds that what else a server said waits for a request
HASTE = 0.1  # seconds that it waits for a request that was late in the last scrape
PATIENT_EVERY = 5  # after so many scrapes it waits for it as long as for any other

Late = dict[str, int]  # of one server, by request: times in a row without an answer in time


def further(collect: Collect) -> frozenset[str]:
    """What servers are asked beside varz, healthz and jsz."""
    links = OF_LINKS if collect.links else frozenset[str]()
    return links | OF_ACCOUNTS if collect.accounts else links


def is_patient(late: Mapping[str, int], name: str) -> bool:
    """Whether this scrape waits for a request, because it was not late in the last one, or now and then."""
    return late.get(name, 0) % PATIENT_EVERY == 0


def note(late: Late, name: str, *, in_time: bool) -> None:
    if in_time:
        late.pop(name, None)
    else:
        late[name] = late.get(name, 0) + 1


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
