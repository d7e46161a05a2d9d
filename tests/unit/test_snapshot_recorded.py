"""Seven versions were given the same work: the same truth comes out of what each of them says."""

import json
from collections import Counter
from typing import Any

import pytest
from scripts.versions import RECORDED
from tests.support.recorded import PAYLOADS, survivor, three_servers

from jetstream_exporter.report import ServerReport
from jetstream_exporter.snapshot import Consumer, Snapshot, merge, read_configs

R1_STREAMS = [f"R1_{n}" for n in range(6)]

# pending, ack pending, redelivered, ack floor lag, delivered and ack floor (stream), deliveries, acknowledged
FIGURES = {
    "all": (70, 19, 14, 89, 30, 11, 45, 11),
    "ex": (94, 1, 5, 100, 6, 0, 11, 0),
    "fa": (25, 0, 0, 100, 0, 0, 0, 0),
    "none": (100, 0, 0, 100, 0, 0, 0, 0),
    "r1c": (100, 0, 0, 100, 0, 0, 0, 0),
}


def merged(reports: list[ServerReport]) -> Snapshot:
    return merge(reports, read_configs(reports))


def figures(row: Consumer) -> tuple[int | None, ...]:
    return (
        row.pending,
        row.ack_pending,
        row.redelivered,
        row.ack_floor_lag,
        row.delivered_sequence,
        row.ack_floor_sequence,
        row.deliveries,
        row.acknowledged,
    )


def raw(version: str) -> dict[str, dict[str, Any]]:
    """The answers by server name, read without any code of the exporter."""
    folder = PAYLOADS / "versions" / version
    return {
        json.loads((folder / f"varz_{n}.json").read_text())["server_name"]: json.loads(
            (folder / f"jsz_{n}.json").read_text()
        )
        for n in (1, 2, 3)
    }


def raw_consumers(version: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (who, stream["name"], consumer)
        for who, jsz in raw(version).items()
        for account in jsz["account_details"]
        for stream in account.get("stream_detail", [])
        for consumer in stream.get("consumer_detail", [])
    ]


@pytest.mark.parametrize("version", RECORDED)
def test_every_consumer_has_the_figures_of_its_own_leader(version: str) -> None:
    rows = merged(three_servers(version)).consumers
    actual = {(row.stream, row.name): figures(row) for row in rows}
    expected = {("R3", name): FIGURES[name] for name in FIGURES}
    expected |= {(stream, "c"): (10, 0, 0, 10, 0, 0, 0, 0) for stream in R1_STREAMS}
    assert expected == actual


@pytest.mark.parametrize("version", RECORDED)
def test_the_leader_of_each_consumer_is_the_server_that_names_itself(version: str) -> None:
    rows = merged(three_servers(version)).consumers
    expected = {
        (stream, said["name"]): who
        for who, stream, said in raw_consumers(version)
        if said["cluster"].get("leader") == who
    }
    assert expected == {(row.stream, row.name): row.raft.leader for row in rows}


@pytest.mark.parametrize("version", RECORDED)
def test_a_follower_s_zero_never_gets_out(version: str) -> None:
    followers = [
        (stream, said["name"])
        for who, stream, said in raw_consumers(version)
        if said["cluster"].get("leader") != who and said["num_pending"] == 0
    ]
    assert len(followers) == 8, "two followers of each of four replicated consumers"
    rows = {(row.stream, row.name): row for row in merged(three_servers(version)).consumers}
    assert all(rows[key].pending for key in followers)


@pytest.mark.parametrize("version", RECORDED)
def test_a_follower_alone_gives_no_figure_at_all(version: str) -> None:
    for who in three_servers(version):
        snapshot = merged([who])
        for row in snapshot.consumers:
            if row.raft.leader is None:
                assert figures(row) == (None,) * 8
                assert (row.waiting_pulls, row.push_bound, row.paused) == (None, None, None)
        for stream in snapshot.streams:
            if stream.raft.leader is None:
                assert (stream.figures, stream.replicas, stream.sources) == (None, (), ())


@pytest.mark.parametrize("version", RECORDED)
def test_streams_have_their_leader_s_state(version: str) -> None:
    rows = merged(three_servers(version)).streams
    actual = {
        row.name: (row.figures.messages, row.figures.bytes, row.figures.last_sequence)
        for row in rows
        if row.figures
    }
    expected = {"R3": (100, 13400, 100), **dict.fromkeys(R1_STREAMS, (10, 370, 10))}
    assert expected == actual


@pytest.mark.parametrize("version", RECORDED)
def test_consumers_are_counted_over_all_servers(version: str) -> None:
    """The stream's leader itself says 4 or 5: it does not see a consumer of one replica elsewhere."""
    rows = merged(three_servers(version)).streams
    assert {"R3": 5, **dict.fromkeys(R1_STREAMS, 1)} == {row.name: row.consumers for row in rows}


