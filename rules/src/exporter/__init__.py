"""Rules: the monitoring itself: is anything measured, is it current, is it all of it?"""

from rules.src.exporter import collection, completeness, presence
from rules.src.model import Group, RuleFile

EXPORTER = Group(
    name="jetstream-exporter",
    interval="30s",
    rules=(*presence.ALERTS, *collection.ALERTS, *completeness.ALERTS),
)

EXPORTER_FAMILIES = Group(
    name="jetstream-exporter-families",
    interval="5m",
    comment=(
        "These rules are evaluated every 5 minutes only, because the expression selects every "
        "series of the exporter."
    ),
    rules=completeness.FAMILIES,
)

FILE = RuleFile(
    subject="exporter",
    comment=(
        "These rules watch the monitoring pipeline itself: whether data is collected, whether it "
        "is current, and whether it is complete.\n\n"
        "The namespace of an exporter is in the label exporter_namespace, beside namespace: the "
        "chart sets namespace on every rule, because the Prometheus Operator routes alerts by it, "
        "and alerts about exporters in two namespaces must stay two alerts."
    ),
    groups=(
        EXPORTER,
        EXPORTER_FAMILIES,
    ),
)
