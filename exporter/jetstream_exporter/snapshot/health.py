"""What part of a server fails its health check, by the sentence that it gives for it.

The sentence itself names streams and consumers, and is no label. Its beginnings are those of healthz (monitor.go); the
types of `details` have these names in capitals.
"""

from jetstream_exporter.report import Health

OTHER = "other"
# In this order: every one of the others begins with the last but one.
_BEGINNINGS = (
    ("JetStream stream ", "stream"),
    ("JetStream consumer ", "consumer"),
    ("JetStream account ", "account"),
    ("JetStream ", "jetstream"),
    ("failed to be ready for connections", "connection"),
)


def failing_part(health: Health | None) -> str:
    """Empty where nothing fails, or nothing is known."""
    if health is None or health.code == 200:
        return ""
    return next((part for text, part in _BEGINNINGS if health.error.startswith(text)), OTHER)
