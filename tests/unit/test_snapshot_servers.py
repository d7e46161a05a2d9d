"""What a row of a server takes from its report, and what it leaves out."""

from tests.support.merging import YEAR_ONE, merged
from tests.support.reports import BORN, NOW, peer, server

from jetstream_exporter.wire import JetStreamConfig, MetaCluster, Varz, VarzJetStream


def test_a_member_of_the_meta_group_that_was_not_asked_is_down() -> None:
    group = MetaCluster(
        leader="n1",
        cluster_size=3,
        replicas=[peer("n2"), peer("Server name unknown at this time (peerID: x)")],
    )
    rows = merged(server("n1", meta=group)).servers
    assert [(row.name, row.up) for row in rows] == [("n1", True), ("n2", False)]


def test_a_server_without_a_list_says_nothing_of_leaderships() -> None:
    said = server("n1")
    said.jsz = None
    (row,) = merged(said).servers
    assert (
        row.up,
        row.jetstream,
        row.stream_leaders,
        row.consumer_leaders,
        row.list_complete,
    ) == (True, None, None, None, False)


def test_certificates_are_named_by_their_listener() -> None:
    said = server("n1")
    said.varz = Varz(server_id="ID", tls_cert_not_after=NOW)
    said.varz.leaf.tls_cert_not_after = BORN
    said.varz.mqtt.tls_cert_not_after = YEAR_ONE
    (row,) = merged(said).servers
    assert row.process is not None
    assert {"client": NOW.timestamp(), "leafnode": BORN.timestamp()} == row.process.certificates


def test_what_a_version_does_not_count_is_absent() -> None:
    said = server("n1")
    said.varz = Varz(server_id="ID", cpu=150.0, max_connections=-1)
    (row,) = merged(said).servers
    assert row.process is not None
    assert (
        row.process.stale_connections,
        row.process.stalled_clients,
        row.process.max_connections,
        row.process.cpu_cores_used,
    ) == (None, None, None, 1.5)


def test_a_domain_that_varz_never_learnt_is_jsz_s() -> None:
    """A server asked for varz before its JetStream ran leaves JetStream's configuration out of it for good."""
    said = server("n1")
    assert said.varz is not None
    assert said.jsz is not None
    said.varz.jetstream = VarzJetStream()
    said.jsz.config = JetStreamConfig(domain="hub")
    assert [row.process.domain for row in merged(said).servers if row.process] == ["hub"]
