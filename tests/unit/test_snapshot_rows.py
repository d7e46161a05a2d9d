"""What a row of a stream, a replica or a consumer takes from its reports, and what it leaves out."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.merging import STARTING, YEAR_ONE, merged, on_one, only_consumer, only_stream
from tests.support.reports import (
    BORN,
    LONG_AGO,
    NOW,
    SECOND,
    consumer,
    follows,
    led,
    peer,
    server,
    stream,
    unreplicated,
)

from jetstream_exporter.snapshot import merge, rows
from jetstream_exporter.snapshot.plain import COUNTS, GROUPS
from jetstream_exporter.snapshot.rows import Ephemerals
from jetstream_exporter.wire import (
    AccountDetail,
    ApiError,
    JetStreamLimits,
    LostData,
    MetaCluster,
    Position,
    PriorityGroup,
    RaftGroup,
    Source,
    StreamState,
)


def test_an_ephemeral_consumer_is_one_without_a_durable_name() -> None:
    rows = [
        consumer("durable", unreplicated("n1"), pending=1000),
        consumer("x1", unreplicated("n1"), durable=False, pending=3),
        consumer("x2", unreplicated("n1"), durable=False, pending=8),
    ]
    row = only_stream(on_one(*rows))
    assert (Ephemerals(2, 11, 8), 3) == (row.ephemerals, row.consumers)


def test_without_ephemerals_their_pending_is_0() -> None:
    assert Ephemerals(0, 0, 0) == only_stream(on_one()).ephemerals


def test_without_known_ephemerals_a_consumer_not_read_yet_may_be_one() -> None:
    said = on_one(consumer("x", unreplicated("n1"), pending=3))
    said.with_config = False
    assert [Ephemerals(None, None, None)] == [row.ephemerals for row in merged(said).streams]


def test_of_a_stream_that_nobody_leads_ephemerals_may_be_elsewhere() -> None:
    lost = stream("S", follows("", "n1", "n2"))
    assert Ephemerals(None, None, None) == only_stream(server("n1", lost)).ephemerals


def test_ephemerals_without_a_leader_have_no_pending() -> None:
    lost = consumer("x", RaftGroup("C"), durable=False)
    assert Ephemerals(1, None, None) == only_stream(on_one(lost)).ephemerals


def test_an_ephemeral_of_a_replicated_stream_with_limits_lives_on_one_server() -> None:
    single = consumer("x", unreplicated("n1"), durable=False, pending=2)
    row = only_consumer(server("n1", stream("S", led("n1", "n2", "n3"), single), health=STARTING))
    assert (row.raft.leader, row.pending) == ("n1", 2)


def test_an_ephemeral_of_a_replicated_work_queue_is_replicated() -> None:
    claimed = consumer("x", unreplicated("n1"), durable=False, pending=2)
    queue = stream("S", led("n1", "n2", "n3"), claimed, config={"retention": "workqueue"})
    starting = server("n1", queue, meta=MetaCluster())
    row = only_consumer(starting)
    assert (row.raft.leader, row.pending) == (None, None)


def sources(*origins: Source, mirror: Source | None = None) -> list[tuple[object, ...]]:
    row = only_stream(
        server(
            "n1", stream("S", unreplicated("n1"), replicas=1, sources=list(origins), mirror=mirror)
        )
    )
    return [(s.origin, s.kind, s.lag, s.last_seen, s.healthy) for s in row.sources]


def test_a_mirror_that_hears_its_origin_is_healthy() -> None:
    assert sources(mirror=Source("O", 3, SECOND // 2)) == [("O", "mirror", 3, 0.5, True)]


def test_an_origin_never_heard_has_no_lag_and_no_time() -> None:
    assert sources(mirror=Source("O", 0, -1)) == [("O", "mirror", None, None, False)]


@pytest.mark.parametrize(("active", "healthy"), [(30 * SECOND, True), (30 * SECOND + 1, False)])
def test_an_origin_silent_for_more_than_30_s_is_not_healthy(active: int, healthy: bool) -> None:
    assert [("O", "source", 0, active / SECOND, healthy)] == sources(Source("O", 0, active))


def test_an_origin_with_an_error_is_not_healthy() -> None:
    failed = Source("O", 0, 1, ApiError(404, 10059, "stream not found"))
    assert sources(failed) == [("O", "source", 0, 1e-9, False)]


def test_of_several_origins_of_one_name_the_worst_is_shown() -> None:
    one, two, never = Source("O", 5, SECOND), Source("O", 2, 40 * SECOND), Source("O", 0, -1)
    for origins in ([one, two, never], [never, two, one], [two, never, one]):
        assert sources(*origins) == [("O", "source", 5, 40.0, False)]


def test_a_source_and_a_mirror_of_one_name_are_two() -> None:
    both = sources(Source("O", 1, SECOND), mirror=Source("O", 2, SECOND))
    assert [(row[1], row[2]) for row in both] == [("mirror", 2), ("source", 1)]


def test_a_replica_whose_name_no_server_knows_has_no_row_but_counts() -> None:
    unnamed = peer("Server name unknown at this time (peerID: V6bJzNMr)")
    group = RaftGroup("C", "G", "n1", LONG_AGO, [peer("n2"), unnamed])
    row = only_stream(server("n1", stream("S", group)))
    assert ([r.server for r in row.replicas], row.raft.size, row.raft.current) == (["n2"], 3, 3)


def test_a_replica_only_assigned_yet_has_no_row() -> None:
    group = RaftGroup("C", "G", "n1", LONG_AGO, [peer("n2"), peer("n4", pending=True)])
    row = only_stream(server("n1", stream("S", group)))
    assert ([r.server for r in row.replicas], row.raft.size) == (["n2"], 2)


def test_a_replica_never_heard_has_no_last_seen() -> None:
    group = RaftGroup(
        "C", "G", "n1", LONG_AGO, [peer("n3", active=0), peer("n2", active=2 * SECOND, lag=4)]
    )
    row = only_stream(server("n1", stream("S", group)))
    assert [(r.server, r.last_seen, r.lag) for r in row.replicas] == [
        ("n2", 2.0, 4),
        ("n3", None, 0),
    ]


def test_a_floor_above_the_last_sequence_is_no_negative_lag() -> None:
    """The stream's and the consumer's leader answered at different moments."""
    row = only_consumer(on_one(consumer("c", unreplicated("n1"), floor=(7, 12)), messages=10))
    assert row.ack_floor_lag == 0


BELOW_ZERO = 2**64 - 1


@pytest.mark.parametrize("wrong", [BELOW_ZERO, BELOW_ZERO - 41, 2**63, -1])
def test_a_consumer_s_count_that_the_server_took_below_zero_is_absent(wrong: int) -> None:
    said = consumer(
        "c",
        unreplicated("n1"),
        pending=wrong,
        num_ack_pending=wrong,
        num_redelivered=wrong,
        num_waiting=wrong,
        delivered=(wrong, wrong),
        floor=(wrong, wrong),
    )
    row = only_consumer(on_one(said))
    assert row.raft.has_leader
    assert [getattr(row, name) for name in COUNTS] == [None] * len(COUNTS)
    assert row.ack_floor_lag is None


def test_the_consumer_s_other_figures_stay() -> None:
    said = consumer(
        "c", unreplicated("n1"), pending=BELOW_ZERO, delivered=(7, 8), num_ack_pending=3
    )
    row = only_consumer(on_one(said))
    assert (row.pending, row.ack_pending, row.deliveries, row.delivered_sequence) == (None, 3, 7, 8)


def test_a_stream_s_counts_below_zero_are_absent() -> None:
    wrong = StreamState(
        messages=BELOW_ZERO, bytes=BELOW_ZERO - 9, first_seq=BELOW_ZERO, last_seq=5, num_deleted=-1
    )
    group = led("n1", "n2")
    group.replicas[0].lag = BELOW_ZERO - 1
    source = Source("o", lag=BELOW_ZERO, active=1)
    said = stream("S", group, consumer("c", led("n1", "n2")), sources=[source])
    said.state = wrong
    row = only_stream(server("n1", said))
    assert row.figures is not None
    assert (row.figures.messages, row.figures.bytes, row.figures.first_sequence) == (None,) * 3
    assert (row.figures.last_sequence, row.figures.deleted) == (5, None)
    assert [replica.lag for replica in row.replicas] == [None]
    assert [(one.lag, one.healthy) for one in row.sources] == [(None, True)]


def test_a_server_s_and_an_account_s_bytes_below_zero_are_absent() -> None:
    one, other = (AccountDetail(name="A", id="A", storage=n, memory=7) for n in (BELOW_ZERO, 70))
    said = server("n1", accounts=[one])
    assert said.jsz is not None
    said.jsz.storage = said.jsz.reserved_memory = BELOW_ZERO - 5
    snapshot = merged(said, server("n2", accounts=[other]))
    row = snapshot.servers[0].jetstream
    assert row is not None
    assert (row.file.used, row.memory.reserved, row.memory.used) == (None, None, 0)
    assert [(a.file.used, a.memory.used) for a in snapshot.accounts] == [(70, 7)]


def test_waiting_pulls_are_a_pull_consumer_s_and_binding_a_push_consumer_s() -> None:
    pull = consumer("pull", unreplicated("n1"), num_waiting=2, config={"max_waiting": 512})
    push = consumer(
        "push",
        unreplicated("n1"),
        push_bound=True,
        config={"deliver_subject": "d", "max_waiting": 512},
    )
    rows = merged(on_one(pull, push)).consumers
    assert [
        (row.name, row.waiting_pulls, row.push_bound, row.settings and row.settings.max_waiting)
        for row in rows
    ] == [("pull", 2, None, 512), ("push", None, True, None)]


def test_until_the_configuration_is_read_neither_pulls_nor_binding_are_shown() -> None:
    said = on_one(consumer("c", unreplicated("n1"), num_waiting=2, push_bound=True))
    (row,) = merge([said]).consumers
    assert (row.waiting_pulls, row.push_bound) == (None, None)


def test_a_consumer_s_times_are_seconds_and_never_the_year_1() -> None:
    said = consumer("c", unreplicated("n1"), paused=True)
    said.delivered = Position(1, 1, NOW)
    said.ack_floor = Position(0, 0, YEAR_ONE)
    row = only_consumer(on_one(said))
    assert (NOW.timestamp(), None, True) == (row.last_delivery, row.last_ack, row.paused)


def test_an_empty_stream_has_no_first_and_no_last_message() -> None:
    state = StreamState(first_seq=11, last_seq=10, first_ts=YEAR_ONE, last_ts=NOW)
    said = stream("S", unreplicated("n1"), replicas=1)
    said.state = state
    figures = only_stream(server("n1", said)).figures
    assert figures is not None
    assert (
        figures.first_sequence,
        figures.last_sequence,
        figures.first_time,
        figures.last_time,
    ) == (11, 10, None, None)


@pytest.mark.parametrize("skew", [timedelta(minutes=-3), timedelta(0), timedelta(minutes=3)])
def test_the_age_of_the_oldest_message_is_by_the_clock_of_its_server(skew: timedelta) -> None:
    said = stream("S", unreplicated("n1"), replicas=1)
    said.state = StreamState(messages=1, first_ts=NOW + skew - timedelta(seconds=40))
    figures = only_stream(server("n1", said, now=NOW + skew)).figures
    assert figures is not None
    assert figures.first_age == 40.0


def test_a_server_s_default_number_of_consumers_is_absent_where_it_has_none() -> None:
    defaults = []
    for limits in (None, JetStreamLimits(), JetStreamLimits(default_max_consumers=1000)):
        report = server("n1")
        assert report.jsz is not None
        report.jsz.limits = limits
        (row,) = merged(report).servers
        assert row.jetstream is not None
        defaults.append(row.jetstream.default_max_consumers)
    assert defaults == [None, None, 1000]


def test_a_stream_s_messages_have_their_times_and_losses() -> None:
    said = stream("S", unreplicated("n1"), replicas=1)
    said.state = StreamState(
        messages=2, first_ts=BORN, last_ts=NOW, num_deleted=4, lost=LostData([3, 4, 5])
    )
    figures = only_stream(server("n1", said)).figures
    assert figures is not None
    assert (BORN.timestamp(), NOW.timestamp(), 4, 3) == (
        figures.first_time,
        figures.last_time,
        figures.deleted,
        figures.lost,
    )


def test_no_row_can_be_written_to() -> None:
    """Rendering and later scrapes read the same rows at the same time."""
    kinds = [getattr(rows, name) for name in rows.__all__]
    assert len(kinds) > 20
    assert [kind for kind in kinds if not kind.__struct_config__.frozen] == []


def test_a_pause_counts_down_only_while_the_consumer_is_paused() -> None:
    for paused, expected in ((True, 90.0), (False, None)):
        said = consumer("c", unreplicated("n1"), paused=paused, pause_remaining=90 * SECOND)
        assert only_consumer(on_one(said)).pause_remaining == expected


def test_a_backoff_and_an_inactivity_are_absent_where_there_is_none() -> None:
    plain = only_consumer(on_one(consumer("c", unreplicated("n1")))).settings
    assert plain is not None
    assert (plain.backoff_steps, plain.inactive_threshold) == (None, None)
    config = {"backoff": [SECOND, SECOND, 60 * SECOND], "inactive_threshold": 300 * SECOND}
    given = only_consumer(on_one(consumer("c", unreplicated("n1"), config=config))).settings
    assert given is not None
    assert (given.backoff_steps, given.inactive_threshold) == (3, 300.0)


def test_only_groups_with_a_pinned_client_have_a_row_and_each_name_once() -> None:
    groups = [
        PriorityGroup("b", "x", LONG_AGO),
        PriorityGroup("a", "", LONG_AGO),
        PriorityGroup("b", "y", NOW),
        PriorityGroup("c", "z", datetime(1, 1, 1, tzinfo=UTC)),
    ]
    row = only_consumer(on_one(consumer("c", unreplicated("n1"), priority_groups=groups)))
    assert [(group.name, group.since) for group in row.pinned] == [
        ("b", NOW.timestamp()),
        ("c", None),
    ]


def test_a_server_cannot_make_up_any_number_of_groups() -> None:
    groups = [PriorityGroup(f"g{i}", "x", NOW) for i in range(GROUPS + 5)]
    row = only_consumer(on_one(consumer("c", unreplicated("n1"), priority_groups=groups)))
    assert len(row.pinned) == GROUPS
