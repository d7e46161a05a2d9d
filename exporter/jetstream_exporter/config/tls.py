"""A client's TLS settings, from the files that the configuration names."""

import ssl

from jetstream_exporter.config.errors import SecretError, Where
from jetstream_exporter.config.redaction import file_name
from jetstream_exporter.config.secrets import check_file


def client_context(ca: str, cert: str, key: str, where: Where, *, insecure: bool) -> ssl.SSLContext:
    """Trust `ca` (the system's authorities if empty) and show `cert`; SecretError names the key or the files."""
    files = {"ca_file": ca, "cert_file": cert, "key_file": key}
    named = {name: file for name, file in files.items() if file}
    for name, file in named.items():
        check_file(file, where(name), bare=False)
    try:
        context = ssl.create_default_context(cafile=ca or None)
        if cert:
            context.load_cert_chain(cert, key)
    except OSError:  # the TLS library's, whose message names its own source files
        shown = ", ".join(file_name(file, bare=False) for file in named.values())
        what = "cannot be loaded: not PEM, or not a certificate and its key"
        raise SecretError(f"{where('')}: {shown} {what}") from None
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
