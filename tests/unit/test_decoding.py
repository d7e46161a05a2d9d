"""What arrives is read in one place. What does not fit costs itself: its answer, or its part of an answer."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jetstream_exporter.sources import decoding
from jetstream_exporter.sources.decoding import (
    AnswerError,
    DepthError,
    JsonError,
    ShapeError,
    convert,
    decode,
    refusal,
)
from jetstream_exporter.sources.nats.api import ApiAnswerError
from jetstream_exporter.wire import (
    Advisory,
    ApiConsumers,
    ApiError,
    ApiStreams,
    Healthz,
    Jsz,
    JszAnswer,
    ServerInfo,
    Varz,
    Wire,
)

PACKAGE = Path(__file__).resolve().parents[2] / "exporter" / "jetstream_exporter"
HUGE = int("9" * 400)
RECORDED = sorted((Path(__file__).parents[1] / "payloads" / "versions").glob("*/jsz_*.json"))
KINDS = (Advisory, ApiConsumers, ApiStreams, Healthz, Jsz, JszAnswer, Varz)


@pytest.fixture(autouse=True, params=[decoding.AT_ONCE, 0, 200], ids=["whole", "in parts", "large"])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large answer is decoded part by part, and none of this depends on its size."""
    monkeypatch.setattr(decoding, "AT_ONCE", request.param)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_servers_sent_is_read_in_parts_as_it_is_as_a_whole(file: Path) -> None:
    said = file.read_bytes()
    assert decode(said, Jsz) == msgspec.json.decode(said, type=Jsz)


@pytest.mark.parametrize("kind", [Jsz, JszAnswer])
def test_a_list_that_is_null_is_as_if_it_were_not_there(kind: type[Wire]) -> None:
    field, _ = decoding.PARTS[kind]
    assert decode(f'{{"{field}": null}}'.encode(), kind) == decode(b"{}", kind)


def str_of(value: object) -> str:
    """A short name of a long value, for the name of a test."""
    return repr(value)[:20]


def body(said: Any) -> bytes:
    return json.dumps(said).encode()


def jsz(*streams: Any) -> bytes:
    return body({"server_id": "X", "account_details": [{"id": "A", "stream_detail": streams}]})


def streams_of(answer: Jsz) -> list[str]:
    return [row.name for account in answer.account_details for row in account.stream_detail]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth", [2_000, 20_000, 1_000_000])
