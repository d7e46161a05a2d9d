"""What to do about an error of a source, by its text. The texts are the sources' own, so that there is one of each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jetstream_exporter.report import LATE

DNS, PORT, PERMISSION, SECRET = "dns", "port", "permission", "secret"
Rule = tuple[str, str, str]  # the pattern, the check that it belongs to, and what to do

RULES: Sequence[Rule] = (
    (
        r"name (\S+ )?(cannot be|was not) resolved|Name or service not known|No address associated",
        DNS,
        "Check the spelling and the namespace of the name. A headless Service in Kubernetes has addresses only while "
        "its selector matches pods that are ready: kubectl get endpointslices -l kubernetes.io/service-name=<service>.",
    ),
    (
        r"refuses the login",
        SECRET,
        "Check that user, password, token, seed or credentials file are those of this account, and that the account "
        "exists on this server: nats --server <url> account info.",
    ),
    (
        r"may not (publish|subscribe|use)",
        PERMISSION,
        "Add these subjects to the permissions of the user. docs/sources.md lists what each source needs.",
    ),
    (
        r"no responders",
        PERMISSION,
        "The user is in an account that does not provide this. The source `system` needs a user of the system account, "
        "and `accounts` one of an account with JetStream.",
    ),
    (
        rf"not connected: {LATE}|offers no TLS|speaks another protocol|not speak the NATS",
        PORT,
        "Check that the port is the one for clients (4222), and whether it uses TLS (tls://, or tls_first).",
    ),
    (
        r"Connection refused",
        PORT,
        "Nothing listens there. Check the port; the monitoring port needs `http_port: 8222` in the configuration of "
        "the server, and `config.monitor.enabled` in the official chart.",
    ),
    (
        r"unreachable|No route to host",
        PORT,
        "There is no way to this address. Check the address, and firewalls and network policies on the way.",
    ),
    (
        r"answer is not HTTP",
        PORT,
        "The port does not serve HTTP. 4222 is the port for clients; use the monitoring port, 8222. If the monitoring "
        "port uses TLS (`https_port`), write https://.",
    ),
    (
        r"closed without an answer|connection was lost",
        PORT,
        "Something closes the connection. If the monitoring port uses TLS (`https_port`), write https://; otherwise "
        "check proxies and service meshes on the way.",
    ),
    (
        r"certificate is not trusted|certificate verify failed",
        PORT,
        "Set ca_file to the authority that signed the certificate of the server, and ask the server by a name that is "
        "in its certificate.",
    ),
    (
        r"TLS failed",
        PORT,
        "Check whether the port uses TLS at all: http:// and nats:// are without it. If the server asks for a client "
        "certificate, set cert_file and key_file.",
    ),
    (
        r"answered 401",
        SECRET,
        "A proxy asks for a password. Set http.username with http.password_file or http.password_env.",
    ),
    (
        r"answered 403",
        PERMISSION,
        "Something does not allow this request, most likely a proxy or a service mesh before the server. Let it pass "
        "GET requests of /varz, /healthz, /jsz, /gatewayz, /leafz, /routez and /accstatz with their queries. If it "
        "wants a login, set http.username with http.password_file or http.password_env.",
    ),
    (
        r"a jetstream-exporter answers",
        PORT,
        "Name the monitoring port of each NATS server, which is 8222 by default. The exporter itself is checked with "
        "--exporter <target>, and its status page is <target>/.",
    ),
    (
        r"answered \d+",
        PORT,
        "Another program may answer there. Open <target>/varz in a browser: a NATS server returns JSON with server_id.",
    ),
    (
        r"drop the query|compressed|from a cache",
        PORT,
        "Ask the servers directly, or configure the proxy to pass the whole URL and to cache and compress nothing.",
    ),
    (
        r"larger than \d+ bytes",
        PORT,
        "Raise collect.max_response_bytes.",
    ),
    (
        LATE,
        PORT,
        "Packets may be dropped on the way: check firewalls and network policies, also those of the namespace of the "
        "servers. If the server is slow or hangs, compare: curl -m 10 <target>/varz. For very many consumers, raise "
        "collect.timeout and the scrape timeout.",
    ),
)
OTHERWISE = (PORT, "Open <target>/varz from this machine, and look at the log of the server.")

# Of a target that is not asked over HTTP.
OVER_NATS: Sequence[Rule] = (
    (
        LATE,
        PORT,
        "Packets may be dropped on the way: check firewalls and network policies, also those of the namespace of the "
        "servers. If the server is slow or hangs, compare: nats --server <target> rtt. For very many consumers, raise "
        "collect.timeout and the scrape timeout.",
    ),
    (
        "",
        PORT,
        "Try the same login: nats --server <target> account info. Then look at the log of the server.",
    ),
)

# Of a target that answers other requests: there is a way to it, it is up, and the login is right.
PARTLY: Sequence[Rule] = (
    (
        r"answered 403",
        PERMISSION,
        "The server answers other requests, so only this one is not allowed, most likely by a proxy or a service mesh "
        "before the server that permits some paths. Let it pass GET <request> with its query.",
    ),
    (
        LATE,
        PORT,
        "The server answers other requests. A proxy may hold this one up, or the answer is very large: compare "
        "curl -m 10 <target><request>. For very many consumers, raise collect.timeout and the scrape timeout.",
    ),
)
OVER_HTTP = ("http://", "https://")
NOT_THERE = re.compile(r"Connection refused|No route to host|unreachable")


def may_be_down(error: str, advice: str, others: bool) -> str:
    """The advice where nothing answered. If others do, the way is most likely right, and this server is not there."""
    if not NOT_THERE.search(error) and not (others and error.endswith(LATE)):
        return advice
    who = "Others answer, so this server" if others else "The server"
    first = f"{who} may be down: see whether it runs, and start it. If it runs:"
    return f"{first} {advice[0].lower()}{advice[1:]}"


def advice_on(
    error: str, target: str, *, request: str = "jsz", partly: bool = False
) -> tuple[str, str]:
    """Which check the error of a target's request belongs to, and what to do about it.

    `partly`: the target answers other requests.
    """
    check, text = next(
        (check, text)
        for pattern, check, text in _rules(target, partly)
        if re.search(pattern, error)
    )
    return check, text.replace("<request>", f"/{request}").replace("<target>", target)


def _rules(target: str, partly: bool) -> Sequence[Rule]:
    if not target.startswith(OVER_HTTP):
        return (*(rule for rule in RULES if "<target>" not in rule[2]), *OVER_NATS)
    return (*(PARTLY if partly else ()), *RULES, ("", *OTHERWISE))
