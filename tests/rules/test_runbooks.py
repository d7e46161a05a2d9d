"""A runbook can be followed by somebody who was woken and never saw JetStream."""

import re
import subprocess

import pytest
from tests.rules.test_completeness import LABELS
from tests.rules.test_style import strays
from tests.support import promql
from tests.support.rules import ALERTS, NAMES, RUNBOOKS

SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "False alarms"]
# The commands of the nats CLI that the runbooks rely on, as version 0.5.1 has them. Not `consumer find`: its --idle
# lists the consumers that work.
NATS = {
    "consumer": "cluster edit graph info ls report rm",
    "errors": "ls",
    "events": "",
    "server": "check cluster list report",
    "stream": "backup cluster edit get info purge report rmm subjects view",
}
# The events of a consumer, by the last part of their type.
ADVISORIES = {"max_deliver", "nak", "terminated"}
by_name = pytest.mark.parametrize("name", NAMES)


def runbook(name: str) -> str:
    return (RUNBOOKS / f"{name}.md").read_text()


def section(name: str, title: str) -> str:
    return runbook(name).split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@by_name
def test_a_runbook_has_the_five_sections_in_their_order(name: str) -> None:
    text = runbook(name)
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    for title in SECTIONS:
        assert len(section(name, title).split()) >= 3, title


@by_name
def test_the_diagnosis_holds_a_command_and_a_query_to_paste(name: str) -> None:
    text = section(name, "Diagnosis")
    assert blocks(text, "sh")
    assert blocks(text, "promql") or "/api/v1/query" in text


@by_name
def test_every_query_parses_and_asks_for_metrics_that_exist(name: str) -> None:
    for query in blocks(runbook(name), "promql"):
        assert {s.metric for s in promql.selectors(query)} <= set(LABELS), query


@by_name
def test_every_command_is_one_a_shell_takes(name: str) -> None:
    for script in blocks(runbook(name), "sh"):
        done = subprocess.run(
            ["bash", "-n"], input=script, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "<" not in script, "a placeholder cannot be pasted"


@by_name
def test_every_nats_command_is_one_that_the_cli_has(name: str) -> None:
    for command, sub in re.findall(
        r"(?:^|[(`])nats ([a-z]+) ?([a-z]*)", runbook(name), re.MULTILINE
    ):
        assert command in NATS, f"nats {command}"
        assert not NATS[command] or sub in NATS[command].split(), f"nats {command} {sub}"


@by_name
def test_a_command_that_waits_for_somebody_is_the_last_that_is_pasted(name: str) -> None:
    """It would take the next line for an answer, or keep it from running."""
    for script in blocks(runbook(name), "sh"):
        waiting = re.findall(
            r"^nats (?:events|stream view|consumer graph)\b.*\n", script, re.MULTILINE
        )
        assert not waiting or script.endswith(waiting[0]), waiting


@by_name
def test_a_filter_of_events_is_a_word_that_stands_in_them(name: str) -> None:
    """The CLI looks into the event, and the subject MAX_DELIVERIES is not in it."""
    for word in re.findall(r"nats events .*--filter=([A-Za-z_]+)", runbook(name)):
        assert word in ADVISORIES, word


@by_name
def test_variables_of_a_command_are_set_where_it_is_pasted_from(name: str) -> None:
    """An empty $STREAM is no error to the shell."""
    text = "".join(blocks(section(name, "Diagnosis"), "sh"))
    used = set(re.findall(r"\$\{?([A-Z]+)\b", text))
    assert used <= set(re.findall(r"\b([A-Z]+)=", text))


@by_name
def test_the_name_of_an_object_is_put_between_quotes(name: str) -> None:
    """To the shell an unquoted $MQTT_sess is a variable that nobody set, and the command asks about nothing."""
    text = "".join(blocks(runbook(name), "sh"))
    for variable, value in re.findall(r"\b(STREAM|CONSUMER|SERVER)=(\S*)", text):
        assert re.fullmatch(r"'[^']+'", value), f"{variable}={value}"


@by_name
def test_a_command_that_other_logins_may_not_use_says_so(name: str) -> None:
    text = "".join(blocks(section(name, "Diagnosis"), "sh"))
    of_servers = re.findall(r"^nats server (?!check jetstream).*", text, re.MULTILINE)
    assert not of_servers or "system account" in of_servers[0]


@by_name
def test_its_links_lead_to_other_runbooks(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", runbook(name)):
        assert (RUNBOOKS / target).is_file(), target


@by_name
def test_the_meaning_names_no_number_that_the_rule_does_not_hold(name: str) -> None:
    rules = [rule for rule in ALERTS if rule.alert == name]
    text = re.sub(r"`[^`]*`", "", section(name, "Meaning"))
    assert set.intersection(*(set(strays(rule, text)) for rule in rules)) == set()
