"""Rules: TLS certificates of the servers' listeners that expire."""

from rules.src.model import Alert, Severity

EXPIRY = "nats_server_tls_certificate_expiry_timestamp_seconds"


def _expiring(severity: Severity, days: str, window: str, comment: str, more: str = "") -> Alert:
    return Alert(
        name="NatsServerCertificateExpiring",
        severity=severity,
        scope="cluster",
        board="jetstream-servers",
        comment=comment,
        expr=f"""
            min by ($cluster) (
              (
                (max by ($server, listener) ({EXPIRY}) - time() < $threshold * 86400)
                unless on ($server, listener)
                max by ($server, listener) ({EXPIRY})
                > on ($server, listener)
                max by ($server, listener) (min_over_time({EXPIRY}[$window:6h]))
              ){more}
            )
        """,
        values={"threshold": days, "window": window},
        wait="15m",
        keep="15m",
        summary="A TLS certificate of a NATS server expires",
        description=(
            "A certificate that servers of cluster {nats_cluster} use has {value | humanizeDuration} left. Once it has "
            "expired, clients and servers that check it cannot connect; open connections stay until they end."
        ),
    )


ALERTS = (
    _expiring(
        "warning",
        "14",
        "21d",
        "A server reads a certificate when its configuration is loaded, so that one that was renewed in its file and not "
        "reloaded counts as the old one. Certificates that are renewed all the time have few days left at any moment: "
        "what was renewed within three weeks is left out, unless it has expired.",
    ),
    _expiring(
        "critical",
        "3",
        "7d",
        "What was renewed within a week is left out until it has expired.",
        f"""
              or
              max by ($server, listener) ({EXPIRY}) - time() < 0""",
    ),
)
