"""The objective of a consumer's lag (metadata `io.jetstream-exporter.slo-lag`), and the alerts about its budget."""

from __future__ import annotations

from rules.src.consumer.lag import LAG
from rules.src.model import Alert, Group, Record, Severity

MISSED = "nats_cluster_account_stream_consumer:jetstream_consumer_lag_objective_missed:max"
BUDGET = "nats_cluster_account_stream_consumer:jetstream_consumer_lag_objective_budget:max"


def burning(
    severity: Severity, windows: tuple[str, str], begun: tuple[str, str], factor: str, spent: str
) -> Alert:
    """The objective has to be known already at the beginning of the long window: `begun` is a span and its offset."""
    long, short = windows
    first, offset = begun
    return Alert(
        name="JetStreamConsumerLagBudgetBurning",
        severity=severity,
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            f"At this pace, {spent} of the budget of 30 days is spent within {spelt(long)}. The shorter "
            "window ends the alert soon after the lag does. An objective that is not known for the whole "
            "window has nothing to compare with yet."
        ),
        expr=f"""
            (
              avg_over_time({MISSED}[{long}]) > on ($consumer) $threshold * {BUDGET}
              and on ($consumer)
              avg_over_time({MISSED}[{short}]) > on ($consumer) $threshold * {BUDGET}
              and on ($consumer)
              last_over_time({MISSED}[{first}] offset {offset})
            )
            $unless_consumer_excluded
        """,
        values={"threshold": factor},
        wait="2m",
        keep="5m",
        summary="A JetStream consumer uses up the budget of its lag objective",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster {nats_cluster}) was later "
            f"than its objective allows for {{value | humanizePercentage}} of the time within {spelt(long)}."
        ),
    )


def spelt(span: str) -> str:
    """In letters: a figure in a sentence is taken for a threshold that can be changed."""
    return {"1h": "one hour", "6h": "six hours"}[span]


OBJECTIVES = Group(
    name="jetstream-consumer-objectives",
    interval="1m",
    rules=(
        Record(
            name=MISSED,
            comment=(
                "1 while a consumer with an objective is later than that, and 0 while it is not. "
                "Absent while it is paused, or while its lag is not known."
            ),
            expr=f"""
                {LAG}
                > bool on ($consumer)
                max by ($consumer) (jetstream_consumer_threshold{{check="slo-lag"}})
                unless on ($consumer)
                nats_cluster_account_stream_consumer:jetstream_consumer_paused:max
            """,
        ),
        Record(
            name=BUDGET,
            comment="The share of the time in which it may be later.",
            expr="""
                1 - max by ($consumer) (jetstream_consumer_threshold{check="slo-lag-ratio"})
            """,
        ),
        burning("critical", ("1h", "5m"), ("10m", "50m"), "14.4", "2%"),
        burning("warning", ("6h", "30m"), ("1h", "5h"), "6", "5%"),
    ),
)
