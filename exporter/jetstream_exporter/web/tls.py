"""TLS of our own pages. Certificates and authorities that change on disk are taken without a restart."""

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
import structlog
from msgspec import Meta

from jetstream_exporter.config.secrets import Stamp, stamp

LOOK_EVERY = 30.0  # seconds between looks at the files
log = structlog.get_logger()

ClientAuth = Literal[
    "NoClientCert",
    "RequestClientCert",
    "RequireAnyClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
]
# Go's names, which the format uses, and OpenSSL's. Those that Go calls insecure are missing.
CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
CURVES = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
Version = Literal["TLS12", "TLS13"]
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class TlsServer(msgspec.Struct, forbid_unknown_fields=True):
    """TLS settings. File names are relative to the folder of this file."""

    cert_file: Annotated[str, Meta(description="Certificate (PEM).")] = ""
    key_file: Annotated[str, Meta(description="Key of the certificate (PEM).")] = ""
    cert: Annotated[
        str, Meta(description="Rejected: write the certificate to a file and set `cert_file`.")
    ] = ""
    key: Annotated[
        str, Meta(description="Rejected: write the key to a file and set `key_file`.")
    ] = ""
    client_auth_type: Annotated[
        ClientAuth,
        Meta(
            description=(
                "Whether clients need a certificate. `RequestClientCert` and `RequireAnyClientCert` verify "
                "nothing and are rejected."
            )
        ),
    ] = "NoClientCert"
    client_ca_file: Annotated[
        str,
        Meta(
            description=(
                "Certificate authorities (PEM) for client certificates. Rejected if `client_auth_type` "
                "requests no certificate."
            )
        ),
    ] = ""
    client_ca: Annotated[
        str, Meta(description="The certificate authorities themselves instead of a file name.")
    ] = ""
    client_allowed_sans: Annotated[
        list[str],
        Meta(
            description=(
                "Names of which a client certificate must contain at least one: a DNS name, IP address, "
                "e-mail address or URI, compared literally."
            )
        ),
    ] = []
    min_version: Annotated[Version, Meta(description="Minimum TLS version.")] = "TLS12"
    max_version: Annotated[Version, Meta(description="Maximum TLS version.")] = "TLS13"
    cipher_suites: Annotated[
        list[str],
        Meta(
            description=(
                "Cipher suites of TLS 1.2, with their names in Go. The default is that of OpenSSL. Suites of "
                "TLS 1.3 are always enabled and rejected here."
            )
        ),
    ] = []
    prefer_server_cipher_suites: Annotated[
        bool,
        Meta(
            description="Whether the server's order of cipher suites takes precedence over the client's."
        ),
    ] = True
    curve_preferences: Annotated[
        list[str],
        Meta(
            description=(
                "Curve of the key exchange: `CurveP256`, `CurveP384`, `CurveP521` or `X25519`. Only one is "
                "accepted, because Python's TLS does not support several."
            )
        ),
    ] = []

    @property
    def verifies(self) -> bool:
        """Whether clients are asked for a certificate that is checked."""
        return self.client_auth_type in ("VerifyClientCertIfGiven", "RequireAndVerifyClientCert")


def tls_context(tls: TlsServer) -> ssl.SSLContext:
    """A new context from the files as they are now. OSError and ValueError where they cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    context.load_cert_chain(tls.cert_file, tls.key_file)
    if tls.cipher_suites:
        context.set_ciphers(":".join(CIPHERS[suite] for suite in tls.cipher_suites))
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.curve_preferences:
        context.set_ecdh_curve(CURVES[tls.curve_preferences[0]])
    if tls.verifies:
        context.load_verify_locations(tls.client_ca_file or None, cadata=tls.client_ca or None)
        required = tls.client_auth_type == "RequireAndVerifyClientCert"
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def allows(tls: TlsServer, connection: ssl.SSLObject | None) -> bool:
    """Whether the certificate that a client showed, if any, holds one of the allowed names."""
    certificate = connection.getpeercert() if connection is not None else None
    if not tls.client_allowed_sans or not certificate:
        return True
    names = {_name(str(entry[1])) for entry in certificate.get("subjectAltName", ())}
    return not names.isdisjoint(_name(name) for name in tls.client_allowed_sans)


def _name(written: str) -> str:
    """A name as both sides write it; addresses can be written in several ways."""
    try:
        return str(ipaddress.ip_address(written.strip()))
    except ValueError:
        return written


async def renew(tls: TlsServer, take: Callable[[ssl.SSLContext], Awaitable[None]]) -> None:
    """Give `take` a new context whenever the files have changed. Does not return.

    A context that is in use can be given new certificates, but no authority can be taken from it again.
    """
    seen = _stamps(tls)
    while True:
        await asyncio.sleep(LOOK_EVERY)
        now = _stamps(tls)
        if now == seen or None in now:
            continue
        seen = now
        try:
            context = tls_context(tls)
            await take(context)
        except (OSError, ValueError):
            log.error("certificate not reloaded; the previous one is kept", file=tls.cert_file)
        else:
            log.info("certificate reloaded", file=tls.cert_file)


def _stamps(tls: TlsServer) -> list[Stamp | None]:
    return [stamp(file) for file in (tls.cert_file, tls.key_file, tls.client_ca_file) if file]
