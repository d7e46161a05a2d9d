"""Which part of a server fails, out of the sentences of healthz."""

import msgspec
import pytest
from tests.support.reports import server

from jetstream_exporter.metrics.servers import SERVERS
from jetstream_exporter.report import Health, Links
from jetstream_exporter.snapshot import merge
from jetstream_exporter.snapshot.health import failing_part
from jetstream_exporter.wire import (
    GatewayConnection,
    GatewayListener,
    GatewayRemote,
    Gatewayz,
    RemoteGateway,
)

SAID = {
    "JetStream is still recovering meta layer": "jetstream",
    "JetStream has not established contact with a meta leader": "jetstream",
    "JetStream is not current with the meta leader": "jetstream",
    "JetStream not enabled": "jetstream",
    "JetStream stream 'A > S' is not current: group node unhealthy": "stream",
    "JetStream stream 'A > S' could not be recovered": "stream",
    "JetStream consumer 'A > S > c' could not be found": "consumer",
    "JetStream account 'A' not found": "account",
    "failed to be ready for connections after 1ms: server": "connection",
    "something new": "other",
    "": "other",
}


@pytest.mark.parametrize(("error", "part"), SAID.items())
def test_the_part_that_fails_is_told_and_its_sentence_is_not(error: str, part: str) -> None:
    assert failing_part(Health(503, error)) == part
    (row,) = merge([server("n1", health=Health(500, error))]).servers
    assert row.failing_part == part


def test_nothing_fails_where_the_check_passed_or_was_not_answered() -> None:
    assert failing_part(Health(200)) == failing_part(None) == ""


def test_gateways_are_the_remote_clusters_that_there_is_a_connection_to() -> None:
    there = RemoteGateway(GatewayConnection())
    said = Gatewayz({"west": there}, {"west": [there, there], "north": [there]})
    report = server("n1")
    assert report.varz is not None
    names = [GatewayRemote(name) for name in ("east", "west", "south")]
    report.varz.gateway = GatewayListener("east", gateways=names)
    for links, count in ((Links(gateways=said), 1), (Links(), None)):
        (row,) = merge([msgspec.structs.replace(report, links=links)]).servers
        (family,) = (each for each in SERVERS.families if each.name == "nats_server_gateways")
        assert family.value(row) == count
