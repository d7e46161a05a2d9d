"""The label `team` of alerts about streams and consumers: recorded once by object, and looked up by alerts that fire.

A join in each expression would cost every evaluation of every rule as much as the objects are many, and would need a
series of each object, without which its alert would be lost. Prometheus fills in the labels of an alert only for what
the expression found: a lookup there costs nothing while nothing fires, and without a team the label is left out.
"""

from __future__ import annotations

from rules.src.model import IDENTITY, Group, Record, Scope

OF = {
    "stream": "nats_cluster_account_stream_team:jetstream_stream_labels:last",
    "consumer": "nats_cluster_account_stream_consumer_team:jetstream_consumer_labels:last",
}
# Those whose team is asked for, in this order: a consumer without one is its stream's.
ASKED: dict[str, tuple[Scope, ...]] = {"stream": ("stream",), "consumer": ("consumer", "stream")}


def lookup(scope: str, cluster_label: str = "") -> str:
    """The template of the label; empty for what has no team."""
    if scope not in ASKED:
        return ""
    further = (cluster_label,) if cluster_label else ()
    labels = (*IDENTITY[scope], *further)
    # The further label first, as in every list of labels.
    query = " or ".join(
        _newest(asked, (*further, *IDENTITY[asked]), labels) for asked in ASKED[scope]
    )
    values = " ".join(f"$labels.{label}" for label in labels)
    return f'{{{{ with query (printf "{query}" {values}) }}}}{{{{ . | first | label "team" }}}}{{{{ end }}}}'


def _newest(scope: Scope, matched: tuple[str, ...], values: tuple[str, ...]) -> str:
    """The series of the newest team, even if the object or its metadata ended a moment ago.

    `values` are the labels whose values `printf` is given, in this order.
    """
    matchers = ",".join(f"{label}=%[{values.index(label) + 1}]q" for label in matched)
    return f"topk(1, last_over_time({OF[scope]}{{{matchers}}}[1h]))"


TEAMS = Group(
    name="jetstream-teams",
    interval="1m",
    rules=tuple(
        Record(
            name=name,
            comment=(
                "When each team was last seen in the metadata: the label `team` of the alerts, which "
                "ask for the newest. Only of objects that have one."
                if scope == "stream"
                else ""
            ),
            expr=f'max by (${scope}, team) (timestamp(jetstream_{scope}_labels{{team!=""}}))',
        )
        for scope, name in OF.items()
    ),
)
