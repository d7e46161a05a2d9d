"""When a collection counts as a success: what the figures need came."""

from typing import Any

from jetstream_exporter.report import (
    Events,
    LeaderAnswer,
    Outcome,
    RequestResult,
    ServerAnswer,
    ServerReport,
)
from jetstream_exporter.scrape.processor import is_success
from jetstream_exporter.wire import Jsz


def said(server: str, *, listed: bool = True, **more: Any) -> Outcome:
    jsz = Jsz(server_id=server) if listed else None
    report = ServerReport(server, server, "c", jsz=jsz)
    return Outcome("monitoring", f"http://{server}", 0.1, answer=ServerAnswer(report), **more)


def silent(server: str, **more: Any) -> Outcome:
    return Outcome(
        "monitoring", f"http://{server}", 0.1, 0, "no answer in time", ServerAnswer(), **more
    )


def account(*, listed: bool, **more: Any) -> Outcome:
    parts = {"streams": RequestResult(listed)}
    return Outcome("account", "nats://a A", 0.1, requests=parts, answer=LeaderAnswer(), **more)


def test_every_server_with_its_list_is_a_success() -> None:
    assert is_success([said("a"), said("b")])


def test_a_server_that_answers_all_but_its_list_is_none() -> None:
    assert not is_success([said("a"), said("b", listed=False)])


def test_a_list_that_another_source_brought_is_enough() -> None:
    assert is_success([said("a", listed=False), said("a")])


def test_a_server_that_is_down_is_no_failed_collection() -> None:
    assert is_success([said("a"), silent("b")])
    assert not is_success([silent("a"), silent("b")])


def test_every_cluster_is_needed() -> None:
    assert is_success([said("a", cluster_name="eu"), said("b", cluster_name="us")])
    assert not is_success([said("a", cluster_name="eu"), silent("b", cluster_name="us")])


def test_an_account_is_enough_even_without_streams() -> None:
    assert is_success([silent("a"), account(listed=True)])
    assert not is_success([silent("a"), account(listed=False)])


def test_events_are_no_figures_and_nothing_is_no_success() -> None:
    events = Outcome("advisories", "nats://a", 0.1, answer=Events("c", True))
    assert is_success([said("a"), events])
    assert not is_success([events])
    assert not is_success([])
