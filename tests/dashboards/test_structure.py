"""What Grafana needs to load, show and link the boards, without a Grafana."""

import re
from collections.abc import Sequence
from itertools import combinations
from urllib.parse import parse_qs, urlsplit

import pytest
from dashboards.src import shared, states
from dashboards.src.panels import Look
from dashboards.src.tables import AROUND, GRID, ROW
from rules.src.config import Config
from tests.support.boards import Json, boards, by_uid, panels, variables
from tests.support.rules import ALERTS

from jetstream_exporter.status.states import CONSUMER, GROUP, SERVER, level

BOARDS = boards()
UIDS = [
    f"jetstream-{name}"
    for name in (
        "accounts",
        "consumer",
        "exporter",
        "fleet",
        "overview",
        "raft",
        "servers",
        "stream",
    )
]
each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS.keys())


def test_there_are_eight_boards_named_as_their_files() -> None:
    assert {name: board["uid"] for name, board in BOARDS.items()} == {
        f"{uid}.json": uid for uid in UIDS
    }


@each_board
def test_a_board_can_be_provisioned_as_it_is(board: Json) -> None:
    assert board["id"] is None
    assert "__inputs" not in board
    assert 39 <= board["schemaVersion"] <= 42
    assert board["title"].startswith("JetStream / ")
    assert board["tags"] == ["jetstream"]
    assert (board["timezone"], board["refresh"], board["graphTooltip"]) == ("utc", "30s", 1)


@each_board
def test_every_panel_has_an_id_of_its_own(board: Json) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert sorted(set(ids)) == sorted(ids)
    assert min(ids) > 0


def overlaps(one: Json, other: Json) -> bool:
    a, b = one["gridPos"], other["gridPos"]
    return bool(
        a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    )


@each_board
def test_no_panel_overlaps_another_or_leaves_the_grid(board: Json) -> None:
    clashes = [
        (one["title"], other["title"])
        for one, other in combinations(board["panels"], 2)
        if overlaps(one, other)
    ]
    outside = [p["title"] for p in board["panels"] if p["gridPos"]["x"] + p["gridPos"]["w"] > 24]
    assert (clashes, outside) == ([], [])


@each_board
def test_a_row_of_panels_leaves_no_hole_at_its_right(board: Json) -> None:
    """Panels beside each other fill the 24 columns, or the board looks torn."""
    lines: dict[int, int] = {}
    for panel in panels(board):
        place = panel["gridPos"]
        lines[place["y"]] = lines.get(place["y"], 0) + place["w"]
    assert {line: width for line, width in lines.items() if width != 24} == {}


@each_board
def test_a_table_shows_the_rows_that_it_usually_has(board: Json) -> None:
    """Ten of the worst of something, or the other servers of a cluster of five; Grafana scrolls the rest."""
    for panel in panels(board):
        if panel["type"] != "table":
            continue
        exprs = " ".join(target["expr"] for target in panel["targets"])
        limits = [int(limit) for limit in re.findall(r"topk\((\d+)", exprs)]
        least = min(10, *limits) if limits else 4 if "(nats_cluster, server)" in exprs else 2
        shown = (panel["gridPos"]["h"] * GRID - AROUND) // ROW
        assert shown >= least, panel["title"]
        assert shown <= 10, panel["title"]


@each_board
def test_every_panel_says_what_good_and_bad_look_like(board: Json) -> None:
    silent = [
        panel["title"]
        for panel in panels(board)
        if not panel["title"]
        or "Good:" not in panel["description"]
        or "Bad:" not in panel["description"]
    ]
    assert silent == []


@each_board
def test_titles_are_unique_within_a_section(board: Json) -> None:
    section, seen = "", set()
    for panel in board["panels"]:
        section = panel["title"] if panel["type"] == "row" else section
        key = (section, panel["title"], panel["type"])
        assert key not in seen
        seen.add(key)


