"""What varz says of a server beside its plain figures."""

import pytest
from tests.support.recorded import NEW, OLD, three_servers
from tests.support.reports import server

from jetstream_exporter.snapshot import merge
from jetstream_exporter.snapshot.rows import Process
from jetstream_exporter.snapshot.servers import NO_LIMIT, PATHS
from jetstream_exporter.wire import ByKind, IoWaits, Varz


def process(**varz: object) -> Process:
    said = server("n1", cluster="")
    said.varz = Varz("ID", "n1", **varz)  # type: ignore[arg-type]
    (row,) = merge([said]).servers
    assert row.process is not None
    return row.process


def test_a_server_that_says_nothing_of_them_has_none() -> None:
    said = process()
    assert (said.max_procs, said.memory_limit) == (None, None)
    assert (said.store_io_waits, said.store_io_wait) == (None, None)
    assert said.slow_consumers_by_kind == said.stale_connections_by_kind == {}
    assert said.monitoring_requests == {}


@pytest.mark.parametrize(
    ("written", "limit"), [(0, None), (-1, None), (NO_LIMIT, None), (1 << 30, 1 << 30)]
)
def test_a_memory_limit_that_is_none_is_absent(written: int, limit: int | None) -> None:
    assert process(gomemlimit=written).memory_limit == limit


def test_waits_for_the_disk_are_counted_and_their_time_is_in_seconds() -> None:
    said = process(disk_io_wait_stats=IoWaits(7, 1_500_000_000))
    assert (said.store_io_waits, said.store_io_wait) == (7, 1.5)


def test_connections_are_counted_by_kind_with_those_that_are_0() -> None:
    said = process(slow_consumer_stats=ByKind(1, 2, 3, 4))
    assert said.slow_consumers_by_kind == {"client": 1, "route": 2, "gateway": 3, "leafnode": 4}
    assert said.stale_connections_by_kind == {}


def test_paths_that_a_server_makes_up_are_bounded() -> None:
    stats = {f"/{i:04}": i for i in range(PATHS + 9)} | {"/" + "x" * 300: 1}
    said = process(http_req_stats=stats).monitoring_requests
    assert list(said) == [f"/{i:04}" for i in range(PATHS)]


def test_real_servers_of_the_newest_and_the_oldest_version_are_read() -> None:
    for version, has_stale in ((NEW, True), (OLD, False)):
        for row in merge(three_servers(version)).servers:
            assert row.process is not None
            assert row.process.max_procs
            assert set(row.process.slow_consumers_by_kind) == {
                "client",
                "route",
                "gateway",
                "leafnode",
            }
            assert bool(row.process.stale_connections_by_kind) == has_stale
            assert row.process.monitoring_requests["/jsz"] > 0
