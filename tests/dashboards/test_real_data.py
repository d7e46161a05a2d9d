"""The boards on a real cluster's data: a server dies and returns, a consumer stalls, a message is poison."""

import re
from statistics import median
from typing import Any

import pytest
from dashboards.src import states
from dashboards.src.shared import STREAM_BAD
from scripts.render_boards.answers import Asker
from tests.support.boards import Json, boards, by_uid, filled, panels, variables
from tests.support.recording import DELETED, INTERVAL, Recording
from tests.support.scenario import FILLING, QUEUE

BOARDS = boards()
each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())
# Panels without data in the recording, and why.
MAY_BE_EMPTY = {
    "Storage used": "the accounts have no limits",
    "Storage reserved": "only an account's own API tells it, and nobody asks it",
    "Streams": "only an account's own API tells it, and nobody asks it",
    "Consumers": "only an account's own API tells it, and nobody asks it",
    "Against the account's limit": "the accounts have no limits",
    "Used by tier, and the tier's limit": "the accounts have no tiers",
    "Gateway connections": "the recorded cluster has no gateways",
    "Leaf nodes": "the recorded servers take no leaf nodes",
    "Bytes over gateways and leaf nodes": "the recorded servers have neither",
    "Round-trip time": "the recorded servers have routes only",
    "Waiting to be sent": "the recorded servers have routes only",
    "Certificates": "the recorded servers have no TLS listener",
    "Meta group snapshot": "the meta group makes its first one after about a minute",
}
MOST_SERIES = 60


def everything(board: Json) -> dict[str, str]:
    return dict.fromkeys(variables(board), ".+")


def over_all(asker: Asker, board: Json, target: Json) -> list[Json]:
    """The query at every second of the recording, whatever its panel asks, of all objects."""
    of_all = target["expr"].replace('="$', '=~"$')
    return asker.over(asker.filled(of_all, everything(board), INTERVAL), INTERVAL)


@each_board
def test_every_query_of_every_panel_has_data_at_some_moment(
    board: Json, recording: Recording
) -> None:
    asker = recording.asker()
    empty = {
        panel["title"]
        for panel in panels(board)
        for target in panel["targets"]
        if not over_all(asker, board, target)
    }
    assert empty <= set(MAY_BE_EMPTY)


def test_what_may_be_empty_is_a_panel_of_a_board() -> None:
    titles = {panel["title"] for board in BOARDS.values() for panel in panels(board)}
    assert set(MAY_BE_EMPTY) <= titles


@each_board
def test_every_annotation_marks_what_happened_when_it_happened(
    board: Json, recording: Recording
) -> None:
    """The meta group's leader was killed; whether that one also led the chosen stream is chance."""
    gave_up = 'ALERTS{alertname="JetStreamConsumerMaxDeliverExhausted", alertstate="firing"}'
    of = recording.asker().over(gave_up, INTERVAL)[0]["metric"]
    asker = recording.asker(stream=of["stream"], consumer=of["consumer"])
    values = asker.values(board)
    marks = {
        note["name"]: [mark["time"] for mark in asker.marks(note, values, INTERVAL)]
        for note in asker.notes(board)
    }
    killed = recording.said["killed"]
    assert marks["Firing alerts"]
    assert any(killed < time < asker.end for time in marks["Server restarts"])
    if board["uid"] not in ("jetstream-stream", "jetstream-consumer"):
        assert any(killed < time < asker.end for time in marks["Leader changes"])


@each_board
def test_legends_and_marks_tell_apart_what_queries_tell_apart(
    board: Json, recording: Recording
) -> None:
    """Grafana writes the name of a label that is not there, and gives two lines one name without a word."""
    asker = recording.asker()
    chosen = {name for name, variable in variables(board).items() if not variable["multi"]}
    asked = [
        (panel["title"], target["legendFormat"], over_all(asker, board, target))
        for panel in panels(board)
        if panel["type"] != "table"
        for target in panel["targets"]
    ]
    for note in asker.notes(board):
        text = f"{note['titleFormat']} {note['textFormat']}"
        told = {*re.findall(r"{{(\w+)}}", text)}
        for series in over_all(asker, board, note):
            assert told <= set(series["metric"]), note["name"]
    for title, legend, answer in asked:
        told = {*re.findall(r"{{(\w+)}}", legend)}
        for series in answer:
            labels = {name for name, value in series["metric"].items() if value}
            assert told <= labels, title
            assert labels - told - chosen <= {"__name__"}, title