def uids_of(node: object) -> list[str]:
    if isinstance(node, list):
        return [uid for item in node for uid in uids_of(item)]
    if not isinstance(node, dict):
        return []
    here = [node["datasource"]["uid"]] if isinstance(node.get("datasource"), dict) else []
    return here + [uid for value in node.values() for uid in uids_of(value)]


@each_board
def test_everything_asks_the_chosen_data_source(board: Json) -> None:
    built_in = "-- Grafana --"  # the annotations made by hand
    assert set(uids_of(board)) == {"${datasource}", built_in}
    assert uids_of(board).count(built_in) == 1


@each_board
def test_every_query_has_a_letter_of_its_own(board: Json) -> None:
    for panel in panels(board):
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters) > 0


@each_board
def test_stats_and_tables_ask_for_now_and_the_others_for_the_range(board: Json) -> None:
    for panel in panels(board):
        now = panel["type"] in ("stat", "table", "bargauge")
        assert {(t["instant"], t["range"]) for t in panel["targets"]} == {(now, not now)}


def used(board: Json) -> set[str]:
    text = str([board["panels"], board["annotations"], board["templating"]])
    return {name for name in re.findall(r"\$\{?(\w+)", text) if not name.startswith("__")}


@each_board
def test_every_variable_is_used_and_every_used_variable_exists(board: Json) -> None:
    assert used(board) == set(variables(board))


@each_board
def test_a_variable_asks_only_for_variables_before_it(board: Json) -> None:
    known: set[str] = set()
    for name, variable in variables(board).items():
        assert set(re.findall(r"\$(\w+)", str(variable.get("definition", "")))) <= known
        known.add(name)


@each_board
def test_all_boards_have_the_common_variables_in_one_order(board: Json) -> None:
    order = ["datasource", "job", "nats_cluster", "account", "stream", "consumer", "server"]
    names = list(variables(board))
    assert names[:3] == order[:3]
    assert names == [name for name in order if name in names]
    assert variables(board)["datasource"]["label"] == "Data source"


@each_board
def test_the_boards_lead_to_each_other_with_time_and_variables(board: Json) -> None:
    link, runbooks = board["links"]
    assert (link["type"], link["tags"]) == ("dashboards", board["tags"])
    assert link["keepTime"]
    assert link["includeVars"]
    assert runbooks["title"] == "Runbooks"
    assert runbooks["url"] == Config().runbook_url


@each_board
def test_no_last_value_stands_beside_a_line_that_has_ended(board: Json) -> None:
    for panel in board["panels"]:
        if panel["type"] == "timeseries":
            assert "lastNotNull" not in panel["options"]["legend"]["calcs"], panel["title"]


@each_board
def test_each_axis_says_what_it_measures(board: Json) -> None:
    for panel in board["panels"]:
        if panel["type"] != "timeseries":
            continue
        fields = panel["fieldConfig"]
        assert fields["defaults"]["custom"]["axisLabel"], panel["title"]
        for override in fields["overrides"]:
            ids = {each["id"] for each in override["properties"]}
            assert "custom.axisPlacement" not in ids or "custom.axisLabel" in ids, panel["title"]


def test_the_words_of_states_are_those_of_the_status_page() -> None:
    """One word, one meaning; what the page does not say stands here."""
    others = {"behind", "current", "offline", "healthy"}  # of a replica, and of a health check
    looks = (states.CONSUMER, states.STREAM, states.REPLICA, states.SERVERS, shared.HEALTHY)

    assert {word.text for look in looks for word in look.words} <= {
        *CONSUMER,
        *GROUP,
        *SERVER,
    } | others


