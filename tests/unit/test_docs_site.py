"""Which pages the site has, where they are, and where their links lead."""

import pytest
import yaml
from scripts import docs_site

NAV = yaml.safe_load((docs_site.ROOT / "mkdocs.yml").read_text())["nav"]
PAGES = list(docs_site.pages(docs_site.nav(NAV)))
BASE = "https://repository.example"


@pytest.mark.parametrize("folder", ["docs", "docs/decisions", "rules/runbooks"])
def test_every_page_of_the_documentation_is_in_the_navigation(folder: str) -> None:
    """A new page needs a line under `nav` in mkdocs.yml."""
    assert set(docs_site.folder(folder)) - set(PAGES) == set()


def test_every_page_of_the_navigation_is_there_once() -> None:
    assert len(PAGES) == len(set(PAGES)) > 100
    assert [page for page in PAGES if not (docs_site.ROOT / page).is_file()] == []


def test_no_two_pages_have_one_address() -> None:
    assert len({docs_site.place(page) for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ("README.md", ""),
        ("CODE_OF_CONDUCT.md", "code-of-conduct/"),
        ("docs/alerting.md", "alerting/"),
        ("docs/decisions/README.md", "decisions/"),
        ("docs/runbooks.md", "writing-a-runbook/"),
        ("examples/compose/README.md", "examples/compose/"),
        ("exporter/METRICS.md", "metrics/"),
        ("rules/runbooks/NatsServerDown.md", "runbooks/NatsServerDown/"),
    ],
)
def test_an_address_names_the_page_and_not_its_file(page: str, address: str) -> None:
    assert docs_site.place(page) == address


@pytest.mark.parametrize(
    ("text", "adapted"),
    [
        ("[a](alerting.md#series)", "[a](alerting.md#series)"),
        ("[a](../Makefile)", f"[a]({BASE}/blob/main/Makefile)"),
        ("[a](../rules)", f"[a]({BASE}/tree/main/rules)"),
        ("[a](../missing.yaml)", "[a](../missing.yaml)"),
        ("[a](https://nats.io/x.md)", "[a](https://nats.io/x.md)"),
        ("```md\n[a](../Makefile)\n```", "```md\n[a](../Makefile)\n```"),
        ("````md\n```\n[a](../Makefile)\n````", "````md\n```\n[a](../Makefile)\n````"),
        ("    [a](../Makefile)", "    [a](../Makefile)"),
        (r"| `a\|b` | c \| d |", r"| `a|b` | c \| d |"),
        (r"`a\|b`", r"`a\|b`"),
    ],
)
def test_links_lead_to_a_page_or_to_the_repository(text: str, adapted: str) -> None:
    known = {"docs/alerting.md"}
    assert docs_site.adapted(text, "docs/kubernetes.md", known, BASE) == adapted


def test_a_runbook_is_found_by_the_words_of_its_name() -> None:
    assert docs_site.words("JetStreamConsumerStalled") == ["Jetstream", "Consumer", "Stalled"]


def test_an_anchor_is_the_one_of_the_repository() -> None:
    assert docs_site.slug("`clusters[].http`, and more: TLS", "-") == "clustershttp-and-more-tls"
