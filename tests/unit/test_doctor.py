"""What the doctor says of facts that no real server can be brought to show in a test, and how it is printed."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.support import status
from tests.support.fake_nats import Way, fake_nats, says, silent
from tests.support.reports import outcome, server

from jetstream_exporter.config import parse
from jetstream_exporter.doctor import checks, command, exporter, logins, prometheus, prometheus_api
from jetstream_exporter.doctor.advice import OTHERWISE, RULES, advice_on
from jetstream_exporter.doctor.facts import Facts, NameLookup, gather
from jetstream_exporter.doctor.result import Result, State, worst
from jetstream_exporter.doctor.targets import targets
from jetstream_exporter.report import LATE, RequestResult
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Exporter, MetaPeer

NOW = 1_800_000_000.0
ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def answering(bodies: Mapping[str, bytes], status: int = 200) -> AsyncIterator[str]:
    """The URL of a server that is ready and answers each path with its bytes."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/-/ready":
            return web.Response()
        body = bodies.get(request.path, b"")
        return web.Response(status=status, body=body, content_type="application/json")

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    async with TestServer(application, host="127.0.0.1") as server:
        yield str(server.make_url("/"))


def facts(**changed: Any) -> Facts:
    snapshot = changed.pop("snapshot", Snapshot())
    return Facts(**{"snapshot": snapshot, "began": NOW, "ended": NOW + 2, **changed})


def with_clock(now: float) -> Facts:
    row = msgspec.structs.replace(status.server("n0"), now=now, configured=True)
    return facts(snapshot=Snapshot(servers=[row]))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOW - 0.9, None),
        (NOW + 2.9, None),
        (NOW - 5, "its clock is 5.0 s behind the one of this machine"),
        (NOW + 62, "its clock is 60.0 s ahead of the one of this machine"),
    ],
)
def test_a_clock_is_wrong_if_the_answer_cannot_have_come_then(
    now: float, expected: str | None
) -> None:
    (result,) = checks.clocks(with_clock(now))

    assert result.state == (State.OK if expected is None else State.WARNING)
    assert result.seen == (expected or "no clock differs by more than 1 s (1 server)")


@pytest.mark.parametrize(
    ("error", "check", "advice"),
    [
        ("the name nats-0 cannot be resolved", "dns", "selector"),
        ("varz, healthz: cannot connect: Connection refused", "port", "http_port: 8222"),
        ("varz: cannot connect: No route to host", "port", "firewalls"),
        ("varz: the answer is not HTTP", "port", "4222 is the port for clients"),
        ("varz: the connection was closed without an answer", "port", "https://"),
        ("varz: answered 401 Unauthorized", "secret", "http.username"),
        ("jsz: answered 403 Forbidden", "permission", "does not allow this request"),
        ("varz: answered 404 Not Found", "port", "Another program"),
        ("varz: a jetstream-exporter answers there", "port", "--exporter http://n1:8222"),
        (
            "jsz: the answer counts 2 accounts and lists none of them; a proxy may drop the query",
            "port",
            "proxy",
        ),
        ("jsz: the answer is larger than 10 bytes (collect.max_response_bytes)", "port", "Raise"),
        ("varz, healthz, jsz: no answer in time", "port", "network policies"),
        ("not connected: the server refuses the login", "secret", "password"),
        (
            "STATSZ: the user may not publish to $SYS.REQ.SERVER.PING.STATSZ",
            "permission",
            "docs/sources.md",
        ),
        (
            "no responders: the account of the user does not provide it",
            "permission",
            "system account",
        ),
        (
            "not connected: the server offers no TLS, which the configuration requires",
            "port",
            "tls_first",
        ),
    ],
)
def test_each_error_of_a_source_has_its_advice(error: str, check: str, advice: str) -> None:
    found, text = advice_on(error, "http://n1:8222")

    assert found == check
    assert advice in text


