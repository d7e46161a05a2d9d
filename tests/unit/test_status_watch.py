"""What is remembered between snapshots, the states of objects, and the sentences of findings."""

from typing import Any

import pytest
from tests.support.status import (
    HOUR,
    MINUTE,
    NOW,
    consumer,
    found,
    leaderless,
    meta,
    one,
    raft,
    replica,
    server,
    snapshot,
    stream,
    view,
)

from jetstream_exporter.report import EventCounts
from jetstream_exporter.status import states
from jetstream_exporter.status.facts import of_cluster, of_consumer, of_server, of_stream
from jetstream_exporter.status.watch import Watch

STALLED = ("JetStreamConsumerStalled", "critical")
EXHAUSTED = ("JetStreamConsumerMaxDeliverExhausted", "critical")
IDLE = {"last_delivery": None, "last_ack": None, "waiting_pulls": None}


def at(minutes: float, *rows: Any) -> tuple[float, Any]:
    return (minutes * MINUTE, snapshot(stream(), *rows))


def state_of(*moments: Any) -> str:
    """Of the only consumer."""
    return next(iter(view(*moments).consumers.values()))


def test_a_consumer_stalls_after_ten_minutes_without_progress() -> None:
    work = {**IDLE, "pending": 5, "ack_pending": 1}
    assert STALLED in found(at(10, consumer(**work)), at(0, consumer(**work)))
    assert STALLED not in found(at(9, consumer(**work)), at(0, consumer(**work)))


@pytest.mark.parametrize("field", ["deliveries", "acknowledged", "last_delivery"])
def test_any_progress_begins_the_ten_minutes_anew(field: str) -> None:
    work = {**IDLE, "pending": 5, "ack_pending": 1}
    moved = {**work, field: 1_000}
    moments = (at(20, consumer(**work)), at(5, consumer(**moved)), at(0, consumer(**moved)))
    assert STALLED not in found(*moments)


def test_a_backlog_that_was_finished_meanwhile_begins_anew() -> None:
    work = {**IDLE, "pending": 5, "ack_pending": 1}
    assert STALLED not in found(
        at(20, consumer(**work)), at(5, consumer()), at(0, consumer(**work))
    )


def test_one_snapshot_says_since_when_by_the_times_of_the_server() -> None:
    times = {"last_delivery": NOW - HOUR, "last_ack": NOW - 0.5 * HOUR, "waiting_pulls": None}
    row = consumer(pending=5, ack_pending=1, **times)
    finding = one(STALLED[0], view(snapshot(stream(), row)).findings)
    assert finding.since == NOW - 0.5 * HOUR
    assert finding.is_firing


def test_messages_that_wait_for_an_unknown_time_are_not_said_to_have_waited() -> None:
    times = {"last_delivery": NOW - HOUR, "last_ack": NOW - HOUR, "waiting_pulls": None}
    assert STALLED not in found(snapshot(stream(), consumer(pending=5, **times)))


def test_the_first_message_of_a_stream_says_how_long_it_has_waited() -> None:
    times = {"last_delivery": NOW - HOUR, "last_ack": NOW - HOUR, "waiting_pulls": None}
    row = consumer(pending=5, delivered_sequence=100, ack_floor_sequence=100, **times)
    first = stream(figures_={"first_sequence": 101, "last_sequence": 105, "first_time": NOW - 900})
    assert STALLED in found(snapshot(first, row))


WAITING = {"last_delivery": NOW - HOUR, "last_ack": NOW - HOUR, "ack_pending": 5}
EXCUSES = {
    "delayed": {**WAITING, "waiting_pulls": 1},
    "working": {**WAITING, "waiting_pulls": 0, "settings_": {"ack_wait": 2 * HOUR}},
    "nobody fetches": {
        **WAITING,
        "ack_pending": 0,
        "pending": 5,
        "waiting_pulls": 0,
        "delivered_sequence": 100,
    },
}