def test_what_is_nested_deeply_is_refused_whatever_it_came_by(kind: type[Wire], depth: int) -> None:
    for opening in (b'{"x":', b'{"x":' + b"[" * depth):
        with pytest.raises(DepthError, match="nested too deeply"):
            decode(opening * depth if opening.endswith(b":") else opening, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", [b"", b"{", b"\xff", b"{}{}", b"nonsense", b"\x00"])
def test_what_is_no_whole_json_is_refused(kind: type[Wire], said: bytes) -> None:
    with pytest.raises(JsonError, match="not complete JSON"):
        decode(said, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", [b"null", b"[]", b"5", b'"x"', b"true", b"1e400"])
def test_what_is_no_object_is_refused(kind: type[Wire], said: bytes) -> None:
    with pytest.raises(AnswerError):
        decode(said, kind)


@pytest.mark.parametrize("number", [2**64, HUGE, -(2**63) - 1, -HUGE, int("9" * 4000)], ids=str_of)
@pytest.mark.parametrize("kind", [Varz, Jsz, Healthz])
def test_no_number_is_beyond_64_bits(kind: type[Wire], number: int) -> None:
    names = {
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if isinstance(field.default, int) and not isinstance(field.default, bool)
    }
    for name in names:
        with pytest.raises(AnswerError):
            decode(body({"server_id": "X", name: number}), kind)


@pytest.mark.parametrize("digits", [5_000, 50_000])
def test_no_number_is_too_long_to_be_refused(digits: int) -> None:
    with pytest.raises(AnswerError):
        decode(b'{"server_id":"X","connections":' + b"9" * digits + b"}", Varz)


@pytest.mark.parametrize("value", ["1", 1.5, None, True, [], {}, -1])
def test_a_count_of_another_type_or_below_zero_is_refused(value: Any) -> None:
    with pytest.raises(ShapeError, match="does not come from a NATS server"):
        decode(body({"server_id": "X", "subscriptions": value}), Varz)


def test_numbers_without_sign_are_read_up_to_their_last() -> None:
    most = 2**64 - 1
    said = {
        "name": "S",
        "state": {"first_seq": most, "last_seq": 2**63, "messages": 1},
        "cluster": {"replicas": [{"name": "n2", "lag": most}, {"name": "n3", "lag": 1}]},
        "consumer_detail": [{"name": "c", "num_pending": most, "delivered": {"stream_seq": most}}],
    }
    answer = decode(jsz(said), Jsz)
    (stream,) = answer.account_details[0].stream_detail
    (consumer,) = stream.consumer_detail
    assert refusal(answer) is None
    assert stream.state is not None
    assert stream.cluster is not None
    assert (stream.state.first_seq, stream.state.last_seq, stream.state.messages) == (
        most,
        2**63,
        1,
    )
    assert [peer.lag for peer in stream.cluster.replicas] == [most, 1]
    assert (consumer.num_pending, consumer.delivered.stream_seq) == (most, most)


def test_a_number_with_sign_has_no_such_room() -> None:
    answer = decode(jsz({"name": "S", "config": {"max_age": 2**63}}, {"name": "T"}), Jsz)
    assert streams_of(answer) == ["T"]


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "c", "num_pending": HUGE},
        {"name": "c", "num_pending": -1},
        {"name": "c", "created": "2026-01-01T00:00:00"},
        {"name": "c", "cluster": {"replicas": [{"active": 2**63}]}},
        {"name": ["c"]},
        {},
        5,
        None,
    ],
    ids=lambda bad: repr(bad)[:40],
)
def test_a_consumer_that_cannot_be_read_costs_no_other(bad: Any) -> None:
    answer = decode(jsz({"name": "S", "consumer_detail": [{"name": "a"}, bad, {"name": "z"}]}), Jsz)
    (stream,) = answer.account_details[0].stream_detail
    assert [row.name for row in stream.consumer_detail] == ["a", "z"]
    assert len(answer.refused) == 1
    assert "1 part(s) cannot be read: A S" in str(refusal(answer))


@pytest.mark.parametrize("said", [b'{"server_id":"\xff"}', b'{"server_id":"\xc3"}'])
def test_text_that_is_not_utf_8_is_called_so(said: bytes) -> None:
    with pytest.raises(JsonError, match="not UTF-8"):
        decode(said, Varz)


def test_a_stream_and_an_account_cost_no_other() -> None:
    said = {
        "account_details": [
            {"id": "A", "memory": 2**64, "stream_detail": [{"name": "S"}]},
            {
                "id": "B",
                "reserved_memory": 2**64 - 1,
                "stream_detail": [{"name": 5}, {"name": "T"}],
            },
        ]
    }
    for answer in (decode(body(said), Jsz), decode(body({"data": said}), JszAnswer).data):
        assert answer is not None
        assert streams_of(answer) == ["T"]
        assert len(answer.refused) == 2


def test_rows_of_an_account_are_read_one_by_one_too() -> None:
    page = decode(
        body({"total": 2, "streams": [{"created": 5}, {"config": {"name": "T"}}]}), ApiStreams
    )
    assert [row.config.name for row in page.streams or ()] == ["T"]
    assert refusal(page) is not None
    consumers = {"total": 2, "consumers": [{"name": "c", "num_pending": HUGE}, {"name": "d"}]}
    listed = decode(body(consumers), ApiConsumers)
    assert [row.name for row in listed.consumers or ()] == ["d"]


def test_an_error_does_not_list_thousands_of_parts_or_long_names() -> None:
    bad = [{"name": "x" * 100_000, "created": 5}] * 20 + [{"name": "x", "created": 5}] * 5_000
    assert len(str(refusal(decode(jsz(*bad), Jsz)))) < 1_000


def test_no_server_can_say_what_was_refused() -> None:
    answer = decode(body({"server_id": "X", "refused": ["a lie"], "account_details": []}), Jsz)
    assert refusal(answer) is None