@pytest.mark.parametrize(
    ("target", "advice"),
    [
        ("https://n1:8222", "Open https://n1:8222/varz from this machine"),
        ("tls://n1:4222", "nats --server tls://n1:4222 account info"),
    ],
)
def test_an_error_that_is_not_known_has_an_advice_too(target: str, advice: str) -> None:
    found, text = advice_on("something new", target)

    assert found == OTHERWISE[0]
    assert advice in text


@pytest.mark.parametrize("error", [LATE, "answered 500", "something new", *(r[0] for r in RULES)])
def test_nobody_is_sent_to_a_page_of_a_target_that_is_not_asked_over_http(error: str) -> None:
    text = advice_on(error, "nats://n1:4222")[1]

    assert not re.search(r"curl|browser|<target>|<request>", text)


@pytest.mark.parametrize(
    ("name", "target"), [("nats-0", "http://nats-0:8222"), ("srv+nats", "srv+http://nats")]
)
def test_a_name_that_is_not_resolved_is_said_once(name: str, target: str) -> None:
    error = "the name was not resolved in time"
    failed = msgspec.structs.replace(outcome(None, target), error=error)

    found = checks.results(facts(outcomes=[failed], names=[NameLookup(name, error=error)]))

    assert [(each.check, each.object) for each in found if each.state == State.ERROR] == [
        ("dns", name),
        ("target", "all clusters"),
    ]


def test_a_server_that_answers_in_part_is_a_warning() -> None:
    partly = msgspec.structs.replace(outcome(server("n1"), "http://n1:8222"), error="jsz: late")

    assert [each.state for each in checks.sources(facts(outcomes=[partly]))] == [State.WARNING]


def test_objects_above_a_limit_and_servers_without_jetstream_are_warnings() -> None:
    exporter = Exporter("0", "3", dropped={"consumer": 7, "stream": 0})
    row = status.server("n0")
    assert row.jetstream is not None
    off = msgspec.structs.replace(
        row, jetstream=msgspec.structs.replace(row.jetstream, enabled=False)
    )

    found = checks.results(facts(snapshot=Snapshot(servers=[off], exporter=exporter)))

    told = {each.seen: each.advice for each in found if each.state == State.WARNING}
    assert "JetStream is not enabled" in told
    seen = "7 objects of kind consumer are above the limit and not exported"
    assert "Raise limits.consumers" in told[seen]


RESULTS = [
    Result("port", State.OK, "monitoring http://n1:8222", "n1, 10 bytes in 0.01 s"),
    Result("dns", State.ERROR, "nats\x1b[31m", "the name cannot be resolved", "Check it."),
]


def test_the_text_has_a_line_for_each_result_and_below_it_what_to_do() -> None:
    assert command.text(RESULTS).splitlines() == [
        "ok      port       monitoring http://n1:8222: n1, 10 bytes in 0.01 s",
        "error   dns        nats\\x1b[31m: the name cannot be resolved",
        "        do: Check it.",
        "",
        "1 error, 1 ok",
    ]


def test_the_json_names_its_version_and_the_worst_state() -> None:
    document = json.loads(command.as_json(RESULTS))

    assert (document["version"], document["worst"]) == (1, "error")
    assert document["results"][1]["advice"] == "Check it."
    assert worst([]) == State.OK


async def test_an_exporter_and_a_prometheus_that_do_not_answer_are_errors() -> None:
    for module in (exporter, prometheus):
        (result,) = await module.results("http://127.0.0.1:1/")
        assert result.state == State.ERROR
        assert result.seen == "cannot connect: Connection refused"
        assert result.advice


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, b'nats_server_up{server="a"} 0\nnats_server_up{server="b"} 1\n', State.OK),
        (200, b'nats_server_up{server="a"} 0\n', State.ERROR),
        (401, b"", State.SKIPPED),
        (500, b"", State.ERROR),
    ],
)
async def test_an_exporter_is_right_if_a_server_answers_it(
    status: int, body: bytes, state: State
) -> None:
    async with answering({"/metrics": body}, status) as url:
        (result,) = await exporter.results(url)

    assert result.state == state


