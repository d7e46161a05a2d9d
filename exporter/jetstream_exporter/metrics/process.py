"""The process' own metrics, `process_*` and `python_*`, by prometheus_client."""

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest as text
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text

END = b"# EOF\n"

_registry = CollectorRegistry()
ProcessCollector(registry=_registry)
PlatformCollector(registry=_registry)
GCCollector(registry=_registry)


def process_metrics(*, openmetrics: bool) -> bytes:
    """The text of these metrics, without OpenMetrics' closing line."""
    rendered: bytes = (openmetrics_text if openmetrics else text)(_registry)
    return rendered.removesuffix(END)
