"""Each board drawn from the recording in a real browser: nothing empty, cut or over another."""

import json
import re
from pathlib import Path

import pytest
from scripts.render_boards import browser
from tests.support.boards import Json, boards, panels
from tests.support.recording import Recording
from tests.support.tools import TOOLS

CHROMIUM = TOOLS / "bin/chromium"
BOARDS = boards()
each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())
in_a_browser = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="no browser: `make browser` brings one"
)
# Of the chosen stream and consumer; what no recording has stands in test_real_data.py.
CHOSEN = {"stream": "EXPORTS", "consumer": "uploader"}
EMPTY = {
    "jetstream-accounts": {  # without limits, and its own API is not asked
        "Storage used",
        "Storage reserved",
        "Streams",
        "Consumers",
        "Used by tier, and the tier's limit",
    },
    "jetstream-servers": {
        "Certificates",
        "Gateway connections",
        "Leaf nodes",
        "Bytes over gateways and leaf nodes",
    },
    "jetstream-stream": {
        "Max messages",  # not set
        "Max age",  # not set
        "Mirror and sources",  # it copies nothing
    },
    "jetstream-consumer": {
        "Max deliveries",  # unlimited
        "Exhausted",  # so none is ever exhausted
        "Drain time",
        "Since the last delivery and acknowledgement",  # nobody ever asked for a message
    },
}


@in_a_browser
@each_board
def test_a_reader_can_read_the_whole_board(board: Json, recording: Recording) -> None:
    data = recording.asker(**CHOSEN).board(board)
    said = browser.report(CHROMIUM, data)
    assert said["problems"] == []
    assert said["panels"] == len(panels(board))
    assert set(said["empty"]) - {"Meta group snapshot"} == EMPTY.get(board["uid"], set())


@each_board
def test_every_colour_of_a_board_can_be_drawn(board: Json) -> None:
    """A browser takes a name that it does not know for black."""
    script = (browser.HERE / "format.js").read_text()
    drawn = set(re.findall(r'"?([a-z-]+)"?: "(?:#|transparent)', script))
    used = set(re.findall(r'"(?:color|fixedColor)": "([a-z-]+)"', json.dumps(board)))
    assert used - drawn == set()


@in_a_browser
def test_whatever_hides_a_figure_from_the_reader_is_seen(recording: Recording) -> None:
    board = json.loads(json.dumps(BOARDS["jetstream-overview.json"]))
    by_title = {panel["title"]: panel for panel in panels(board)}
    by_title["Meta leader"]["gridPos"] = by_title["Servers"]["gridPos"]
    by_title["Exported"]["title"] = "A title that is far too long for the few columns it has " * 3
    by_title["Age of the data"]["targets"][0]["expr"] = "jetstream_stream_of_tears"
    pace = by_title["Published, delivered, acknowledged"]["targets"]
    pace[0]["legendFormat"] = "A name that is far too long for the panel it belongs to " * 3
    for target in pace:
        target["expr"] = f"({target['expr']}) / 1e6"  # more digits than the axis has room for
    pace += pace  # twice as many lines as the legend has room for
    by_title["Alerts"]["targets"][0]["legendFormat"] += " of a name that is far too long" * 3
    said = browser.report(CHROMIUM, recording.asker().board(board))
    assert said["empty"] == ["Age of the data"]
    for expected in (
        r"lies over",
        r'A title.*"A title.* is cut',
        r'Published.*"A name.* is cut',
        r'Published.*"Name\tLast.* is cut',
        r'Published.*: "0\.0+\d* msg/s" is cut',
        r"Alerts: the name .* is cut",
    ):
        assert any(re.search(expected, said, re.DOTALL) for said in said["problems"]), expected


@in_a_browser
def test_a_picture_is_as_wide_as_the_board_and_as_high(
    recording: Recording, tmp_path: Path
) -> None:
    board = BOARDS["jetstream-raft.json"]
    file = tmp_path / "raft.png"
    browser.picture(CHROMIUM, recording.asker().board(board), file)
    header = file.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(header[16:20], "big") == browser.WIDTH
    assert int.from_bytes(header[20:24], "big") == browser.height(board)
