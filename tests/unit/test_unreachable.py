"""Servers that were asked and did not answer are rows of their own, under the name that is known of them."""

from jetstream_exporter.report import PROBE, Outcome, ServerAnswer, ServerReport
from jetstream_exporter.snapshot.rows import Server
from jetstream_exporter.state.unreachable import UnreachableServers, address

Seen = list[tuple[str, str, bool, bool | None]]


def up(name: str, cluster: str = "C") -> Server:
    return Server(cluster, name, up=True)


def down(name: str, cluster: str = "C", *, is_far: bool = False) -> Server:
    """One that the meta group names."""
    return Server(cluster, name, up=False, is_far=is_far)


def answer(name: str, target: str = "", cluster: str = "C", **more: object) -> Outcome:
    report = ServerReport(f"ID-{name}", name, cluster)
    return Outcome(
        "monitoring", target or f"http://{name}:8222", 0.0, answer=ServerAnswer(report), **more
    )  # type: ignore[arg-type]


def silence(
    target: str, cluster_name: str = "", *, is_server: bool = True, entry: int = 0
) -> Outcome:
    url = f"http://{target}:8222"
    return Outcome(
        "monitoring",
        url,
        0.0,
        error="refused",
        cluster_name=cluster_name,
        answer=ServerAnswer() if is_server else None,
        entry=entry,
    )


def rows(
    silent: UnreachableServers,
    servers: list[Server],
    outcomes: list[Outcome],
    elsewhere: frozenset[str] = frozenset(),
) -> Seen:
    found = silent.added_to(servers, outcomes, set(elsewhere))
    return [(row.cluster, row.name, row.up, row.configured) for row in found]


def test_all_that_answer_are_all_there_is() -> None:
    assert rows(UnreachableServers(), [up("n1")], [answer("n1")]) == [("C", "n1", True, True)]


def test_a_target_that_answered_before_is_down_under_its_server_s_name() -> None:
    silent = UnreachableServers()
    rows(silent, [up("n1"), up("n2")], [answer("n1"), answer("n2")])
    assert rows(silent, [up("n1")], [answer("n1"), silence("n2")]) == [
        ("C", "n1", True, True),
        ("C", "n2", False, True),
    ]


def test_a_target_that_never_answered_is_down_under_its_address() -> None:
    assert rows(UnreachableServers(), [up("n1")], [answer("n1"), silence("n2")]) == [
        ("C", "n1", True, True),
        ("C", "n2:8222", False, True),
    ]


def test_a_target_has_the_name_of_the_server_that_it_was_last() -> None:
    silent = UnreachableServers()
    rows(silent, [up("n1")], [answer("n1"), silence("n2")])
    rows(silent, [], [silence("n1"), silence("n2")])
    assert silent.name_of("http://n1:8222") == "n1"
    assert silent.name_of("http://n2:8222") == ""


def test_a_target_that_is_asked_no_more_is_forgotten() -> None:
    silent = UnreachableServers()
    rows(silent, [up("n1"), up("n2")], [answer("n1"), answer("n2")])
    assert rows(silent, [up("n1")], [answer("n1")]) == [("C", "n1", True, True)]
    assert len(silent) == 1


def test_a_silent_target_is_the_silent_server_that_the_meta_group_names() -> None:
    """One server is not exported twice, by its name and by its address."""
    found = rows(UnreachableServers(), [up("n1"), down("n2")], [answer("n1"), silence("host-2")])
    assert found == [("C", "n1", True, True), ("C", "n2", False, True)]


def test_a_server_that_only_the_meta_group_names_is_no_target() -> None:
    found = rows(UnreachableServers(), [up("n1"), down("n2")], [answer("n1")])
    assert found == [("C", "n1", True, True), ("C", "n2", False, False)]


def test_which_of_two_named_servers_one_silent_target_is_cannot_be_told() -> None:
    found = rows(
        UnreachableServers(), [up("n1"), down("n2"), down("n3")], [answer("n1"), silence("host")]
    )
    assert found == [("C", "n1", True, True), ("C", "n2", False, None), ("C", "n3", False, None)]


def test_more_silent_targets_than_named_servers_are_strangers() -> None:
    silents = [silence("host-2"), silence("host-3")]
    found = rows(UnreachableServers(), [up("n1"), down("n2")], [answer("n1"), *silents])
    assert [(name, is_up) for _, name, is_up, _ in found] == [
        ("host-2:8222", False),
        ("host-3:8222", False),
        ("n1", True),
        ("n2", False),
    ]


def test_a_stranger_is_in_its_configured_cluster() -> None:
    outcomes = [answer("n1"), silence("n2", "EAST"), silence("n3", "WEST")]
    found = rows(UnreachableServers(), [up("n1")], outcomes)
    assert {(cluster, name) for cluster, name, _, _ in found} == {
        ("C", "n1"),
        ("EAST", "n2:8222"),
        ("WEST", "n3:8222"),
    }


def test_the_cluster_of_a_stranger_among_several_is_unknown() -> None:
    found = rows(
        UnreachableServers(),
        [up("n1", "A"), up("n2", "B")],
        [answer("n1"), answer("n2"), silence("x")],
    )
    assert ("", "x:8222", False, True) in found


def test_where_no_server_answered_the_cluster_of_the_streams_counts() -> None:
    """Its account's API did."""
    assert rows(UnreachableServers(), [], [silence("n1")], frozenset({"C"})) == [
        ("C", "n1:8222", False, True)
    ]


def test_a_connection_to_an_account_is_no_server() -> None:
    assert rows(
        UnreachableServers(), [up("n1")], [answer("n1"), silence("api", is_server=False)]
    ) == [("C", "n1", True, True)]


def test_a_member_that_may_be_in_another_cluster_is_shown_only_where_it_answered() -> None:
    silent = UnreachableServers()
    far = down("far", is_far=True)
    assert [name for _, name, _, _ in rows(silent, [up("n1"), far], [answer("n1")])] == ["n1"]
    rows(silent, [up("n1"), up("far")], [answer("n1")])
    assert [name for _, name, _, _ in rows(silent, [up("n1"), far], [answer("n1")])] == [
        "far",
        "n1",
    ]


def test_of_a_server_that_is_asked_by_itself_others_are_no_matter() -> None:
    asked = answer("n1", entry=PROBE)
    assert rows(UnreachableServers(), [up("n1"), down("n2")], [asked]) == [("C", "n1", True, True)]


def test_an_address_is_host_and_port() -> None:
    assert address("https://n1:8222/monitoring") == "n1:8222"
    assert address("http://[::1]:8222") == "[::1]:8222"
    assert address("n1") == "n1"
