"""An object that was created again is not mixed with the one before."""

from datetime import timedelta

from tests.support.merging import merged, on_one, only_consumer, only_stream
from tests.support.reports import BORN, consumer, follows, led, server, stream, unreplicated

from jetstream_exporter.snapshot import merge, read_configs
from jetstream_exporter.wire import MetaCluster, RaftGroup


def test_a_stream_made_anew_is_not_mixed_with_the_one_before() -> None:
    again = BORN + timedelta(minutes=1)
    old = server(
        "n1",
        stream(
            "S", unreplicated("n1"), consumer("old", unreplicated("n1")), messages=99, replicas=1
        ),
    )
    new = server("n2", stream("S", unreplicated("n2"), messages=1, replicas=1, created=again))
    snapshot = merged(old, new)
    assert [("n2", 1, again.timestamp())] == [
        (row.raft.leader, row.figures.messages, row.incarnation.created)
        for row in snapshot.streams
        if row.figures
    ]
    assert snapshot.consumers == []


def test_a_consumer_made_anew_is_not_mixed_with_the_one_before() -> None:
    again = BORN + timedelta(minutes=1)
    old = consumer("c", unreplicated("n1"), pending=99, config={"num_replicas": 1})
    new = consumer("c", unreplicated("n2"), pending=1, created=again, config={"num_replicas": 1})
    row = only_consumer(
        server("n1", stream("S", led("n1", "n2"), old, replicas=2)),
        server("n2", stream("S", follows("n1", "n1"), new, replicas=2)),
    )
    assert ("n2", 1, again.timestamp()) == (row.raft.leader, row.pending, row.incarnation.created)


def test_the_configuration_of_an_earlier_incarnation_is_not_this_one_s() -> None:
    known = read_configs([on_one(consumer("c", unreplicated("n1")))])
    again = BORN + timedelta(minutes=1)
    new = stream(
        "S",
        unreplicated("n1"),
        consumer("c", unreplicated("n1"), created=again),
        replicas=1,
        created=again,
    )
    snapshot = merge([server("n1", new, with_config=False)], known)
    assert [row.settings for row in snapshot.streams] == [None]
    assert [row.settings for row in snapshot.consumers] == [None]


def test_a_leader_s_configuration_beats_a_follower_s() -> None:
    """A follower may not have applied the last update yet."""
    n1 = server("n1", stream("S", led("n1", "n2"), config={"max_bytes": 2000}, replicas=2))
    n2 = server("n2", stream("S", follows("n1", "n1"), config={"max_bytes": 1000}, replicas=2))
    for reports in ((n1, n2), (n2, n1)):
        settings = only_stream(*reports).settings
        assert settings is not None
        assert settings.max_bytes == 2000


def test_a_light_answer_brings_no_configuration() -> None:
    said = server("n1", stream("S", unreplicated("n1"), replicas=1), with_config=False)
    assert read_configs([said]) == {}


def test_a_starting_server_s_own_time_of_creation_makes_no_other_incarnation() -> None:
    """Before 2.11 a server knows the common one from its meta leader, and until then its disk's (seen on 2.10.26)."""
    read = server("n1", stream("S", led("n1", "n2", "n3"), consumer("c", led("n1", "n2", "n3"))))
    late = BORN + timedelta(milliseconds=3)
    said = stream(
        "S", unreplicated("n1"), consumer("c", RaftGroup("C"), created=late), created=late
    )
    starting = server("n1", said, version="2.10.26", meta=MetaCluster(), with_config=False)
    snapshot = merge([starting], read_configs([read]))
    stream_row, consumer_row = snapshot.streams[0], snapshot.consumers[0]
    assert (stream_row.raft.leader, stream_row.figures) == (None, None)
    assert [row.incarnation.created for row in (stream_row, consumer_row)] == [BORN.timestamp()] * 2
    assert stream_row.settings is not None
    assert consumer_row.settings is not None
