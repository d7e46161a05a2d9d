"""A runbook can be followed by somebody who was woken and never saw JetStream.

docs/runbooks.md says how one is written; tests/integration/test_runbooks.py runs every command.
"""

import re
import subprocess
from pathlib import Path

from tests.rules.test_completeness import LABELS, SCOPES
from tests.rules.test_style import strays
from tests.support import promql
from tests.support.commands import (
    UNASKED,
    Command,
    assigned,
    commands,
    fences,
    indented,
    inline,
    without_fences,
)
from tests.support.each import each
from tests.support.rules import ALERTS, NAMES, ROOT, RUNBOOKS

SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "False alarms"]
# The events of a consumer, by the last part of their type.
ADVISORIES = {"max_deliver", "nak", "terminated", "api_audit", "leader_elected"}
# Each label's place in a query.
PLACES = {
    "nats_cluster": "$CLUSTER",
    "account": "$ACCOUNT",
    "stream": "$STREAM",
    "consumer": "$CONSUMER",
    "server": "$SERVER",
    "job": "$JOB",
}
SYNTHETIC = {"ALERTS"}
# What shows the present state of the thing that the command is about to change.
SHOWN_BY = {
    "nats stream rmm": "nats stream get",
    "nats stream": "nats stream info",
    "nats consumer": "nats consumer info",
    "nats server": "nats server report jetstream",
    "kubectl": "kubectl get",
}
# Another leader of the same group: nothing is lost, and it can be done again.
REVERSIBLE = {"step-down"}
WAITING = re.compile(r"\bnats .*\b(events|consumer graph|stream view)\b|\bport-forward\b|--tty\b")
OF_SERVERS = ("server",)
OF_A_STREAM = ("server", "check", "stream")
WITHOUT_LOGIN = {"errors", "context"}
SENTENCE = re.compile(r"(?<=[.:])\s+|\n")
# Pages whose commands are pasted as well.
PAGES = [
    ROOT / "README.md",
    ROOT / "CONFIGURATION.md",
    *sorted((ROOT / "examples").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "helm" / "templates" / "NOTES.txt",
]
by_name = each("name", NAMES)
by_page = each("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def runbook(name: str) -> str:
    return (RUNBOOKS / f"{name}.md").read_text()


def headings(page: Path) -> set[str]:
    """The anchors of a page, and the empty one for the page itself."""
    found = re.findall(r"^#+ (.*)$", without_fences(page.read_text()), re.MULTILINE)
    return {""} | {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in found}


def section(name: str, title: str) -> str:
    return runbook(name).split(f"\n## {title}\n")[1].split("\n## ")[0]


def scripts(name: str) -> list[str]:
    return fences(runbook(name), "sh")


def all_commands(name: str) -> list[Command]:
    return [command for script in scripts(name) for command in commands(script)]


def scope(name: str) -> str:
    return next(rule.scope for rule in ALERTS if rule.alert == name)


def opening(command: Command, words: int = 3) -> str:
    return " ".join(command.path[:words])


@by_name
def test_a_runbook_has_the_five_sections_in_their_order(name: str) -> None:
    text = runbook(name)
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.*)$", without_fences(text), re.MULTILINE) == SECTIONS
    for title in SECTIONS:
        assert len(section(name, title).split()) >= 3, title


@by_name
def test_the_diagnosis_holds_a_command_and_a_query_to_paste(name: str) -> None:
    text = section(name, "Diagnosis")
    assert fences(text, "sh")
    assert fences(text, "promql")


@by_name
def test_every_query_parses_and_asks_for_metrics_that_exist(name: str) -> None:
    for query in fences(runbook(name), "promql"):
        used = {s.metric for s in promql.selectors(query)}
        assert used <= set(LABELS) | SYNTHETIC, query


@by_name
def test_every_query_selects_the_object_of_the_alert(name: str) -> None:
    """Whoever is woken has one object that is in trouble, and 10,000 that are not."""
    labels = SCOPES[scope(name)] or {"job"}
    for query in fences(runbook(name), "promql"):
        for selector in promql.selectors(query):
            if selector.metric in SYNTHETIC:
                continue
            given = {m.name: m.value for m in selector.node.matchers.matchers}
            wanted = labels & (LABELS[selector.metric] | {"nats_cluster", "job"})
            for label in wanted - ({"nats_cluster"} if selector.metric == "up" else set()):
                assert label in given, f"{query}: {selector.metric} needs {label}={PLACES[label]}"
                narrow = given[label] == PLACES[label] or "jetstream-exporter" in given[label]
                assert narrow, f"{query}: {label} is {given[label]}, not {PLACES[label]}"


@by_name
def test_a_place_in_a_query_is_a_variable_that_the_runbook_asks_for(name: str) -> None:
    asked = {variable for script in scripts(name) for variable in assigned(script)}
    for query in fences(runbook(name), "promql"):
        assert set(re.findall(r"\$(\w+)", query)) <= asked, query


@by_name
def test_every_command_is_one_a_shell_takes(name: str) -> None:
    for script in scripts(name):
        done = subprocess.run(
            ["bash", "-n"], input=script, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        bare = re.sub(r"'[^'\n]*'", "''", script)
        assert "<" not in bare, "a placeholder in angle brackets cannot be pasted"
        assert "$(" not in bare, "write plain commands: who is woken reads them"
        assert "`" not in bare, "write plain commands: who is woken reads them"


@by_name
def test_a_variable_that_is_not_set_stops_the_command(name: str) -> None:
    """To a shell an empty $STREAM is no error, and the command asks, or does, something else."""
    for command in all_commands(name):
        assert not command.unguarded, f"{command.line}: write ${{NAME:?}}"


@by_name
def test_the_reader_is_told_what_to_set(name: str) -> None:
    """Each variable is in the list at the top, or says at its first use what it has to be."""
    told: set[str] = set()
    for script in scripts(name):
        told |= set(assigned(script))
        for command in commands(script):
            told |= {variable for variable, said in command.guards.items() if said}
            assert set(command.guards) <= told, f"{command.line}: nobody says what to set"


@by_name
def test_the_list_of_variables_sets_nothing_until_it_is_filled(name: str) -> None:
    """Pasted as it is, a name in it would be somebody's stream."""
    for script in scripts(name):
        for variable, value in assigned(script).items():
            assert value == "''", f"{variable}={value}: leave it empty, as ''"


@by_name
def test_a_command_that_changes_something_needs_a_choice(name: str) -> None:
    """Beside the object of the alert, a variable of its own that says what shall happen."""
    for command in [c for c in all_commands(name) if c.changes]:
        if not REVERSIBLE & set(command.path):
            listed = {v for script in scripts(name) for v in assigned(script)} | {"NAMESPACE"}
            assert set(command.guards) - listed, command.line


@by_name
def test_a_command_that_changes_something_has_no_number_of_its_own(name: str) -> None:
    """20GB raises the limit of one stream and lowers that of another, which deletes."""
    for command in [c for c in all_commands(name) if c.changes]:
        bare = re.sub(r"\$\{\w+:\?[^}]*\}", "", command.line)
        assert not re.search(r"\d", bare), command.line


@by_name
def test_a_command_that_changes_something_asks_before_it_does(name: str) -> None:
    for command in all_commands(name):
        assert not UNASKED & set(command.words), command.line


@by_name
def test_what_is_to_be_changed_is_shown_first(name: str) -> None:
    for script in scripts(name):
        before: list[Command] = []
        for command in commands(script):
            if command.changes:
                here = opening(command)
                wanted = next(shown for start, shown in SHOWN_BY.items() if here.startswith(start))
                assert any(" ".join(c.path).startswith(wanted) for c in before), (
                    f"{command.line}: put `{wanted} …` before it"
                )
                assert command.line == script.splitlines()[-1], "it asks: nothing may follow"
            before.append(command)


@by_name
def test_a_limit_comes_with_what_a_smaller_one_does(name: str) -> None:
    for title in SECTIONS:
        sentences = SENTENCE.split(without_fences(section(name, title)))
        for script in fences(section(name, title), "sh"):
            for command in [c for c in commands(script) if c.changes]:
                for option, value in command.options.items():
                    variable = re.sub(r"\W", "", value.split(":")[0])
                    said = [s for s in sentences if "smaller" in s and f"`{variable}`" in s]
                    assert said or variable not in LIMITS, f"{option}: say what a smaller one does"


# Options with a number, by the variable that holds it.
LIMITS = {
    *{"MAX_BYTES", "MAX_MSGS", "MAX_AGE", "MAX_PENDING", "MAX_DELIVER", "KEEP"},
    *{"REPLICAS", "FEWER_REPLICAS"},
}


@by_name
def test_every_number_of_a_change_is_a_limit_that_is_known_here(name: str) -> None:
    for command in [c for c in all_commands(name) if c.changes]:
        for option, value in command.options.items():
            if re.match(r"--(max-|keep|replicas|seq|wait|sample)", option):
                assert re.sub(r"\W", "", value.split(":")[0]) in LIMITS, command.line


@by_name
def test_code_in_a_sentence_changes_nothing(name: str) -> None:
    """It is copied from there as well, without what is shown and said around a fenced command."""
    for text in inline(runbook(name)):
        if re.match(r"(nats|kubectl|helm|systemctl|curl) ", text):
            (command,) = commands(text)
            assert not command.changes, f"`{text}`: give it a fence of its own"


@by_name
def test_a_command_that_waits_for_somebody_is_the_last_that_is_pasted(name: str) -> None:
    """It would take the next line for an answer, or keep it from running."""
    for script in scripts(name):
        for line in script.splitlines()[:-1]:
            assert not WAITING.search(line), line


@by_name
def test_a_given_up_message_is_not_looked_for_in_pages(name: str) -> None:
    """`nats stream view` reads a stream from its start, in a terminal."""
    assert "stream view" not in runbook(name)


@by_name
def test_a_filter_of_events_is_a_word_that_stands_in_them(name: str) -> None:
    """The CLI looks into the event, and the subject MAX_DELIVERIES is not in it."""
    for word in re.findall(r" events .*--filter=([A-Za-z_]+)", runbook(name)):
        assert word in ADVISORIES, word


@by_name
def test_every_nats_command_says_with_which_login(name: str) -> None:
    for command in all_commands(name):
        if command.program == "nats" and command.path[1] not in WITHOUT_LOGIN:
            assert command.words[1] == "--context", command.line
            allowed = {"SYS"} if command.path[1] in OF_SERVERS else {"APP"}
            if command.path[1:] == OF_A_STREAM:
                allowed = {"APP"}
            if command.path[1] == "events":
                allowed = {"APP", "SYS"}
            login = command.words[2].strip("${}:?")
            assert login in allowed, f"{command.line}: {' or '.join(allowed)} may do that"


@by_name
def test_a_runbook_says_how_to_log_in(name: str) -> None:
    logins = {
        command.words[2].strip("${}:?")
        for command in all_commands(name)
        if command.program == "nats" and command.words[1] == "--context"
    }
    text = section(name, "Diagnosis")
    asked = {variable for script in fences(text, "sh") for variable in assigned(script)}
    assert logins <= asked
    for login, account in {"APP": "account", "SYS": "system account"}.items():
        if login in logins:
            assert re.search(rf"`{login}` (is a login of|the) [^.]*{account}", text), login
    if logins:
        assert "`nats context ls`" in text
        assert "`nats context add`" in text
        assert "deployment/nats-box" in text


@by_name
def test_every_kubectl_command_says_where(name: str) -> None:
    for command in all_commands(name):
        if command.program == "kubectl":
            line = command.line
            assert "--namespace " in line or "--all-namespaces" in line, line


@by_name
def test_a_fence_is_for_one_place(name: str) -> None:
    """Where the chart's nats-box has `nats` there is no `kubectl`."""
    for script in scripts(name):
        assert not {"nats", "kubectl"} <= {command.program for command in commands(script)}, script


@by_name
def test_logs_of_a_selector_are_not_cut_to_ten_lines(name: str) -> None:
    for command in all_commands(name):
        if command.path[:2] == ("kubectl", "logs"):
            assert "--tail=" in command.line, command.line
            assert not {"-A", "--all-namespaces"} & set(command.words), "logs knows no such flag"


EXPORTER = "\n".join(p.read_text() for p in (ROOT / "exporter").rglob("*.py"))


@by_name
def test_what_is_looked_for_in_the_exporters_log_is_said_there(name: str) -> None:
    for command in all_commands(name):
        of_exporter = "logs" in command.line and "name=jetstream-exporter" in command.line
        if of_exporter and command.program == "grep" and "-F" not in command.words:
            assert command.words[-1] in EXPORTER, command.words[-1]


@by_name
def test_a_text_of_json_is_taken_whole(name: str) -> None:
    """`[^"]*` ends at the first quote that the text itself holds, in `Get \\"http://…`."""
    for command in all_commands(name):
        if command.program == "grep" and "lastError" in command.line:
            assert r'"lastError":"([^"\\]|\\.)+"' in command.line, command.line


@by_name
def test_its_links_lead_to_other_runbooks(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", without_fences(runbook(name))):
        page, _, heading = target.partition("#")
        assert (RUNBOOKS / page).is_file(), target
        assert heading in headings(RUNBOOKS / page), target


@by_name
def test_who_shall_exclude_something_is_told_how(name: str) -> None:
    for sentence in SENTENCE.split(section(name, "False alarms")):
        if sentence.startswith("Exclude"):
            assert "docs/alerting.md#exclude-objects-from-an-alert" in sentence, sentence


@by_name
def test_who_opens_the_nats_box_keeps_a_terminal_for_kubectl(name: str) -> None:
    """Pasted into the nats-box, `kubectl` is not found, and the variables of the list are set nowhere else."""
    if "deployment/nats-box" in runbook(name):
        assert "Open it in a second terminal" in section(name, "Diagnosis")
        assert "set the variables in both terminals" in section(name, "Diagnosis")


@by_name
def test_the_meaning_names_no_number_that_the_rule_does_not_hold(name: str) -> None:
    rules = [rule for rule in ALERTS if rule.alert == name]
    text = re.sub(r"`[^`]*`", "", section(name, "Meaning"))
    assert set.intersection(*(set(strays(rule, text)) for rule in rules)) == set()


def test_when_a_removed_server_joins_again_is_said_in_one_wording() -> None:
    """tests/integration/test_removed_server.py shows that it is true."""
    removing = {name for name in NAMES if "server cluster peer-remove" in runbook(name)}
    telling = {name for name in NAMES if "after the removal" in runbook(name)}
    assert telling == removing | {"JetStreamMetaGroupShrunk"}
    assert [name for name in telling if REJOINS not in runbook(name)] == []


REJOINS = (
    "joins the meta group again: within seconds, or with NATS 2.15 only 5 minutes after the removal"
)


def test_nobody_is_told_that_nothing_is_lost_while_it_may_be() -> None:
    for name in NAMES:
        assert "othing is lost yet" not in runbook(name), name


@by_page
def test_no_page_has_a_command_that_destroys_when_it_is_pasted(page: Path) -> None:
    text = page.read_text()
    for block in [*fences(text, "sh"), *indented(text), *inline(text)]:
        for line in (raw.strip().removeprefix("$ ") for raw in block.splitlines()):
            if re.match(r"(nats|kubectl) \S", line):
                command = commands(line.rstrip(" \\|"))[0]
                asks = command.guards and not command.unguarded
                assert asks or not command.changes or not DESTROYS.search(line), line


DESTROYS = re.compile(r"\b(purge|rmm|rm|edit|delete|peer-remove|evacuate|seal|drain|patch|scale)\b")


def of_a_connection(address: str, reason: str, *more: str) -> list[str]:
    """An entry of /connz?state=closed as 2.15.1 writes it."""
    before = ("port", "start", "last_activity", "stop")
    after = ("rtt", "uptime", "idle", "pending_bytes", "in_msgs", "out_msgs", "in_bytes")
    lines = [f'"ip": "{address}"', *(f'"{key}": "-"' for key in before), f'"reason": "{reason}"']
    lines += [f'"{key}": "-"' for key in (*after, "out_bytes", *more[:-1], "subscriptions")]
    return ["{", *lines, *more[-1:], "},"]


def test_the_slow_client_is_not_named_after_another_connection() -> None:
    """A client's name comes after the reason, so that the name before it is another client's."""
    script = next(s for s in scripts("NatsSlowConsumersDetected") if "state=closed" in s)
    closed = [
        *of_a_connection("10.0.0.1", "Client Closed", '"name": "before"'),
        *of_a_connection("10.0.0.2", "Slow Consumer (Pending Bytes)", "stalls", '"name": "slow"'),
        *of_a_connection("10.0.0.3", "Client Closed", '"name": "between"'),
        *of_a_connection("10.0.0.4", "Slow Consumer (Write Deadline)"),
        *of_a_connection("10.0.0.5", "Client Closed", '"name": "after"'),
    ]
    found = subprocess.run(
        ["sh", "-c", f"cat | {script.split('|', 1)[1]}"],
        input="\n".join(closed),
        text=True,
        capture_output=True,
        check=False,
    ).stdout
    assert re.findall(r'"(?:ip|name)": "(.*)"', found) == ["10.0.0.2", "slow", "10.0.0.4"]
