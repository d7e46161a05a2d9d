"""The pages about moving over say what the table and the programs say."""

import re

import pytest
from rules.src import compat
from scripts.compat_pages import PAGES, page, written

from jetstream_exporter.config.schema import Config

HERE = pytest.mark.parametrize("name", PAGES)


@HERE
def test_a_page_has_the_series_of_the_table(name: str) -> None:
    text = page(name).read_text()
    assert written(text, name) == text, "run `PYTHONPATH=exporter python scripts/compat_pages.py`"


@HERE
def test_a_page_says_flags_labels_and_what_changes(name: str) -> None:
    text = page(name).read_text()
    for part in ("## Flags", "## Labels", "## What changes in your numbers and why", "## Series"):
        assert part in text


@HERE
def test_every_label_that_the_rules_give_is_explained(name: str) -> None:
    labels = page(name).read_text().split("## Labels")[1].split("\n## ")[0]
    exporter = "surveyor" if name == "nats-surveyor" else "pne"
    kinds = [each.kind for flavour in compat.FLAVOURS for each in flavour.names]
    given = {label for kind in kinds if kind.exporter == exporter for label in kind.labels}
    events = {"consumer"}
    missing = {label for label in given - events if f"`{label}`" not in labels}
    assert missing == set()


@HERE
def test_a_page_says_how_to_see_that_nothing_of_the_other_exporter_is_left(name: str) -> None:
    text = page(name).read_text()
    asked = re.findall(r"'query=count\((\w+)\)'", text)
    flavours = {"nats-surveyor": [compat.SURVEYOR]}.get(name, [compat.PNE, compat.PNE_HELM])
    assert len(asked) == 1
    for flavour in flavours:
        recorded = {each.name for each in flavour.names if each.row.rules}
        named = set(
            re.findall(
                r"`(\w+)`", text.split("load the rules once")[1].split("About these rules")[0]
            )
        )
        assert recorded & {*asked, *named}, flavour.subject
    assert "five minutes later" not in text


@HERE
def test_every_key_of_the_configuration_that_a_page_names_is_there(name: str) -> None:
    flags = page(name).read_text().split("## Flags")[1].split("\n## ")[0]
    named = set(re.findall(r"`(clusters|families|filters|labels|collect|limits)[.\[]", flags))
    assert named
    assert named <= set(Config.__struct_fields__)