@pytest.mark.parametrize("version", RECORDED)
def test_replicas_are_the_leader_s_word(version: str) -> None:
    """Followers say of each other that they are not current, and before 2.12.5 that they lag."""
    (r3,) = [row for row in merged(three_servers(version)).streams if row.name == "R3"]
    others = sorted(raw(version).keys() - {r3.raft.leader})
    assert [(name, True, False, 0) for name in others] == [
        (row.server, row.current, row.offline, row.lag) for row in r3.replicas
    ]
    raft = r3.raft
    assert (
        raft.size,
        raft.current,
        raft.quorum_needed,
        raft.fault_tolerance,
        raft.has_leader,
        raft.has_quorum,
    ) == (3, 3, 2, 1, True, True)


@pytest.mark.parametrize("version", RECORDED)
def test_what_lives_on_one_server_has_no_replication_figures(version: str) -> None:
    snapshot = merged(three_servers(version))
    rafts = [row.raft for row in snapshot.streams if row.name != "R3"]
    rafts += [row.raft for row in snapshot.consumers if row.name in ("c", "r1c")]
    assert len(rafts) == 13
    for raft in rafts:
        assert (
            raft.has_leader,
            raft.has_quorum,
            raft.size,
            raft.quorum_needed,
            raft.fault_tolerance,
        ) == (True, True, None, None, None)


@pytest.mark.parametrize("version", RECORDED)
def test_the_meta_group_is_its_leader_s_word(version: str) -> None:
    (meta,) = merged(three_servers(version)).metas
    leaders = {jsz["meta_cluster"]["leader"] for jsz in raw(version).values()}
    assert leaders == {meta.leader}
    assert (
        meta.has_leader,
        meta.has_quorum,
        meta.peers,
        meta.peers_current,
        meta.quorum_needed,
        meta.fault_tolerance,
    ) == (True, True, 3, 3, 2, 1)
    assert sorted(raw(version).keys() - leaders) == [peer.server for peer in meta.members]
    assert all(peer.current and not peer.offline and peer.last_seen for peer in meta.members)
    expected_rescue = False if version.startswith("2.15") else None
    assert expected_rescue is meta.rescue


@pytest.mark.parametrize("version", RECORDED)
def test_an_account_s_use_is_taken_once_and_not_summed(version: str) -> None:
    accounts = {row.id: row for row in merged(three_servers(version)).accounts}
    assert sorted(accounts) == ["APP", "APP2"]
    app = accounts["APP"]
    assert app.file.used == 3 * 13400 + 6 * 370
    assert (app.file.limit, app.memory.limit, app.api_requests, app.api_errors) == (
        None,
        None,
        18,
        0,
    )


@pytest.mark.parametrize("version", RECORDED)
def test_the_leaderships_of_all_servers_sum_up_to_the_objects(version: str) -> None:
    snapshot = merged(three_servers(version))
    led = Counter(row.raft.leader for row in snapshot.streams)
    assert dict(led) == {row.name: row.stream_leaders for row in snapshot.servers}
    assert len(snapshot.consumers) == sum(row.consumer_leaders or 0 for row in snapshot.servers)


@pytest.mark.parametrize("version", RECORDED)
def test_without_two_of_three_servers_a_replicated_stream_has_no_figures(version: str) -> None:
    """2.10 to 2.12 keep reporting the figures of the leader that the survivor once was."""
    known = read_configs(three_servers(version))
    snapshot = merge(survivor(version), known)
    (r3,) = [row for row in snapshot.streams if row.name == "R3"]
    assert (
        r3.raft.leader,
        r3.raft.has_leader,
        r3.raft.has_quorum,
        r3.figures,
    ) == (None, False, False, None)
    for row in snapshot.consumers:
        if row.stream == "R3" and row.name != "r1c":
            assert (row.raft.leader, row.raft.has_leader, row.raft.has_quorum) == (
                None,
                False,
                False,
            )
            assert figures(row) == (None,) * 8


@pytest.mark.parametrize("version", RECORDED)
def test_without_two_of_three_servers_what_lives_on_the_third_goes_on(version: str) -> None:
    (who,) = survivor(version)
    snapshot = merge([who], read_configs(three_servers(version)))
    led = {row.name for row in snapshot.streams if row.raft.leader == who.server_name}
    assert len(led) == 2
    assert led < set(R1_STREAMS)
    assert [(row.pending,) for row in snapshot.consumers if row.stream in led] == [(10,)] * 2


@pytest.mark.parametrize("version", RECORDED)
def test_without_two_of_three_servers_the_meta_group_has_no_majority(version: str) -> None:
    (meta,) = merged(survivor(version)).metas
    assert (
        meta.leader,
        meta.has_leader,
        meta.has_quorum,
        meta.peers_current,
        meta.quorum_needed,
    ) == (None, False, False, None, 2)


@pytest.mark.parametrize("version", [v for v in RECORDED if v.startswith("2.15")])
def test_servers_that_only_the_meta_group_knows_are_named_as_down(version: str) -> None:
    """Before 2.15 a follower does not name the other members."""
    (who,) = survivor(version)
    expected = {name: name == who.server_name for name in raw(version)}
    assert expected == {row.name: row.up for row in merged([who]).servers}
