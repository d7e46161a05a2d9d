"""Names that both exporters have: the labels beside a name tell which of them it is of."""

import pytest

from jetstream_exporter.migrate.names import names
from jetstream_exporter.migrate.rewrite import rewrite

KNOWN = names()
ID = "A" + "B" * 55


def notes(text: str) -> str:
    found = rewrite(text, KNOWN)
    assert found.unresolved == ()
    return " | ".join(found.notes)


@pytest.mark.parametrize(
    "text",
    [
        'nats_stream_total_bytes{account="orders"}',
        'rate(nats_consumer_num_pending{account=~"orders|bills"}[5m])',
        'sum by (account) (nats_stream_total_bytes{account="orders"})',
    ],
)
def test_a_name_that_may_be_of_either_says_that_an_account_may_be_selected_by_its_name(
    text: str,
) -> None:
    assert "is the ID of the account in nats-surveyor, and its name in" in notes(text)


@pytest.mark.parametrize(
    "text",
    [
        'nats_stream_total_bytes{account="orders", stream_name="a"}',
        'sum by (stream_name) (nats_stream_total_bytes{account="orders"})',
        'nats_stream_total_bytes{account="orders", is_stream_leader="true"}',
        'nats_stream_total_bytes{account_name="orders", stream="a"}',
        'nats_stream_total_bytes{account_name="orders"}',
        'nats_core_account_jetstream_storage_used{account_name="orders"}',
        'jetstream_stream_total_bytes{account="orders"}',
    ],
)
def test_an_account_that_is_selected_by_its_name_is_told(text: str) -> None:
    assert '="orders" selects the name of an account' in notes(text)


@pytest.mark.parametrize(
    "text",
    [
        'nats_stream_total_bytes{account="orders", stream="a"}',
        f'nats_stream_total_bytes{{account="{ID}"}}',
        'nats_stream_total_bytes{account=~"$account"}',
        'nats_stream_total_bytes{account=~".*"}',
        'nats_core_account_jetstream_storage_used{account="orders"}',
    ],
)
def test_an_account_that_is_selected_by_its_id_needs_no_word(text: str) -> None:
    assert "account" not in notes(text)