@each_board
def test_a_query_answers_with_a_bounded_number_of_series(board: Json, recording: Recording) -> None:
    asker = recording.asker()
    for panel in panels(board):
        for answer in asker.panel(panel, asker.values(board)):
            assert len(answer) <= MOST_SERIES, panel["title"]


@each_board
def test_a_variable_offers_something_to_choose(board: Json, recording: Recording) -> None:
    asker = recording.asker()
    values: dict[str, str] = {}
    for variable in variables(board).values():
        if variable["type"] == "query":
            options = asker.options(variable, values)
            assert options, variable["name"]
            values[variable["name"]] = ".+" if variable["multi"] else options[0]


def ranges(asker: Asker) -> dict[str, str]:
    return {"__rate_interval": "4s", "__range": f"{asker.end - asker.start:.0f}s"}


def positive(number: int, scale: float = 1) -> float | None:
    return number / scale if number > 0 else None


def test_the_stream_board_shows_what_stream_info_says(recording: Recording) -> None:
    assert len(recording.said["streams"]) == 5
    for stream, info in recording.said["streams"].items():
        state, config = info["state"], info["config"]
        truth = {
            ("Contents", 0): state["messages"],
            ("Contents", 1): state["bytes"],
            ("Contents", 2): state.get("num_subjects", 0),
            ("Replicas", 0): config["num_replicas"],
            ("Max bytes", 0): positive(config["max_bytes"]),
            ("Max messages", 0): positive(config["max_msgs"]),
            ("Max age", 0): positive(config["max_age"], 1e9),
            ("Duplicate window", 0): positive(config.get("duplicate_window", 0), 1e9),
            ("Messages", 0): state["messages"],
            ("Bytes", 0): state["bytes"],
            ("Lost messages", 0): 0,
        }
        figures = {
            (title, query): shown(recording, "jetstream-stream", title, query, stream=stream)
            for title, query in truth
        }
        assert figures == truth, stream


def shown(recording: Recording, uid: str, title: str, query: int = 0, **chosen: str) -> Any:
    """What the panel shows of the chosen object at the recording's end; None where it shows nothing."""
    board = by_uid()[uid]
    panel = next(p for p in panels(board) if p["title"] == title and p["type"] != "table")
    asker = recording.asker(**chosen)
    expression = filled(panel["targets"][query]["expr"], ranges(asker) | asker.values(board))
    answer = asker.now(expression)
    assert len(answer) <= 1, f"{title}: {len(answer)} values for one object"
    return float(answer[0]["value"][1]) if answer else None


def test_the_consumer_board_shows_what_consumer_info_says(recording: Recording) -> None:
    compared = 0
    for stream, info in recording.said["streams"].items():
        for consumer, said in info["consumers"].items():
            last, floor = info["state"]["last_seq"], said["ack_floor"]["stream_seq"]
            truth = {
                ("Undelivered", 0): said["num_pending"],
                ("Unacknowledged", 0): said["num_ack_pending"],
                ("Redelivered", 0): said["num_redelivered"],
                ("Ack floor lag and backlog", 0): max(0, last - floor),
                ("Sequences", 0): last,
                ("Sequences", 1): said["delivered"]["stream_seq"],
                ("Sequences", 2): floor,
                ("Max deliveries", 0): positive(said["config"]["max_deliver"]),
                ("Max unacknowledged", 0): positive(said["config"]["max_ack_pending"]),
                ("Ack wait", 0): positive(said["config"]["ack_wait"], 1e9),
            }
            figures = {
                (title, query): shown(
                    recording, "jetstream-consumer", title, query, stream=stream, consumer=consumer
                )
                for title, query in truth
            }
            assert figures == truth, consumer
            compared += 1
    assert compared >= 5


