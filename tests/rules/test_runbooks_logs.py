"""The words that a runbook tells its reader to look for in a server's log are words that a server writes."""

import re
from functools import cache

import pytest
from scripts.versions import STARTED
from tests.support.rules import NAMES, RUNBOOKS
from tests.support.tools import nats_server

SOUGHT = re.compile(r"Look for (`[^\n]*)\n\n```sh\n(?:(?!```).*\n)*?.*--container[= ]nats")
# Words that a server puts together, by the part of the program that is fixed.
COMPOSED = {
    "Leafnode connection closed": "%s connection closed",
    "Error connecting to explicit gateway": "Error connecting to %s gateway",
}


def sought(name: str) -> list[str]:
    found = SOUGHT.findall((RUNBOOKS / f"{name}.md").read_text())
    return [word for words in found for word in re.findall(r"`([^`]+)`", words)]


READING = [name for name in NAMES if sought(name)]


@cache
def program(version: str) -> bytes:
    return nats_server(version).read_bytes()


@pytest.mark.parametrize("name", READING)
def test_a_server_that_is_supported_writes_each_word(name: str) -> None:
    for word in sought(name):
        fixed = COMPOSED.get(word, word).encode()
        assert any(fixed in program(version) for version in STARTED), word


def test_the_runbooks_that_read_a_log_are_found() -> None:
    assert {"JetStreamAdvisoryServerTrouble", "NatsGatewayDown", "NatsLeafnodeDown"} <= set(READING)
    assert "no space left on device" in sought("JetStreamServerUnhealthy")