def test_what_the_library_decoded_is_held_to_the_same() -> None:
    assert convert({"cluster": "C", "max_payload": "x"}, ServerInfo).cluster == "C"
    with pytest.raises(ShapeError):
        convert({"cluster": 5}, ServerInfo)
    with pytest.raises(ShapeError):
        convert([], ServerInfo)


def kinds() -> Iterator[type[Wire]]:
    """Those of what NATS says, which none but this package describes."""
    todo = [Wire]
    while todo:
        found = todo.pop().__subclasses__()
        todo += found
        yield from (kind for kind in found if ".wire." in kind.__module__)


def test_no_number_and_no_time_of_an_answer_is_without_bounds() -> None:
    """`Wide` is a bare int, and its struct checks it."""
    for kind in kinds():
        for field in msgspec.structs.fields(kind):
            text = str(field.type)
            if re.search(r"(?<!Annotated\[)\bint\b|<class 'int'>", text):
                assert field.name in ("memory", "storage", "reserved_memory", "reserved_storage")
                assert "__post_init__" in dir(kind), f"{kind.__name__}.{field.name}"
            assert not re.search(r"(?<!Annotated\[)datetime\.datetime\b", text), field.name


def bare_texts() -> Iterator[str]:
    for kind in kinds():
        for field in msgspec.structs.fields(kind):
            if re.search(
                r"(?<!Annotated\[)\bstr\b", str(field.type).replace("<class 'str'>", "str")
            ):
                yield f"{kind.__name__}.{field.name}"


def test_no_text_that_becomes_a_label_is_without_bounds() -> None:
    """These are no labels: they are searched, compared or shortened where they are used."""
    own = {"refused", "unsupported"}
    searched = {"subjects", "deliver_subject", "filter_subject", "filter_subjects"}
    compared = {"priority_policy", "sample_freq", "status", "action", "type"}
    counted = {"priority_groups", "group", "pinned_client_id"}
    shortened = {"error", "description", "metadata", "http_req_stats", "compression"}
    elsewhere = {"Source.name", "Advisory.account", "Advisory.domain", "Advisory.stream"}
    elsewhere |= {"Advisory.consumer", "Advisory.id", "Placement.cluster", "Placement.tags"}
    elsewhere |= {"LeafRemote.urls"}
    names = own | searched | compared | counted | shortened
    assert {name for name in bare_texts() if name.split(".")[1] not in names} == elsewhere


@pytest.mark.parametrize("field", ["server_id", "server_name", "version"])
def test_a_server_with_a_name_without_end_is_refused(field: str) -> None:
    varz = {"server_id": "X", field: "x" * 257}
    with pytest.raises(ShapeError, match="length <= 256"):
        decode(body(varz), Varz)
    assert decode(body(varz | {field: "x" * 256}), Varz)


def test_a_stream_whose_leader_has_a_name_without_end_costs_no_other() -> None:
    good, bad = {"name": "S"}, {"name": "T", "cluster": {"leader": "x" * 5_000_000}}
    answer = decode(jsz(good, bad, {"name": "x" * 257}), Jsz)
    assert streams_of(answer) == ["S"]
    assert len(answer.refused) == 2
    assert len(refusal(answer) or "") < 500


def test_a_sentence_without_end_is_cut_before_it_stands_in_the_log() -> None:
    """Whoever answers for an account's API writes the description of its errors."""
    error = ApiAnswerError(ApiError(description="x" * 1_000_000))
    assert len(str(error)) < 1_100


def test_nothing_else_decodes_what_arrives() -> None:
    """So that no source can forget a bound. The demo and the audit ask for themselves, and files are no answer."""
    allowed = {"sources/decoding.py", "status/alerts.py"}
    for path in PACKAGE.rglob("*.py"):
        place = str(path.relative_to(PACKAGE))
        if place in allowed or place.startswith(("demo/", "audit/", "config/", "migrate/")):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert ast.unparse(node) not in ("msgspec.json.decode", "msgspec.json.Decoder"), (
                    place
                )
                assert ast.unparse(node) not in ("json.loads", "json.load", "msgspec.convert"), (
                    place
                )
