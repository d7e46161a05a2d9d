"""What a server refuses to a user is a reason in a sentence, and is logged once."""

from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from jetstream_exporter.sources.nats import permissions
from jetstream_exporter.sources.nats.permissions import MOST, Permissions


def denied(subject: str, what: str = "Publish") -> Exception:
    return Exception(f'nats: Permissions Violation for {what} to "{subject}"')


def test_another_error_is_no_refusal() -> None:
    refusals = Permissions("t")
    assert refusals.note(Exception("nats: Authorization Violation")) is None
    assert (refusals.needed(), refusals.late()) == ("", "no answer in time")


def test_a_refusal_names_what_is_needed() -> None:
    refusals = Permissions("t")
    assert refusals.note(denied("$JS.API.INFO")) == ("publish", "$js.api.info")
    refusals.note(denied("$JS.API.CONSUMER.LIST.S"))
    assert refusals.needed() == "the user may not use $js.api.consumer.list.s, $js.api.info"
    assert refusals.refused() == set(), "publishing was refused, not a subscription"


def test_a_refused_subscription_is_why_no_answer_comes() -> None:
    refusals = Permissions("t")
    refusals.note(denied("_INBOX.>", "Subscription"))
    assert refusals.refused() == {"_inbox.>"}
    assert refusals.late() == "no answer: the user may not subscribe to _inbox.>"


def test_acknowledgements_are_one_subject_however_many_messages_there_are() -> None:
    refusals = Permissions("t")
    for number in range(3):
        refusals.note(denied(f"$JS.ACK.S.c.1.{number}.{number}.0.0"))
    assert refusals.needed() == "the user may not use $js.ack.>"


def test_each_refusal_is_logged_once_also_over_connections() -> None:
    refusals = Permissions("t")
    with capture_logs() as logs:
        for _ in range(2):
            refusals.note(denied("a"))
        refusals.begin()
        refusals.note(denied("a"))
    assert [(entry["event"], entry["subject"]) for entry in logs] == [("not permitted", "a")]


def test_a_new_connection_was_refused_nothing_yet() -> None:
    refusals = Permissions("t")
    refusals.note(denied("a"))
    refusals.begin()
    assert refusals.needed() == ""
    assert refusals.lately(["a"], 60) == ""


def test_what_is_permitted_again_is_said_and_its_next_refusal_is_news() -> None:
    refusals = Permissions("t")
    with capture_logs() as logs:
        refusals.note(denied("a", "Subscription"))
        refusals.forgive()
        refusals.permitted({"a"})
        refusals.note(denied("a", "Subscription"))
    assert [entry["event"] for entry in logs] == [
        "not permitted",
        "permitted again",
        "not permitted",
    ]


def test_forgiving_forgets_subscriptions_and_nothing_else() -> None:
    refusals = Permissions("t")
    refusals.note(denied("a", "Subscription"))
    refusals.note(denied("b"))
    refusals.forgive()
    assert refusals.refused() == set()
    assert refusals.needed() == "the user may not use b"


def test_what_is_asked_only_to_find_out_is_no_complaint() -> None:
    refusals = Permissions("t")
    refusals.expect_refusal("$SYS.REQ.X")
    with capture_logs() as logs:
        assert refusals.note(denied("$SYS.REQ.X")) == ("publish", "$sys.req.x")
    assert (logs, refusals.needed()) == ([], "")
    refusals.expect_no_refusal("$SYS.REQ.X")
    with capture_logs() as logs:
        refusals.note(denied("$SYS.REQ.X"))
    assert [line["subject"] for line in logs] == ["$sys.req.x"]


def test_lately_is_by_prefix_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(permissions, "time", SimpleNamespace(monotonic=lambda: now))
    refusals = Permissions("t")
    refusals.note(denied("$JS.API.STREAM.INFO.S"))
    now = 104.0
    assert refusals.lately(["$js.api.stream."], 5) == "$js.api.stream.info.s"
    assert refusals.lately(["$js.api.consumer."], 5) == ""
    assert refusals.lately([], 5) == ""
    now = 105.0
    assert refusals.lately(["$js.api.stream."], 5) == ""


def test_a_server_that_refuses_ever_other_subjects_costs_a_bounded_memory() -> None:
    refusals = Permissions("t")
    with capture_logs() as logs:
        for number in range(2 * MOST):
            refusals.note(denied(f"s{number}", "Subscription"))
    assert len(refusals.refused()) == len(logs) == MOST
    assert refusals.lately([f"s{MOST}"], 60) == ""