def test_the_table_of_a_stream_lists_its_consumers_as_consumer_info_does(
    recording: Recording,
) -> None:
    columns = {
        "Undelivered": "num_pending",
        "Unacknowledged": "num_ack_pending",
        "Redelivered": "num_redelivered",
    }
    asker, board = recording.asker(stream="ORDERS"), by_uid()["jetstream-stream"]
    (table,) = (p for p in panels(board) if p["title"] == "Consumers")
    names = table["transformations"][1]["options"]["renameByName"]
    truth = recording.said["streams"]["ORDERS"]["consumers"]
    answers = asker.panel(table, asker.values(board))
    for target, answer in zip(table["targets"], answers, strict=True):
        if key := columns.get(names[f"Value #{target['refId']}"]):
            shown = {row["metric"]["consumer"]: float(row["value"][1]) for row in answer}
            assert shown == {name: said[key] for name, said in truth.items()}, key


def test_the_state_of_each_consumer_is_the_word_for_its_trouble(recording: Recording) -> None:
    words = {word.text: word.low for word in states.CONSUMER.words}
    for stream, consumer, word in (
        ("ORDERS", "orders-processor-v1", "ok"),
        ("ORDERS", "audit", "paused"),
        ("EXPORTS", "uploader", "nobody fetches"),
        (QUEUE, "printer", "stalled"),
    ):
        chosen = {"stream": stream, "consumer": consumer}
        assert shown(recording, "jetstream-consumer", "State", 0, **chosen) == words[word], consumer


def test_the_state_of_each_stream_is_the_word_for_its_trouble(recording: Recording) -> None:
    words = {word.low: word.text for word in states.STREAM.words}
    found = {
        stream: words[shown(recording, "jetstream-stream", "State", 0, stream=stream)]
        for stream in recording.said["streams"]
    }
    assert found.pop(FILLING) == "refusing"
    # A server has just come back.
    assert set(found.values()) <= {"ok", "replica behind"}


def test_a_consumer_that_was_deleted_is_not_called_stalled(recording: Recording) -> None:
    """Ranges still hold its samples, of which enough say that it stood still."""
    chosen = {"stream": FILLING, "consumer": DELETED}
    assert shown(recording, "jetstream-consumer", "State", 0, **chosen) is None


def course(recording: Recording, uid: str, title: str, query: int = 0) -> list[float]:
    """The values that a panel showed in the course of the recording."""
    board = by_uid()[uid]
    panel = next(p for p in panels(board) if p["title"] == title)
    answer = over_all(recording.asker(), board, panel["targets"][query])
    return [float(value) for series in answer for _, value in series["values"]]


def test_the_overview_shows_the_dead_server_and_its_return(recording: Recording) -> None:
    missing = course(recording, "jetstream-overview", "Servers", 2)
    assert max(missing) == 1
    assert missing[-1] == 0


def test_the_raft_board_shows_that_no_further_server_might_fail(recording: Recording) -> None:
    for query in range(3):
        left = course(recording, "jetstream-raft", "Servers that may still fail", query)
        # A leader elected a moment ago has not heard all of the others yet, and may say less.
        assert min(left) <= 0
        assert left[-1] == 1


def test_the_exporter_board_names_the_target_that_did_not_answer(recording: Recording) -> None:
    silent = course(recording, "jetstream-exporter", "Targets that do not answer")
    assert max(silent) >= 1
    assert silent[-1] == 0
    assert 0 in course(recording, "jetstream-exporter", "Answers")


def table_row(recording: Recording, uid: str, table: str, column: str, **row: str) -> list[float]:
    """What a table's cell showed in the course of the recording."""
    board = by_uid()[uid]
    panel = next(p for p in panels(board) if p["title"] == table and p["type"] == "table")
    names = panel["transformations"][1]["options"]["renameByName"]
    (target,) = (
        t for t in panel["targets"] if names.get(f"Value #{t['refId']}", "").startswith(column)
    )
    answer = over_all(recording.asker(), board, target)
    (series,) = (s for s in answer if row.items() <= s["metric"].items())
    return [float(value) for _, value in series["values"]]


