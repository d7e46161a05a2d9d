"""Shadow: another exporter and this one beside each other, for the week in which both run."""

from __future__ import annotations

from dashboards.src.board import Board, Row, Variable
from dashboards.src.panels import BAD, QUIET, WARN, Look, Query, Step
from dashboards.src.shapes import stat, timeseries
from dashboards.src.tables import Column, table
from rules.src.shadow import DIFFERENCE, DISAGREES, MISSING, OURS, THEIRS, new_of, old_of

EXPORTER = "$exporter"
CHOSEN = 'exporter="$exporter", nats_cluster=~"$nats_cluster"'
OLD, NEW = old_of(EXPORTER), new_of(EXPORTER)
OBJECT = ("nats_cluster", "server", "account", "stream", "consumer")
FIGURE = ("figure", "Figure")
ANY = Look("short", [Step(1, BAD)], decimals=0)
ANY_WARNS = Look("short", [Step(1, WARN)], decimals=0)
PLAIN = Look("short", base=QUIET)
# Where nothing is compared, one of them still has what the other lacks.
FIGURES = f'__name__=~"{DIFFERENCE}|{MISSING}"'
VARIABLES = (
    Variable("exporter", "Other exporter", f"{{{FIGURES}}}"),
    Variable("nats_cluster", "Cluster", f'{{{FIGURES}, exporter="$exporter"}}', several=True),
)


def chosen(name: str, *matchers: str) -> str:
    return f"{name}{{{', '.join((CHOSEN, *matchers))}}}"


def missing(where: str) -> str:
    return chosen(MISSING, f'missing_in="{where}"')


def counted(what: str) -> str:
    return f"count({what}) or vector(0)"


NOW = Row(
    "Now",
    (
        stat(
            "Compared",
            "Number of figures that both exporters report. None: one of them is not scraped, the rules of "
            "rules/compat/shadow-*.yaml are not loaded or are those for other flags, or the cluster has another name.",
            (Query(f"count({chosen(DIFFERENCE)})"),),
            look=PLAIN,
            width=6,
        ),
        stat(
            "Disagreeing",
            "Number of figures whose values did not overlap within five minutes. Good: 0. Two exporters ask at "
            "different moments, so that figures that move differ for a moment and do not count here.",
            (Query(counted(chosen(DISAGREES))),),
            look=ANY,
            width=6,
        ),
        stat(
            "Only in the other exporter",
            "Number of figures that only the other exporter reports. Ephemeral consumers are among them, which "
            "jetstream-exporter counts and does not list, and streams and consumers without a leader.",
            (Query(counted(missing(OURS))),),
            look=ANY_WARNS,
            width=6,
        ),
        stat(
            "Only in jetstream-exporter",
            "Number of figures that only jetstream-exporter reports, such as those of a server beside which no "
            "other exporter runs.",
            (Query(counted(missing(THEIRS))),),
            look=ANY_WARNS,
            width=6,
        ),
    ),
)

DIFFERENT = Row(
    "Where they disagree",
    (
        table(
            "Disagreeing figures",
            "Figures whose values did not overlap within five minutes, with the current value of each exporter. "
            "Good: empty.",
            OBJECT,
            (
                Column("Other", f"{OLD} and on (figure, {', '.join(OBJECT)}) {chosen(DISAGREES)}"),
                Column("Ours", f"{NEW} and on (figure, {', '.join(OBJECT)}) {chosen(DISAGREES)}"),
                Column("Difference", f"{chosen(DIFFERENCE)} and {chosen(DISAGREES)}"),
            ),
            texts=(FIGURE,),
            rows=10,
            empty="no figure disagrees",
        ),
        timeseries(
            "Disagreeing figures over time",
            "Number of figures whose values did not overlap within five minutes, by kind. Good: none, except for "
            "minutes after an election, when followers of the other exporter report zeros.",
            (Query(f"count by (figure) ({chosen(DISAGREES)})", "{{figure}}"),),
            look=ANY,
            empty="no figure disagrees",
        ),
        timeseries(
            "Largest differences",
            "Ten largest differences between the two exporters, as a share of the value of this one. They come from "
            "the moments in which each asks. Bad: a line that does not come back to 0.",
            (
                Query(
                    f"topk(10, abs({chosen(DIFFERENCE)}) / (abs({NEW}) > 0))",
                    "{{figure}} of {{server}} {{stream}} {{consumer}}",
                ),
            ),
            look=Look("percentunit", base=QUIET, minimum=0),
            many=True,
        ),
    ),
)

ABSENT = Row(
    "What only one of them has",
    (
        table(
            "Only in one exporter",
            "Figures that only one of the exporters reports, with their value there. Good: ephemeral consumers alone.",
            OBJECT,
            (Column("Value", chosen(MISSING)),),
            texts=(FIGURE, ("missing_in", "Missing in")),
            rows=10,
            empty="both report the same objects",
        ),
    ),
)

BOARD = Board(
    uid="jetstream-shadow",
    title="Shadow",
    description=(
        "Another exporter and this one beside each other, by object: for the week in which both run. Needs the "
        "rules of rules/compat/shadow-*.yaml."
    ),
    variables=VARIABLES,
    rows=(NOW, DIFFERENT, ABSENT),
    folder="../rules/compat/",
)