def test_a_column_of_states_has_the_words_of_what_it_is_about() -> None:
    """No board has a way of its own to say how an object is."""
    by_words = {
        frozenset(word.text for word in look.words): name
        for name, look in (
            ("consumer", states.CONSUMER),
            ("stream", states.STREAM),
            ("replica", states.REPLICA),
            ("server", states.SERVERS),
            ("source", shared.HEALTHY),
        )
    }
    found = {
        (board["title"].removeprefix("JetStream / "), panel["title"]): by_words[words]
        for board in BOARDS.values()
        for panel in panels(board)
        for words in states_of(panel)
    }
    assert found == {
        ("Consumer", "State"): "consumer",
        ("Consumer", "State over time"): "consumer",
        ("Overview", "Fullest streams"): "stream",
        ("Overview", "Servers"): "server",
        ("Raft", "Replicas, worst first"): "replica",
        ("Servers", "Servers"): "server",
        ("Stream", "State"): "stream",
        ("Stream", "Consumers"): "consumer",
        ("Stream", "Mirror and sources"): "source",
        ("Stream", "Replicas"): "replica",
    }


def states_of(panel: Json) -> list[frozenset[str]]:
    """The words of the panel, or of the column, that is called State."""
    looks = [("State over time", panel["fieldConfig"]["defaults"])] * panel["title"].startswith(
        "State"
    )
    if panel["type"] == "table":
        looks = [
            (override["matcher"]["options"], {p["id"]: p["value"] for p in override["properties"]})
            for override in panel["fieldConfig"]["overrides"]
        ]
    return [
        frozenset(result["text"] for mapping in look["mappings"] for result in results(mapping))
        for name, look in looks
        if name.startswith("State")
    ]


@pytest.mark.parametrize(
    ("order", "known"),
    [(states.CONSUMER, CONSUMER), (states.STREAM, GROUP), (states.SERVERS, SERVER)],
)
def test_a_worse_state_has_a_lower_value_and_its_level_a_colour(
    order: Look, known: Sequence[str]
) -> None:
    """The worst comes first in the expression too."""
    words = [word.text for word in sorted(order.words, key=lambda word: word.low or 0)]
    assert words == [word for word in known if word in words]
    for word in order.words:
        expected = {
            "critical": {"red", "dark-red", "purple"},
            "warning": {"orange"},
            "ok": {"green", "blue"},
        }
        assert word.color in expected[level(word.text)], word.text


@each_board
def test_alerts_leader_changes_and_restarts_can_be_marked_in_time(board: Json) -> None:
    marks = {mark["name"]: mark for mark in board["annotations"]["list"] if not mark.get("builtIn")}
    assert list(marks) == ["Firing alerts", "Leader changes", "Server restarts"]
    assert all(mark["enable"] and not mark["hide"] for mark in marks.values())


def columns(panel: Json) -> set[str]:
    (organize,) = (t["options"] for t in panel["transformations"] if t["id"] == "organize")
    return set(organize["renameByName"].values())


def data_links() -> list[tuple[str, Json, str]]:
    return [
        (f"{board['title']} / {panel['title']}", panel, link["url"])
        for board in BOARDS.values()
        for panel in panels(board)
        for override in panel["fieldConfig"]["overrides"]
        for setting in override["properties"]
        if setting["id"] == "links"
        for link in setting["value"]
    ]


def test_the_tables_lead_to_the_boards_of_their_objects() -> None:
    targets = {(where, urlsplit(url).path.removeprefix("/d/")) for where, _, url in data_links()}
    assert targets == {
        ("JetStream / Accounts / Largest streams", "jetstream-stream"),
        ("JetStream / Fleet / Clusters", "jetstream-overview"),
        ("JetStream / Overview / Consumers with the longest backlog", "jetstream-consumer"),
        ("JetStream / Overview / Consumers with the highest delivery lag", "jetstream-consumer"),
        ("JetStream / Overview / Fullest streams", "jetstream-stream"),
        ("JetStream / Overview / Servers", "jetstream-servers"),
        ("JetStream / Raft / Replicas, worst first", "jetstream-stream"),
        ("JetStream / Stream / Consumers", "jetstream-consumer"),
    }