def test_the_tables_of_servers_show_who_died_and_came_back(recording: Recording) -> None:
    dead = recording.said["server"]
    for uid in ("jetstream-overview", "jetstream-servers"):
        seen = table_row(recording, uid, "Servers", "State", server=dead)
        words = [word.text for value in seen for word in states.SERVERS.words if word.low == value]
        assert {"down", "not reachable"} & set(words)
        assert words[-1] == "up"
    restarts = table_row(recording, "jetstream-servers", "Servers", "Restarts", server=dead)
    assert restarts[-1] == 1


def test_the_raft_board_shows_whom_the_servers_followed_before_and_after(
    recording: Recording,
) -> None:
    board = by_uid()["jetstream-raft"]
    (panel,) = (p for p in panels(board) if p["title"] == "Meta leader in each server's view")
    views = over_all(recording.asker(), board, panel["targets"][0])
    followed = {view["metric"]["leader"] for view in views} - {"nobody"}
    assert recording.said["server"] in followed
    assert len(followed) >= 2
    assert max(course(recording, "jetstream-raft", "Leader changes")) > 0
    assert 2 in course(recording, "jetstream-raft", "Members")


def test_the_consumer_board_shows_how_the_poison_message_was_refused(
    recording: Recording,
) -> None:
    for query in (0, 2):  # NAK, max deliveries
        assert max(course(recording, "jetstream-consumer", "NAKs and given-up messages", query)) > 0
    assert max(course(recording, "jetstream-consumer", "Redelivered and exhausted", 0)) >= 1


def test_the_overview_counts_the_poison_message_and_the_stalled_consumer(
    recording: Recording,
) -> None:
    assert max(course(recording, "jetstream-overview", "Exhausted messages")) >= 1
    assert course(recording, "jetstream-overview", "Stalled consumers")[-1] >= 1


def test_the_full_stream_leads_the_list_and_has_no_headroom(recording: Recording) -> None:
    fullest = course(recording, "jetstream-overview", "Fullest storage")
    assert fullest[-1] > STREAM_BAD
    headroom = shown(
        recording, "jetstream-stream", "Headroom and time to full", 0, stream="EXPORTS"
    )
    assert 0 <= headroom < 8192


def instances(recording: Recording) -> list[str]:
    return [series["metric"]["instance"] for series in recording.asker().now("up")]


@each_board
def test_a_second_exporter_of_a_cluster_adds_nothing_to_a_sum(
    board: Json, recording: Recording
) -> None:
    asker = recording.asker()
    first, _ = instances(recording)
    for panel in panels(board):
        for target in panel["targets"]:
            # What changed twice between two scrapes of one exporter, only the other may have seen.
            if "leader_changes" in target["expr"] or not re.search(
                r"\b(sum|count) ?\(", target["expr"]
            ):
                continue
            alone = target["expr"].replace('job=~"$job"', f'job=~"$job", instance="{first}"')
            both = by_time(over_all(asker, board, target))
            one = by_time(over_all(asker, board, target | {"expr": alone}))
            more = [both[at] / value for at, value in one.items() if value > 0 and at in both]
            assert not more or median(more) < 1.5, panel["title"]


def by_time(answer: list[Json]) -> dict[tuple[Any, ...], float]:
    return {
        (time, *sorted(series["metric"].items())): float(value)
        for series in answer
        for time, value in series["values"]
    }


def test_two_exporters_of_a_cluster_count_its_objects_once(recording: Recording) -> None:
    streams = recording.said["streams"]
    consumers = sum(len(info["consumers"]) for info in streams.values())
    for uid, title, numbers in (
        ("jetstream-overview", "Exported", [len(streams), consumers]),
        ("jetstream-overview", "Servers", [3, 3, 0]),
        ("jetstream-raft", "Members", [3, 3, 2]),
        ("jetstream-exporter", "Servers", [3, 3]),
        ("jetstream-exporter", "Objects left out", [0]),
    ):
        shown = [course(recording, uid, title, query)[-1] for query in range(len(numbers))]
        assert shown == numbers, title
