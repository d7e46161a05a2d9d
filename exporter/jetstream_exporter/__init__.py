"""Prometheus exporter for NATS JetStream: of every stream and consumer, its own leader's word."""

__version__ = "0.1.0"