@pytest.mark.parametrize(
    ("shard", "up", "state", "seen"),
    [
        (1, 1, State.OK, "1 of 1 targets answer this shard"),
        (1, 0, State.ERROR, "0 of 1 targets answer this shard"),
        (10, 1, State.OK, "1 of 1 targets answer this shard"),
        (0, 1, State.ERROR, "0 of 0 servers answer it"),
    ],
)
async def test_a_shard_that_exports_no_servers_is_right_if_a_target_answers_it(
    shard: int, up: int, state: State, seen: str
) -> None:
    body = (
        f'jetstream_exporter_shard_info{{shard="{shard}",total="20"}} 1\n'
        f'jetstream_exporter_source_up{{source="monitoring",target="http://a:8222"}} {up}\n'
        'jetstream_exporter_source_up{source="advisories",target="nats://a:4222"} 1\n'
    )
    async with answering({"/metrics": body.encode()}) as url:
        (result,) = await exporter.results(url)

    assert (result.state, result.seen) == (state, seen)


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b'nats_server_up{server="\xff"} 1\n', "/metrics is not UTF-8"),
        (b"x" * 3000, "/metrics is larger than 4000 bytes, or has a line without end"),
        (b"x 1\n" * 2**10, "/metrics is larger than 4000 bytes"),
    ],
)
async def test_metrics_that_prometheus_cannot_take_are_one_error(
    body: bytes, seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "LARGEST", 4000)
    monkeypatch.setattr(exporter, "LONGEST", 2000)
    async with answering({"/metrics": body}) as url:
        (result,) = await exporter.results(url)

    assert result.state == State.ERROR
    assert result.seen.startswith(seen)


GOOD = {
    "/api/v1/query": b'{"data": {"result": [{"metric": {}}]}}',
    "/api/v1/targets": b'{"data": {"activeTargets": []}}',
    "/api/v1/rules": b'{"data": {"groups": []}}',
}
NOT_ONE = "the answer is not one of Prometheus"
DEEP = b'{"data": ' + b"[" * 200_000


