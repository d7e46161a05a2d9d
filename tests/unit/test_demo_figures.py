"""What the demo shows: figures from an exposition, as a table and as lines, on a screen or in a pipe."""

import io
import logging

import pytest

from jetstream_exporter.demo.figures import ConsumerFigures, lines, read, table
from jetstream_exporter.demo.screen import Events, Screen

NOW = 1000.0
LABELS = 'nats_cluster="demo",account="APP",stream="ORDERS"'
EXPOSITION = f"""\
# TYPE nats_server_up gauge
nats_server_up{{nats_cluster="demo",server="nats-0"}} 1
nats_server_up{{nats_cluster="demo",server="nats-1"}} 0
# TYPE jetstream_stream_messages gauge
jetstream_stream_messages{{{LABELS}}} 60
# TYPE jetstream_consumer_pending_messages gauge
jetstream_consumer_pending_messages{{{LABELS},consumer="b"}} 0
jetstream_consumer_pending_messages{{{LABELS},consumer="a"}} 12
# TYPE jetstream_consumer_ack_pending_messages gauge
jetstream_consumer_ack_pending_messages{{{LABELS},consumer="a"}} 3
# TYPE jetstream_consumer_redelivered_messages gauge
jetstream_consumer_redelivered_messages{{{LABELS},consumer="a"}} 1
# TYPE jetstream_consumer_ack_floor_lag_messages gauge
jetstream_consumer_ack_floor_lag_messages{{{LABELS},consumer="a"}} 15
# TYPE jetstream_consumer_oldest_pending_timestamp_seconds gauge
jetstream_consumer_oldest_pending_timestamp_seconds{{{LABELS},consumer="a"}} 979
"""


@pytest.fixture(autouse=True)
def _any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_figure_that_the_exporter_does_not_give_is_none_and_not_zero() -> None:
    assert read(EXPOSITION, NOW).consumers == (
        ConsumerFigures("ORDERS", "a", (12, 3, 1, 15, 21)),
        ConsumerFigures("ORDERS", "b", (0, None, None, None, 0)),
    )
    assert read("", NOW).consumers == ()


def test_a_pipe_gets_a_line_for_each_consumer_with_the_names_of_the_figures() -> None:
    assert lines(read(EXPOSITION, NOW)) == [
        "servers: nats-0 up, nats-1 DOWN; streams: ORDERS 60 messages",
        "ORDERS a pending=12 ack_pending=3 redelivered=1 ack_floor_lag=15 lag_s=21",
        "ORDERS b pending=0 ack_pending=- redelivered=- ack_floor_lag=- lag_s=0",
    ]


def test_a_terminal_gets_an_aligned_table() -> None:
    assert table(read(EXPOSITION, NOW))[-3:] == [
        "consumer  pending  ack pending  redelivered  ack-floor lag  lag s",
        "a              12            3            1             15     21",
        "b               0            -            -              -      0",
    ]
    assert table(read("", NOW))[:2] == ["servers: none known", "streams: none with a leader"]


def test_a_terminal_is_redrawn_in_place_with_the_last_events_cut_to_its_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out = Terminal()
    screen = Screen(out)
    screen.happened("an event that is longer than the screen is wide")
    screen.show(["one", "two"])
    assert out.getvalue() == "one\ntwo\n\nan event that is lo\n"
    screen.show(["three"])
    assert out.getvalue().endswith("\x1b[4F\x1b[Jthree\n\nan event that is lo\n")
    screen.say("bye")
    assert out.getvalue().endswith("\x1b[3F\x1b[Jbye\n")


def test_what_a_terminal_is_too_low_for_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has scrolled away cannot be redrawn, and would stand there once for every drawing."""
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "4")
    out = Terminal()
    screen = Screen(out)
    screen.happened("an event")
    screen.show(["one", "two", "three", "four"])
    assert out.getvalue() == "one\ntwo\nthree\n"
    screen.show(["five"])
    assert out.getvalue().endswith("\x1b[3F\x1b[Jfive\n\nan event\n")


def test_a_terminal_without_sequences_is_written_to_like_a_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    screen = Screen(out)
    screen.show(["one"])
    screen.show(["two"])
    assert out.getvalue() == "one\n\ntwo\n\n"


def test_a_pipe_gets_no_escape_sequence_and_every_event_once() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.happened("an event")
    screen.show(["one"])
    screen.show(["two"])
    assert out.getvalue() == "an event\none\n\ntwo\n\n"


def test_of_the_workload_s_log_the_lines_of_every_single_message_are_left_out() -> None:
    out = io.StringIO()
    handler = Events(Screen(out))
    for name, level, text in (
        ("orders.publisher", logging.INFO, "order stored"),
        ("orders.publisher", logging.WARNING, "order is a duplicate"),
        ("orders.replay", logging.INFO, "replay begins\nwith a second line"),
    ):
        handler.handle(logging.LogRecord(name, level, "f", 1, text, None, None))
    shown = [line.partition(" ")[2] for line in out.getvalue().splitlines()]
    assert shown == ["order is a duplicate", "replay begins"]


def test_the_terminal_s_width_is_asked_for_at_every_drawing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = Terminal()
    screen = Screen(out)
    for width in (10, 5):
        monkeypatch.setenv("COLUMNS", str(width))
        screen.show(["0123456789"])
    assert out.getvalue() == "012345678\n\n\x1b[2F\x1b[J0123\n\n"
