from jetstream_exporter.sources.advisories.subjects import counted_fields, subjects_of


def test_only_the_frequent_events_that_are_asked_for_are_subscribed_to() -> None:
    assert set(subjects_of(["naks"])) - set(subjects_of([])) == {
        "$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.>"
    }


def test_the_system_account_counts_lost_majorities_alone() -> None:
    assert counted_fields(["naks", "acks"], (), is_system=True) == {"quorum_lost"}


def test_excess_needs_both_events_that_it_is_reckoned_from() -> None:
    refused = ["$js.event.advisory.consumer.msg_terminated.>"]
    assert counted_fields([], refused, is_system=False) == {"max_deliveries", "quorum_lost"}
