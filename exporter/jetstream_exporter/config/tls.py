"""A client's TLS settings, from the files that the configuration names."""

import os
import ssl

from jetstream_exporter.config.decode import ConfigError


def client_context(ca: str, cert: str, key: str, *, insecure: bool) -> ssl.SSLContext:
    """Trust `ca` (the system's authorities if empty) and show `cert`; ConfigError names the files, not the place."""
    try:
        context = ssl.create_default_context(cafile=ca or None)
        if cert:
            context.load_cert_chain(cert, key)
    except OSError as error:
        files = ", ".join(file for file in (ca, cert, key) if file)
        raise ConfigError(f"{files}: cannot be loaded: {_reason(error)}") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: OSError) -> str:
    """The system's message; those of the TLS library name its source files."""
    if isinstance(error, ssl.SSLError):
        return "not PEM, or not a certificate and its key"
    return os.strerror(error.errno) if error.errno else str(error)