@pytest.mark.parametrize("word", EXCUSES)
def test_what_explains_the_standstill_is_the_state_and_not_stalled(word: str) -> None:
    moments = [at(30, consumer(**EXCUSES[word])), at(0, consumer(**EXCUSES[word]))]
    assert STALLED not in found(*moments)
    assert state_of(*moments) == word


def test_a_refusal_after_the_last_delivery_explains_it_too() -> None:
    """Its worker has answered: the server delivers the message again when the delay is over."""
    base = {**WAITING, "waiting_pulls": 0}
    before, after = EventCounts(naks=1), EventCounts(naks=2)
    moments = [at(30, consumer(events=before, **base)), at(20, consumer(events=after, **base))]
    assert state_of(*moments) == "delayed"
    assert state_of(at(30, consumer(**base)), at(20, consumer(**base))) == "stalled"


def test_a_standing_count_of_given_up_messages_is_no_news_and_a_new_one_is() -> None:
    standing, more = consumer(redelivered=3), consumer(redelivered=4)
    assert EXHAUSTED not in found(at(60, standing), at(0, standing))
    assert EXHAUSTED in found(at(60, standing), at(1, standing), at(0, more))
    assert EXHAUSTED not in found(at(60, standing), at(1, more), at(-30, more))


def test_messages_in_flight_that_uncover_old_cases_are_no_news() -> None:
    standing, hidden = consumer(redelivered=3), consumer(redelivered=3, ack_pending=3)
    moments = (at(120, standing), at(60, standing), at(30, hidden), at(0, standing))
    assert EXHAUSTED not in found(*moments)


def test_given_up_messages_need_a_limit_above_one() -> None:
    one_delivery = consumer(redelivered=3, settings_={"max_deliver": 1})
    assert EXHAUSTED not in found(at(60, consumer()), at(0, one_delivery))


def test_a_stream_that_comes_back_with_its_server_is_found_again() -> None:
    gone = snapshot(server("n0", up=False), server("n1"))
    there = snapshot(stream(raft=raft(size=None, current=None, quorum_needed=None), replicas=[]))
    name = ("JetStreamStreamUnavailable", "critical")
    assert name in found((9 * MINUTE, there), (8 * MINUTE, gone), (0, gone))
    assert name not in found((9 * MINUTE, there), (8 * MINUTE, gone), (0, there))
    assert name not in found((90 * MINUTE, there), (80 * MINUTE, gone), (0, gone))
    assert name not in found((9 * MINUTE, there), (8 * MINUTE, snapshot(server("n1"))), (0, gone))


def test_a_counter_that_began_anew_counts_from_zero() -> None:
    before, after = server(slow_consumers=7), server(slow_consumers=2)
    finding = one(
        "NatsSlowConsumersDetected",
        view((60, snapshot(before)), (0, snapshot(after))).findings,
    )
    assert finding.value == 2


def test_a_finding_fires_after_its_window_and_the_wait_of_its_alert() -> None:
    moments = [at(0.5, consumer(raft=leaderless())), at(0, consumer(raft=leaderless()))]
    young = one("JetStreamConsumerNoLeader", view(*moments).findings)
    assert (young.is_firing, young.fires_at) == (False, NOW + 30)
    old = one(
        "JetStreamConsumerNoLeader", view(at(1, consumer(raft=leaderless())), moments[1]).findings
    )
    assert old.is_firing


def test_the_worst_comes_first() -> None:
    rows = (stream(raft=leaderless()), consumer(ack_pending=950), meta(True, False))
    moments = ((10 * MINUTE, snapshot(*rows)), (0.0, snapshot(*rows)))
    assert [each.alert.severity for each in view(*moments).findings] == [
        "critical",
        "warning",
        "warning",
    ]


def test_a_sentence_is_the_alert_s_with_the_object_s_names_and_value() -> None:
    row = server("n7", file=(855, 1000, 0))
    finding = one("JetStreamServerStorageHigh", view(snapshot(row)).findings)
    assert finding.sentence == (
        "Server n7 of cluster east uses 85.5% of its file store. When the store is full, every "
        "stream on the server rejects new messages."
    )


