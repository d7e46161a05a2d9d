"""When the routes of two servers count as settled."""

from typing import Any

import pytest

from jetstream_exporter.demo.routes import agree

PORTS = (6001, 6002)  # where server A and server B listen


def end(name: str, other: str, ports: list[int], solicited: bool = True) -> dict[str, Any]:
    """What /routez of one server says of its routes to the other; those it dialled carry the other's own port."""
    routes = [{"remote_id": other, "port": port, "did_solicit": solicited} for port in ports]
    return {"server_id": name, "routes": [*routes, {"remote_id": "C", "port": 6003}]}


def is_settled(ours: list[int], theirs: list[int], *solicited: bool) -> bool:
    one, other = solicited or (True, True)
    return agree(end("A", "B", ours, one), end("B", "A", theirs, other), *PORTS)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([6002, 6002], [40001, 40002]),
        ([40001, 40002], [6001, 6001]),
        ([6002, 40002], [40001, 6001]),
    ],
)
def test_routes_that_both_ends_hold_alike_are_settled(ours: list[int], theirs: list[int]) -> None:
    assert is_settled(ours, theirs)


def test_routes_of_which_each_end_holds_its_own_will_both_be_closed() -> None:
    assert not is_settled([6002, 6002], [6001, 6001])
    assert not is_settled([40001, 40002], [40003, 40004])


def test_routes_that_one_end_does_not_hold_yet_are_not_settled() -> None:
    assert not is_settled([6002, 6002], [40001])
    assert not is_settled([6002], [40001, 40002])
    assert not is_settled([], [])


@pytest.mark.parametrize("solicited", [(True, False), (False, True), (False, False)])
def test_routes_are_not_settled_while_an_end_has_its_own_dialling_before_it(
    solicited: tuple[bool, bool],
) -> None:
    assert not is_settled([6002, 6002], [40001, 40002], *solicited)


def test_a_route_that_says_nothing_of_dialling_was_not_dialled() -> None:
    one, other = end("A", "B", [6002]), end("B", "A", [40001])
    del other["routes"][0]["did_solicit"]
    assert not agree(one, other, *PORTS)
