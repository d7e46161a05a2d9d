"""Prometheus exporter for NATS JetStream: every stream and consumer as its own leader reports it."""

__version__ = "0.1.0"