def test_a_condition_in_a_sentence_follows_the_label() -> None:
    def sentence(**changed: Any) -> str:
        rows = (server("n0"), server("n1", up=False, **changed), meta(True))
        return one("JetStreamExporterServerScrapeFailing", view(snapshot(*rows)).findings).sentence

    assert "cannot be reached by the exporter" in sentence()
    assert "is not configured as a target of the exporter" in sentence(configured=False)


SERVERS = {
    "up": server(),
    "unhealthy": server(healthy=False),
    "starting": server(healthy=False, list_complete=False, start=NOW - 60),
    "leaving": server(healthy=False, list_complete=False),
    "store full": server(file=(91, 100, 0)),
}


@pytest.mark.parametrize("word", SERVERS)
def test_the_state_of_a_server(word: str) -> None:
    row = SERVERS[word]
    found_state = view(snapshot(row)).servers[of_server(row)]
    assert found_state == word


def test_a_server_that_nobody_hears_is_down_and_one_that_we_do_not_reach_is_not() -> None:
    rows = [server("n0"), server("n1", up=False), server("n2", up=False), meta(True, False)]
    assert [*view(snapshot(*rows)).servers.values()] == ["up", "not reachable", "down"]


@pytest.mark.parametrize(
    ("word", "row"),
    [
        ("ok", meta(True, True)),
        ("replica behind", meta(True, True, True, False)),
        ("no tolerance", meta(True, False)),
        ("no quorum", meta(False, False, has_quorum=False)),
        ("no leader", meta(leader=None, has_leader=False)),
        ("not known", meta(leader=None, has_leader=None, has_quorum=None)),
    ],
)
def test_the_state_of_a_meta_group(word: str, row: Any) -> None:
    assert view(snapshot(row)).metas[of_cluster(row.cluster)] == word


def test_how_many_members_are_current_is_not_said_where_no_leader_says_it() -> None:
    assert states.members(meta(True, False)) == "2 of 3 members are current"
    nobody = meta(True, True, leader=None, has_leader=False, peers_current=None)
    assert states.members(nobody) == "3 members"


@pytest.mark.parametrize(
    ("word", "row"),
    [
        ("ok", stream()),
        ("no leader", stream(raft=leaderless())),
        ("no quorum", stream(raft=raft(has_quorum=False))),
        ("refusing", stream(settings_={"max_messages": 100, "discard": "new"})),
        ("no tolerance", stream(raft=raft(current=2))),
        ("replica behind", stream(replicas=[replica("n1", current=False)])),
        ("nearly full", stream(settings_={"max_bytes": 1000}, figures_={"bytes": 900})),
        ("not known", stream(raft=raft(leader=None, has_leader=None, has_quorum=None))),
    ],
)
def test_the_state_of_a_stream(word: str, row: Any) -> None:
    assert view(snapshot(row)).streams[of_stream(row)] == word


def test_the_state_of_a_consumer_is_its_worst() -> None:
    row = consumer(raft=leaderless(), paused=True)
    assert view(snapshot(stream(), row)).consumers[of_consumer(row)] == "no leader"
    assert state_of(at(0, consumer(paused=True, pending=5))) == "paused"
    assert state_of(at(0, consumer())) == "ok"


def test_every_state_has_a_meaning() -> None:
    words = {word for group in states.WORDS.values() for word in group}
    assert words == set(states.MEANING)


def test_what_is_remembered_does_not_grow_with_what_is_well() -> None:
    watch = Watch()
    many = snapshot(stream(), *(consumer(f"c{n}") for n in range(1000)))
    memory = watch.note(many, NOW)
    assert len(memory.standing) == 0
    assert all(len(tracks) == 0 for tracks in memory.tracks.values())
    busy = snapshot(stream(), *(consumer(f"c{n}", pending=1) for n in range(1000)))
    assert len(watch.note(busy, NOW + 1).standing) == 1000
    assert len(watch.note(many, NOW + 2).standing) == 0