@pytest.mark.parametrize(("where", "panel", "url"), data_links(), ids=[d[0] for d in data_links()])
def test_a_table_link_sets_variables_that_exist_from_columns_that_exist(
    where: str, panel: Json, url: str
) -> None:
    path, query = urlsplit(url).path, urlsplit(url).query
    board = by_uid()[path.removeprefix("/d/")]
    items = query.split("&")
    assert items[-1] == "${__url_time_range}"
    assert items[:2] == ["${datasource:queryparam}", "${job:queryparam}"]
    for item in items[2:-1]:
        found = re.fullmatch(r'var-(\w+)=\$\{__data\.fields\["([^"]+)"\]:percentencode\}', item)
        assert found, item
        assert found[1] in variables(board)
        assert found[2] in columns(panel)


def test_a_link_to_an_object_chooses_everything_that_names_it() -> None:
    for where, _, url in data_links():
        board = by_uid()[urlsplit(url).path.removeprefix("/d/")]
        needed = set(variables(board)) - {"datasource", "job"}
        if where == "JetStream / Fleet / Clusters":  # a cluster with all of its accounts
            needed = {"nats_cluster"}
        assert set(re.findall(r"var-(\w+)=", url)) == needed


def test_every_alert_opens_a_board_whose_variables_exist() -> None:
    alerts = [rule.body for rule in ALERTS]
    assert len(alerts) > 30
    for alert in alerts:
        url = urlsplit(alert["annotations"]["dashboard_url"])
        board = by_uid()[url.path.removeprefix("/d/")]
        assert {name.removeprefix("var-") for name in parse_qs(url.query)} <= set(
            variables(board)
        ), alert["alert"]


@each_board
def test_a_table_column_of_every_override_exists(board: Json) -> None:
    """An override whose column was renamed is silently without effect in Grafana."""
    for panel in panels(board):
        if panel["type"] == "table":
            named = {
                override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]
            }
            assert named <= columns(panel), panel["title"]


@each_board
def test_a_line_override_names_a_legend_that_exists(board: Json) -> None:
    for panel in panels(board):
        legends = [target["legendFormat"] for target in panel["targets"]]
        for override in panel["fieldConfig"]["overrides"] if panel["type"] != "table" else ():
            matcher = override["matcher"]
            hits = [
                legend
                for legend in legends
                if (matcher["id"] == "byName" and legend == matcher["options"])
                or (matcher["id"] == "byRegexp" and re.fullmatch(matcher["options"], legend))
            ]
            assert hits, (panel["title"], matcher)


def looks(panel: Json) -> list[tuple[str, Json]]:
    """What is coloured by value: the panel's own look with its legends, and each override's."""
    defaults = panel["fieldConfig"]["defaults"]
    overrides = {
        override["matcher"]["options"]: {p["id"]: p["value"] for p in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
    }
    if panel["type"] == "table":
        return list(overrides.items())
    legends = [target["legendFormat"] for target in panel["targets"]]
    return [(legend, overrides.get(legend, defaults)) for legend in legends]


@each_board
def test_no_threshold_is_told_by_colour_alone(board: Json) -> None:
    """Where a value changes its colour, a word, a mapping or a drawn line says from where on."""
    mute = []
    for panel in panels(board):
        if panel["type"] not in ("stat", "table", "bargauge"):
            continue
        for name, look in looks(panel):
            steps = look.get("thresholds", {}).get("steps", [])
            told = look.get("mappings") or re.search(r"good|alert|warns|renew", name)
            if len(steps) > 1 and not told:
                mute.append((panel["title"], name))
    assert mute == []
    drawn = [p for p in panels(board) if p["type"] == "timeseries"]
    for panel in drawn:
        if len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1:
            assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"] == "dashed"


@each_board
def test_states_are_words(board: Json) -> None:
    for panel in panels(board):
        if panel["type"] == "state-timeline":
            mappings = panel["fieldConfig"]["defaults"]["mappings"]
            texts = [result["text"] for m in mappings for result in results(m)]
            assert texts
            assert len(set(texts)) == len(texts)


def results(mapping: Json) -> list[Json]:
    options = mapping["options"]
    return [options["result"]] if mapping["type"] == "range" else list(options.values())
