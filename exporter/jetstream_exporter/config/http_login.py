"""How the exporter authenticates to monitoring ports, or to the proxy before them: TLS and a basic login."""

import base64
import ssl

import msgspec

from jetstream_exporter.config.errors import ConfigError, Where
from jetstream_exporter.config.schema import Http
from jetstream_exporter.config.secrets import secret_of
from jetstream_exporter.config.tls import client_context


class HttpLogin(msgspec.Struct, frozen=True):
    """What an HTTP client needs: TLS settings, None for the system's, and the headers of every request."""

    tls: ssl.SSLContext | None = None
    headers: dict[str, str] = {}


def read_http_login(http: Http, where: Where) -> HttpLogin:
    """Read the files and variables that the settings name; ConfigError where they cannot be used."""
    return HttpLogin(_tls(http, where), _headers(http, where))


def _tls(http: Http, where: Where) -> ssl.SSLContext | None:
    if bool(http.cert_file) != bool(http.key_file):
        raise ConfigError(f"{where('')}: cert_file and key_file must be set together")
    if not (http.ca_file or http.cert_file or http.insecure_skip_verify):
        return None
    files = http.ca_file, http.cert_file, http.key_file
    return client_context(*files, where, insecure=http.insecure_skip_verify)


def _headers(http: Http, where: Where) -> dict[str, str]:
    password = secret_of(http, "password", where)
    if password and not http.username:
        raise ConfigError(f"{where('')}: a password requires a username")
    if ":" in http.username:
        raise ConfigError(f"{where('username')}: a username cannot contain a colon")
    if not http.username:
        return {}
    if not password:
        what = "a username requires a password; set password_file or password_env"
        raise ConfigError(f"{where('username')}: {what}")
    token = base64.b64encode(f"{http.username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
