"""How a configuration is wrong: with one sentence that names the place."""

from collections.abc import Callable

Where = Callable[
    [str], str
]  # from a section's key to the place that a sentence names; "" is the section itself


class ConfigError(Exception):
    """The configuration is wrong; the message is one sentence that names the place. Exit code 2."""


class SecretError(ConfigError):
    """A file or a variable that the configuration names for a login or TLS cannot be used."""


def below(place: str) -> Where:
    """The places in a section, where the lines of its file are not known any more."""
    return lambda key: f"{place}.{key}" if key else place
