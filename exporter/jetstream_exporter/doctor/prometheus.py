"""Whether a Prometheus server scrapes the exporter, keeps its labels, and evaluates its rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import aiohttp

from jetstream_exporter.config.redaction import HIDDEN, without_secrets
from jetstream_exporter.doctor.prometheus_api import QUERY, RULES, TARGETS, Api, Group, Target
from jetstream_exporter.doctor.result import Result, State
from jetstream_exporter.report import LATE
from jetstream_exporter.sources.errors import shortened
from jetstream_exporter.sources.http.client import error_text

TIMEOUT = aiohttp.ClientTimeout(total=10)
BUILD = "jetstream_exporter_build_info"
RENAMED = 'count(nats_server_up{exported_server!=""})'
SCRAPED = "scrape"
QUERY_PART = re.compile(r"(?<=[^\s?\"'])\?[^\s\"']+")  # of a URL
ADVICE = "Check the URL: it is the one of the web interface of Prometheus, without /graph."


async def results(url: str) -> list[Result]:
    found: list[Result] = []
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as http:
            api = Api(http, url)
            series = await api.ask("query", {"query": BUILD}, QUERY)
            renamed = await api.ask("query", {"query": RENAMED}, QUERY)
            active = await api.ask("targets", {"state": "active"}, TARGETS)
            if active is not None:
                found += _down(active.active_targets)
            if series is not None:
                found += _scraped(url, len(series.result))
            if renamed is not None:
                found += _labels(url, bool(renamed.result))
            rules = await api.ask("rules", {"type": "alert"}, RULES)
            if rules is not None:
                found += _rules(url, rules.groups)
            failed = api.failed
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        failed = LATE if isinstance(error, TimeoutError) else error_text(error)
    if failed:
        found.append(Result("prometheus", State.ERROR, url, failed, ADVICE))
    return found


def _down(active: Sequence[Target]) -> Iterator[Result]:
    for target in active:
        if target.health == "down" and "jetstream" in str(target.labels):
            yield Result(
                SCRAPED,
                State.ERROR,
                _safe(target.scrape_url),
                f"Prometheus cannot scrape it: {_safe(target.last_error)}",
                "Check the port (18222), network policies from the namespace of Prometheus, and TLS and password "
                "of the scrape configuration.",
            )


def _safe(text: str) -> str:
    """Without what may be a secret in the URLs of the text: logins and queries."""
    return shortened(QUERY_PART.sub(f"?{HIDDEN}", without_secrets(text)))


def _scraped(url: str, series: int) -> Iterator[Result]:
    if series:
        number = f"{series} exporter{'s' if series > 1 else ''}"
        yield Result(SCRAPED, State.OK, url, f"Prometheus has series of {number}")
        return
    yield Result(
        SCRAPED,
        State.ERROR,
        url,
        "Prometheus has no series of the exporter",
        "Check that a scrape job has it as a target (Status > Target health). With the Prometheus operator, the labels "
        "of the ServiceMonitor (operatorLabels in the values of the chart) must match serviceMonitorSelector, and its "
        "namespace serviceMonitorNamespaceSelector: kubectl get prometheus -A -o yaml | grep -A5 serviceMonitor.",
    )


def _labels(url: str, is_renamed: bool) -> Iterator[Result]:
    if is_renamed:
        yield Result(
            "label",
            State.ERROR,
            url,
            "Prometheus renamed the label `server` of the exporter to `exported_server`",
            "Set honor_labels: true in the scrape job (honorLabels in a ServiceMonitor).",
        )


def _rules(url: str, groups: Sequence[Group]) -> Iterator[Result]:
    alerts = [
        rule
        for group in groups
        for rule in group.rules or ()
        if (rule.labels or {}).get("service") == "jetstream"
    ]
    if not alerts:
        yield Result(
            "rules",
            State.WARNING,
            url,
            "Prometheus has no alert rules of the exporter",
            "Load rules/*.yaml (rule_files), or set rules.enabled=true in the chart. With the Prometheus operator, the "
            "labels of the PrometheusRule must match ruleSelector.",
        )
        return
    failing = [rule.name for rule in alerts if rule.health == "err"]
    if failing:
        yield Result(
            "rules",
            State.ERROR,
            url,
            f"{len(failing)} rules fail: {', '.join(sorted(set(failing))[:5])}",
            "See Status > Rule health. Two exporters without replicas of one release can make series that are no "
            "longer unique.",
        )
    else:
        yield Result("rules", State.OK, url, f"Prometheus evaluates {len(alerts)} alert rules")
