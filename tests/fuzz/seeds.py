"""Where fuzzing begins: answers that real servers gave, events, configurations, headers, every crash of before,
and what led earlier runs somewhere new."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

HERE = Path(__file__).parent
PAYLOADS = HERE.parent / "payloads"
ROOT = HERE.parents[1]
CASES = HERE / "cases"
CORPUS = HERE / "corpus"

_EVENT = {
    "type": "io.nats.jetstream.advisory.v1.max_deliver",
    "id": "x",
    "account": "A",
    "stream": "S",
    "consumer": "c",
    "stream_seq": 7,
    "deliveries": 5,
    "ack_time": 1000,
    "action": "create",
    "domain": "",
}
_CONSUMER: dict[str, object] = {
    "name": "c",
    "stream_name": "S",
    "created": "2026-01-01T00:00:00Z",
    "config": {"durable_name": "c", "ack_wait": 30000000000, "max_deliver": -1, "sample_freq": "1"},
    "delivered": {"consumer_seq": 3, "stream_seq": 4, "last_active": "2026-01-01T00:00:00Z"},
    "ack_floor": {"consumer_seq": 1, "stream_seq": 1},
    "num_ack_pending": 2,
    "num_pending": 9,
    "cluster": {"name": "C", "leader": "n1", "raft_group": "g", "replicas": [{"name": "n2"}]},
}
_STREAM: dict[str, object] = {
    "config": {"name": "S", "subjects": ["s"], "num_replicas": 3, "max_age": 5},
    "created": "2026-01-01T00:00:00Z",
    "state": {"messages": 5, "bytes": 50, "first_seq": 1, "last_seq": 5, "consumer_count": 1},
    "cluster": {"name": "C", "leader": "n1", "raft_group": "S", "replicas": [{"name": "n2"}]},
    "sources": [{"name": "O", "lag": 3, "active": 100}],
}
_HEAD = b'{"server":{"name":"n1","id":"ID","cluster":"C","ver":"2.15.1"},"data":'
_CONFIGURATION = b"""\
clusters:
  - name: main
    targets: ["http://a:8222", "http://b:8222"]
    advisories: [{urls: ["nats://a:4222"], hot: [naks]}]
collect: {timeout: 9s, config_interval: 5m}
limits: {consumers: 10}
filters: {streams: {include: ["A.*"]}}
"""
_ADDRESSES = (
    b"http://nats-0:8222",
    b"https://user:pw@nats-0.example:443/a?b=c#d",
    b"srv+http://nats.example",
    b"nats://[::1]:4222",
    b"wss://nats.example:443/path",
)
_CREDENTIALS = (
    b"-----BEGIN NATS USER JWT-----\nheader.claims.signature\n------END NATS USER JWT------\n"
    b"-----BEGIN USER NKEY SEED-----\nSUAAAAAA\n------END USER NKEY SEED------\n"
)
_WEB = b"""\
tls_server_config: {cert_file: c, key_file: k, client_auth_type: NoClientCert, client_allowed_sans: [a]}
http_server_config: {http2: false, headers: {X-Frame-Options: deny}}
basic_auth_users: {a: "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"}
rate_limit: {interval: 1s, burst: 5}
"""


def _dumped(*values: Mapping[str, object]) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


def seeds(target: str) -> list[bytes]:
    """What a target begins with."""
    return simple(target) + _inputs(CORPUS / target)


def simple(target: str) -> list[bytes]:
    """Of these, what is written here and what crashed once: one of each kind."""
    return _known(target) + cases(target)


def cases(target: str) -> list[bytes]:
    """What crashed once."""
    return _inputs(CASES / target)


def _inputs(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.bin"))]


def _known(target: str) -> list[bytes]:
    begun: dict[str, Callable[[], list[bytes]]] = {
        "monitoring": _monitoring,
        "system": lambda: [_HEAD + body + b"}" for body in _monitoring()],
        "account": _account,
        "events": _events,
        "info": lambda: _dumped(
            {"server_name": "n1", "cluster": "C", "max_payload": 1, "domain": "D"}
        ),
        "protocol": _protocol,
        "configuration": _configurations,
        "addresses": lambda: list(_ADDRESSES),
        "logins": lambda: [b"Basic cHJvbWV0aGV1czpodW50ZXIy", b"cHJvbTpo", _CREDENTIALS],
        "web_configuration": lambda: [_WEB],
        "headers": lambda: [b"application/openmetrics-text;version=1.0.0;q=0.5,*/*", b"gzip", b"9"],
    }
    return begun[target]()


def _protocol() -> list[bytes]:
    """What a server says to a client that subscribes (1) and asks (2)."""
    first = (
        b'INFO {"server_id":"N","server_name":"n","version":"2.15.1","proto":1,"headers":true,'
        b'"max_payload":1048576,"client_id":5,"connect_urls":["10.0.0.1:4222"]}\r\nPONG\r\n'
    )
    header = b"NATS/1.0 404 No Messages\r\nNats-Stream: S\r\n\r\n"
    lines = (
        b"MSG s 1 5\r\nhello\r\n",
        b"MSG s 1 r.1 2\r\n{}\r\n",
        b"HMSG s 1 %d %d\r\n%s{}\r\n" % (len(header), len(header) + 2, header),
        b"HMSG s 1 1 1\r\nX\r\n",
        b"PING\r\n+OK\r\nPONG\r\n",
        b"-ERR 'Permissions Violation for Publish to \"q\"'\r\n",
        b"-ERR 'Authorization Violation'\r\n",
        first[: first.index(b"PONG")],
    )
    return [first + line for line in lines] + [first + b"".join(lines)]


def _monitoring() -> list[bytes]:
    """Real answers about a server, and small lists: what a mutation finds there it finds often."""
    stream = _STREAM | {"name": "S", "consumer_detail": [_CONSUMER, _CONSUMER | {"name": "d"}]}
    account: dict[str, object] = {
        "id": "A",
        "name": "APP",
        "memory": 1,
        "reserved_memory": 2**64 - 1,
    }
    account["stream_detail"] = [stream, {"name": "T"}]
    meta = {"leader": "n1", "replicas": [{"name": "n2", "active": 5}], "cluster_size": 3}
    jsz = {"server_id": "ID", "now": "2026-01-01T00:00:00Z", "account_details": [account]}
    varz = [path.read_bytes() for path in sorted(PAYLOADS.glob("versions/2.1[05].*/varz_1.json"))]
    return [*varz, *_dumped(jsz | {"meta_cluster": meta}, {"status": "ok", "status_code": 200})]


def _account() -> list[bytes]:
    pages = (
        {"total": 1, "streams": [_STREAM, _STREAM], "missing": ["M"], "offline": {"X": "y"}},
        {"total": 1, "consumers": [_CONSUMER]},
        {"memory": 1, "storage": 2, "limits": {"max_memory": -1}, "tiers": {"R1": {}}},
    )
    return _dumped(*pages, _STREAM, _CONSUMER)


def _events() -> list[bytes]:
    kinds = ("nak", "terminated", "consumer_ack", "stream_action", "max_deliver")
    said = [_EVENT | {"type": f"io.nats.jetstream.advisory.v1.{kind}"} for kind in kinds]
    return [b"\n".join(_dumped(*said, *said)), *_dumped(_EVENT)]


def _configurations() -> list[bytes]:
    files = sorted(ROOT.glob("examples/**/exporter*.y*ml"))
    return [*(path.read_bytes() for path in files), _CONFIGURATION]
