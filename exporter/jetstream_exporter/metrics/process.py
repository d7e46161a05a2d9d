"""The process' own metrics, `process_*` and `python_*`, by prometheus_client."""

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest as text
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text

END = b"# EOF\n"

_registry = CollectorRegistry(auto_describe=True)  # their names are known, to be asked for
ProcessCollector(registry=_registry)
PlatformCollector(registry=_registry)
GCCollector(registry=_registry)


def process_metrics(*, openmetrics: bool, names: frozenset[str] | None = None) -> bytes:
    """The text of these metrics, or of those that are named, without OpenMetrics' closing line."""
    registry = _registry if names is None else _registry.restricted_registry(names)
    rendered: bytes = (openmetrics_text if openmetrics else text)(registry)
    return rendered.removesuffix(END)
