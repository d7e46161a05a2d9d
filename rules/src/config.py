"""What an installation may set without touching a rule: the generator, the chart and the mixin honour the same."""

from __future__ import annotations

from dataclasses import dataclass

REPOSITORY = "https://github.com/jetstream-exporter/jetstream-exporter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How the rules are rendered.

    `selector` is a PromQL selector without braces that every series of the exporter must match, such as `env="prod"`.
    `cluster_label` is a further label that tells clusters apart, such as `k8s_cluster`. `job` is the regular
    expression of the exporter's jobs. `runbook_url` and `dashboard_url` are where the links begin, without a slash at
    the end.
    """

    selector: str = ""
    cluster_label: str = ""
    job: str = ".*jetstream-exporter.*"
    runbook_url: str = f"{REPOSITORY}/blob/main/rules/runbooks"
    dashboard_url: str = "https://grafana.example.com"


# With a token in place of each setting: the form that the chart and the mixin fill in.
TOKENS = Config(
    selector="<<selector>>",
    cluster_label="<<cluster_label>>",
    job="<<job>>",
    runbook_url="<<runbook_url>>",
    dashboard_url="<<dashboard_url>>",
)
