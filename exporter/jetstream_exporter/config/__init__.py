"""The configuration: one strict schema, read from YAML. An error is one sentence that names the place."""

from jetstream_exporter.config.errors import ConfigError, SecretError
from jetstream_exporter.config.load import load, parse
from jetstream_exporter.config.schema import Config

__all__ = ["Config", "ConfigError", "SecretError", "load", "parse"]