@pytest.mark.parametrize(
    ("path", "body", "seen"),
    [
        *((path, body, NOT_ONE) for path in GOOD for body in (b'{"data": {}}', b"[]")),
        *((path, b'{"data": null}', NOT_ONE) for path in GOOD),
        *((path, DEEP, "the answer is n") for path in GOOD),
        *((path, b"<html>", "the answer is not complete JSON") for path in GOOD),
        *((path, b" " * 5000, "the answer is larger than 4000 bytes") for path in list(GOOD)[:1]),
        ("/api/v1/targets", b'{"data": {"activeTargets": null}}', NOT_ONE),
        ("/api/v1/rules", b'{"data": {"groups": null}}', NOT_ONE),
        ("/api/v1/query", b'{"data": {"result": {"a": "\xff"}}}', "the answer is n"),
    ],
)
async def test_an_answer_that_is_not_one_of_prometheus_is_one_error_and_the_others_count(
    path: str, body: bytes, seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if body != DEEP:
        monkeypatch.setattr(prometheus_api, "LARGEST", 4000)
    async with answering(GOOD | {path: body}) as url:
        found = await prometheus.results(url)

    (error,) = [each for each in found if each.check == "prometheus"]
    assert error.seen.startswith(f"{path}: {seen}")
    kept = {"/api/v1/query": {"rules"}, "/api/v1/rules": {"scrape", "label"}}
    kept["/api/v1/targets"] = {"scrape", "label", "rules"}
    assert {each.check for each in found} == {"prometheus", *kept[path]}


async def test_an_error_that_all_answers_of_prometheus_share_is_said_once() -> None:
    async with answering({}, 404) as url:
        (error,) = await prometheus.results(url)

    paths = "/api/v1/query, /api/v1/targets, /api/v1/rules"
    assert error.seen == f"{paths}: answered 404 Not Found"


@pytest.mark.parametrize("flag", ["--exporter", "--prometheus", "--target"])
@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://u:hunter2@127.0.0.1:1", "a URL must not contain a username or a password"),
        ("http://hunter2@127.0.0.1:1", "a URL must not contain a username or a password"),
        ("http://127.0.0.1:1/?token=hunter2", "a URL must not have a query"),
        ("foo", "'foo' is not a URL like http://"),
    ],
)
def test_a_flag_without_a_url_or_with_a_password_is_refused_and_nothing_is_asked(
    flag: str, url: str, seen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("text", "json"):
        assert command.main([flag, url, "--format", form]) == 2

        said = capsys.readouterr()
        place = "--target 1" if flag == "--target" else flag
        assert f"{place}: {seen}" in said.out
        assert "hunter2" not in said.out + said.err
        assert "Correct the flag." in said.out
        assert "1 error" in said.out or '"worst": "error"' in said.out


async def test_what_prometheus_says_of_a_target_is_repeated_without_its_secrets() -> None:
    url = "http://u:hunter2@e:18222/metrics?token=hunter2&a=b"
    target = {
        "health": "down",
        "labels": {"job": "jetstream-exporter"},
        "scrapeUrl": url,
        "lastError": f'Get "{url}": dial tcp: lookup e: no such host',
    }
    body = json.dumps({"data": {"activeTargets": [target]}}).encode()
    async with answering(GOOD | {"/api/v1/targets": body}) as address:
        found = await prometheus.results(address)

    (down,) = [each for each in found if each.seen.startswith("Prometheus cannot scrape")]
    assert down.object == "http://…@e:18222/metrics?…"
    assert down.seen.endswith(f'Get "{down.object}": dial tcp: lookup e: no such host')
    assert "hunter2" not in command.as_json(found) + command.text(found)


def test_a_health_check_that_fails_names_a_runbook_that_there_is() -> None:
    row = msgspec.structs.replace(status.server("n0"), up=True, healthy=False)

    (result,) = checks.servers(facts(snapshot=Snapshot(servers=[row])))

    (name,) = re.findall(r"the runbook (\w+)", result.advice)
    assert (ROOT / "rules" / "runbooks" / f"{name}.md").is_file()


class Hanging:
    """Answers for `good.invalid`, and for nothing else."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def addresses(self, host: str) -> list[str]:
        self.asked.append(host)
        if host != "good.invalid":
            await asyncio.Event().wait()
        return ["10.0.0.1"]

    async def services(self, name: str) -> list[tuple[str, int]]:
        return [(address, 1) for address in await self.addresses(name)]


async def test_names_are_looked_up_at_once_and_one_that_hangs_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "exporter.yaml"
    targets = "[http://a.invalid:1, srv+http://b.invalid, http://good.invalid:1]"
    file.write_text(f"collect: {{timeout: 1s}}\nclusters: [{{targets: {targets}}}]\n")
    lookup = Hanging()
    async with asyncio.timeout(20):
        found = await gather(str(file), [], lookup)

    assert sorted(lookup.asked) == ["a.invalid", "b.invalid", "good.invalid"]
    late = "the name was not resolved in time (1 s)"
    assert [(each.state, each.object, each.seen) for each in checks.names(found)] == [
        (State.ERROR, "a.invalid", late),
        (State.OK, "good.invalid", "1 address: 10.0.0.1"),
        (State.ERROR, "srv+b.invalid", late),
    ]


@pytest.mark.parametrize(
    ("answers", "entry", "first"),
    [(True, 0, "Others answer, so this"), (False, 0, "The"), (True, 1, "The")],
)
def test_a_server_that_is_not_there_is_first_said_to_be_down(
    answers: bool, entry: int, first: str
) -> None:
    down = msgspec.structs.replace(
        outcome(None, "http://n1:8222"), error="varz, healthz: cannot connect: Connection refused"
    )
    report = server("n2") if answers else None
    other = msgspec.structs.replace(outcome(report, "http://n2:8222"), entry=entry)

    error = next(iter(checks.sources(facts(outcomes=[down, other]))))

    assert error.advice.startswith(
        f"{first} server may be down: see whether it runs, and start it."
    )
    assert "othing listens there. Check the port" in error.advice


@pytest.mark.parametrize(
    ("way", "check", "seen", "advice"),
    [
        (says(b"", "403 Forbidden"), "permission", "answered 403 Forbidden", "GET /accstatz with"),
        (silent, "port", "no answer in time", "/accstatz. For very many"),
    ],
)
async def test_a_part_that_fails_is_a_warning_that_says_what_has_no_values(
    way: Way, check: str, seen: str, advice: str
) -> None:
    async with fake_nats() as fake:
        fake.ways["/accstatz"] = way
        found = checks.results(await gather("", [fake.url]))

    (warning,) = [each for each in found if "accstatz" in each.seen]
    assert (warning.check, warning.state) == (check, State.WARNING)
    missing = "the clients and the traffic of accounts (nats_account_…) have no values"
    assert (warning.object, warning.seen) == (
        f"monitoring {fake.url}",
        f"accstatz: {seen}; {missing}",
    )
    assert advice in warning.advice
    assert "set collect.accounts: false" in warning.advice


@pytest.mark.parametrize(
    ("others", "first"), [(True, "Others answer, so this server may be down"), (False, "Packets")]
)
def test_of_a_server_that_is_silent_the_way_is_suspected_only_where_no_other_answers(
    others: bool, first: str
) -> None:
    late = msgspec.structs.replace(
        outcome(None, "http://n1:8222"), error="varz, healthz, jsz: no answer in time"
    )
    other = outcome(server("n2") if others else None, "http://n2:8222")

    error = next(iter(checks.sources(facts(outcomes=[late, other]))))

    assert error.advice.startswith(first)


@pytest.mark.parametrize(
    ("way", "check", "advice"),
    [
        (says(b"", "403 Forbidden"), "permission", "Let it pass GET /jsz with its query."),
        (silent, "port", "compare curl -m 10 {url}/jsz."),
    ],
)
async def test_a_list_that_alone_is_refused_or_held_up_is_no_matter_of_the_login_or_the_way(
    way: Way, check: str, advice: str, tmp_path: Path
) -> None:
    async with fake_nats() as fake:
        fake.ways["/jsz"] = way
        file = tmp_path / "exporter.yaml"
        file.write_text(f"collect: {{timeout: 2s}}\nclusters: [{{targets: ['{fake.url}']}}]\n")
        found = checks.results(await gather(str(file), []))

    (warning,) = [each for each in found if each.seen.startswith("jsz: ")]
    assert (warning.check, warning.state) == (check, State.WARNING)
    assert warning.advice.startswith("The server answers other requests")
    assert advice.format(url=fake.url) in warning.advice
    assert "login" not in warning.advice


def test_a_server_that_its_name_no_longer_resolves_to_is_said_to_be_down_if_it_is() -> None:
    """A headless Service has no address of a pod that is not ready."""
    members = [
        MetaPeer("demo", "n1", current=False, offline=True, lag=None, last_seen=63.0),
        MetaPeer("demo", "n2", current=True, offline=False, lag=0, last_seen=0.2),
    ]
    rows = [
        msgspec.structs.replace(
            status.server(name), cluster="demo", up=name == "n0", configured=name == "n0"
        )
        for name in ("n0", "n1", "n2")
    ]
    meta = msgspec.structs.replace(status.meta(), cluster="demo", members=members)

    down, missing = targets(facts(snapshot=Snapshot(servers=rows, metas=[meta])))

    assert (down.state, down.object) == (State.ERROR, "server n1")
    assert down.seen == "the meta leader has not heard from it for 63 s, and it is no target now"
    assert down.advice.startswith("This server may be down")
    (name,) = re.findall(r"the runbook (\w+)", down.advice)
    assert (ROOT / "rules" / "runbooks" / f"{name}.md").is_file()
    assert missing.seen == "1 of 3 servers are not asked: n2"


async def test_a_login_that_nothing_listens_for_is_said_to_be_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"nats://127.0.0.1:{held.getsockname()[1]}"
    advisories = (
        f"{{clusters: [{{targets: ['http://n:8222'], advisories: [{{urls: ['{url}']}}]}}]}}"
    )

    (trial,) = await logins.of_advisories(parse(advisories, "a file"))

    assert (trial.target, trial.error) == (url, "not connected: cannot connect: Connection refused")


@pytest.mark.parametrize(
    ("last_seen", "offline", "said"),
    [
        (None, True, "has never heard from it"),
        (12.0, False, "has not heard from it for 12 s"),
        (9.0, False, None),
        (None, False, None),
    ],
)
def test_how_long_a_server_is_silent_is_said_as_the_meta_leader_knows_it(
    last_seen: float | None, offline: bool, said: str | None
) -> None:
    peer = MetaPeer("demo", "n1", current=False, offline=offline, lag=None, last_seen=last_seen)
    rows = [
        msgspec.structs.replace(
            status.server(n), cluster="demo", up=n == "n0", configured=n == "n0"
        )
        for n in ("n0", "n1")
    ]
    meta = msgspec.structs.replace(status.meta(), cluster="demo", members=[peer])

    (found,) = targets(facts(snapshot=Snapshot(servers=rows, metas=[meta])))

    missing = "1 of 2 servers are not asked: n1"
    assert found.seen == (f"the meta leader {said}, and it is no target now" if said else missing)


@pytest.mark.parametrize(
    ("cluster", "check", "what"),
    [
        ("{targets: ['http://a'], key: x}", "configuration", "Correct the file"),
        ("{targets: ['http://a'], http: {ca_file: ''}, seed: x}", "configuration", "Correct"),
        ("{targets: ['http://a'], http: {ca_file: /nowhere/ca.pem}}", "secret", "mounted"),
        ("{system: {urls: ['nats://a'], token_env: NOT_SET_ANYWHERE}}", "secret", "mounted"),
        ("{system: {urls: ['nats://a'], credentials_file: app.creds}}", "secret", "mounted"),
        ("{system: {context: /nowhere/prod.json}}", "secret", "mounted"),
        ("{system: {urls: ['nats://a'], nkey_seed_file: seed}}", "secret", "mounted"),
    ],
)
def test_a_file_or_variable_that_cannot_be_used_is_told_from_a_mistake_in_the_configuration(
    cluster: str, check: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "exporter.yaml"
    file.write_text(f"clusters: [{cluster}]")
    (tmp_path / "seed").write_text("no seed")

    assert command.main(["--config.file", str(file), "--format", "json"]) == 2

    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["check"] == check
    assert what in result["advice"]


def test_a_part_that_fails_at_many_servers_is_said_once_and_not_of_one_that_answered_nothing() -> (
    None
):
    late = {"leafz": RequestResult(False, "no answer in time"), "routez": RequestResult(True, "")}
    outcomes = [
        msgspec.structs.replace(
            outcome(server(f"n{i}") if i else None, f"http://n{i}"), requests=late
        )
        for i in range(13)
    ]

    (warning,) = checks.parts(facts(outcomes=outcomes))

    assert warning.object.startswith("monitoring http://n1, http://n2, ")
    assert warning.object.endswith("http://n10 and 2 more")
    assert "curl -m 10 http://n1/leafz" in warning.advice
