"""The file of `--web.config.file`, in the format that Prometheus' exporters share (its exporter-toolkit).

Every key of that format is honoured, or refused with the reason: a setting that is silently ignored is believed in.
"""

import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from jetstream_exporter.config.decode import decode
from jetstream_exporter.config.secrets import check_file, read_document
from jetstream_exporter.config.values import Duration
from jetstream_exporter.config.yaml_tree import Locator
from jetstream_exporter.web.tls import CIPHERS, CURVES, TlsServer, tls_context

_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
MIN_COST, MAX_COST = (
    4,
    15,
)  # each step doubles the time; 15 is two seconds of a processor for every wrong password
HEADER_NAMES = (
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
)


class HttpServer(msgspec.Struct, forbid_unknown_fields=True):
    """HTTP settings."""

    http2: Annotated[bool, Meta(description="HTTP/2 is not supported: `true` is rejected.")] = False
    headers: Annotated[
        dict[str, str],
        Meta(
            description="Headers of every response, which override those of the exporter: "
            + ", ".join(f"`{name}`" for name in HEADER_NAMES)
            + "."
        ),
    ] = {}


class RateLimit(msgspec.Struct, forbid_unknown_fields=True):
    """Rate limit for requests. Requests above it get status 429. `/-/healthy` and `/-/ready` are not counted."""

    interval: Annotated[
        Duration,
        Meta(description="Time after which one more request is allowed. 0 means no limit."),
    ] = Duration(0)
    burst: Annotated[int, Meta(description="Number of requests allowed at once.", ge=1)] = 1


class WebConfig(msgspec.Struct, forbid_unknown_fields=True):
    """Users and TLS settings of the exporter's own HTTP server."""

    tls_server_config: Annotated[
        TlsServer | None,
        Meta(description=("TLS settings. Without them the exporter serves plain HTTP.")),
    ] = None
    http_server_config: Annotated[HttpServer, Meta(description="HTTP settings.")] = msgspec.field(
        default_factory=HttpServer
    )
    basic_auth_users: Annotated[
        dict[str, str],
        Meta(
            description=(
                "Users and their bcrypt hashes, as created by `htpasswd -nBC 10 USER`. Without users "
                "everybody can read the metrics."
            )
        ),
    ] = {}
    rate_limit: Annotated[RateLimit, Meta(description="Rate limit for requests.")] = msgspec.field(
        default_factory=RateLimit
    )


def load_web_config(path: str) -> WebConfig:
    """Read and check the file; ConfigError names the place. Files in it are relative to its folder."""
    if not path:
        return WebConfig()
    config, locator = decode(read_document(path), path, WebConfig)
    if config.tls_server_config is None and locator.holds("tls_server_config"):
        raise locator.error(("tls_server_config",), "is empty; set cert_file and key_file")
    for user, hashed in config.basic_auth_users.items():
        if not user or ":" in user:
            what = "a username cannot be empty or contain a colon"
            raise locator.error(("basic_auth_users",), what)
        _check_hash(user, hashed, locator)
    _check_http(config.http_server_config, locator)
    tls = config.tls_server_config
    if tls is not None:
        _resolve(tls, Path(path).parent)
        _check_tls(tls, locator)
    return config


def _check_hash(user: str, hashed: str, locator: Locator) -> None:
    match = _HASH.fullmatch(hashed)
    if match is None:
        what = "is not a bcrypt hash; make one with `htpasswd -nBC 10 USER`"
        raise locator.error(("basic_auth_users", user), what)
    if not MIN_COST <= int(match[1]) <= MAX_COST:
        what = f"has a cost of {match[1]}; allowed are {MIN_COST} to {MAX_COST}"
        raise locator.error(("basic_auth_users", user), what)


def _check_http(http: HttpServer, locator: Locator) -> None:
    place = "http_server_config"
    if http.http2:
        what = "HTTP/2 is not supported; remove the key or set it to false"
        raise locator.error((place, "http2"), what)
    for name, value in http.headers.items():
        if name not in HEADER_NAMES:
            what = f"unknown header; allowed here: {', '.join(HEADER_NAMES)}"
            raise locator.error((place, "headers", name), what)
        if not value or not value.isprintable() or not value.isascii():
            raise locator.error((place, "headers", name), "is not the value of a header")


def _resolve(tls: TlsServer, folder: Path) -> None:
    for key in ("cert_file", "key_file", "client_ca_file"):
        value = getattr(tls, key)
        if value:
            setattr(tls, key, str(folder / value))


def _check_tls(tls: TlsServer, locator: Locator) -> None:
    place = "tls_server_config"
    for key in ("cert", "key"):
        if getattr(tls, key):
            what = f"must not be in this file; write it to a separate file and set {key}_file"
            raise locator.error((place, key), what)
    for key in ("cert_file", "key_file"):
        if not getattr(tls, key):
            raise locator.error((place,), f"{key} is missing")
    _check_clients(tls, locator)
    _check_choices(tls, locator)
    for key in ("cert_file", "key_file", "client_ca_file"):
        file = getattr(tls, key)
        if file:
            check_file(file, locator.place((place, key)))
    try:
        tls_context(tls)
    except (OSError, ValueError):  # the TLS library's, whose message names its own source files
        what = "its files cannot be loaded: not PEM, or not a certificate and its key"
        raise locator.error((place,), what) from None


def _check_clients(tls: TlsServer, locator: Locator) -> None:
    """A setting about clients' certificates that asks nobody for one would be believed in."""
    place = "tls_server_config"
    if tls.client_auth_type in ("RequestClientCert", "RequireAnyClientCert"):
        what = f"{tls.client_auth_type} checks nothing and is not supported; use RequireAndVerifyClientCert"
        raise locator.error((place, "client_auth_type"), what)
    if tls.client_ca and tls.client_ca_file:
        raise locator.error(
            (place, "client_ca"), "and client_ca_file are mutually exclusive; set one of them"
        )
    if tls.verifies and not (tls.client_ca or tls.client_ca_file):
        raise locator.error((place, "client_auth_type"), "requires client_ca_file")
    for key in ("client_ca_file", "client_ca", "client_allowed_sans"):
        if getattr(tls, key) and not tls.verifies:
            what = (
                "does not request client certificates by itself; "
                "set client_auth_type: RequireAndVerifyClientCert too"
            )
            raise locator.error((place, key), what)


def _check_choices(tls: TlsServer, locator: Locator) -> None:
    place = "tls_server_config"
    for i, suite in enumerate(tls.cipher_suites):
        if suite in (
            "TLS_AES_128_GCM_SHA256",
            "TLS_AES_256_GCM_SHA384",
            "TLS_CHACHA20_POLY1305_SHA256",
        ):
            what = f"{suite} is a suite of TLS 1.3, which are always enabled; list suites of TLS 1.2 only"
            raise locator.error((place, "cipher_suites", i), what)
        if suite not in CIPHERS:
            what = f"unknown or insecure suite {suite!r}; allowed here: {', '.join(CIPHERS)}"
            raise locator.error((place, "cipher_suites", i), what)
    for i, curve in enumerate(tls.curve_preferences):
        if curve not in CURVES:
            what = f"unknown curve {curve!r}; allowed here: {', '.join(CURVES)}"
            raise locator.error((place, "curve_preferences", i), what)
    if len(tls.curve_preferences) > 1:  # Python 3.15 takes several: SSLContext.set_groups
        what = "Python's TLS supports a single curve; list one or remove the key"
        raise locator.error((place, "curve_preferences"), what)
    if tls.max_version < tls.min_version:
        what = f"is below min_version ({tls.min_version})"
        raise locator.error((place, "max_version"), what)
