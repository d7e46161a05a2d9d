"""From bytes to wire structs: the one place where anything that arrives is decoded, whatever it came by.

What cannot be read costs only itself. An answer that is no JSON, nested too deeply or of another shape is refused
whole. In an answer with many parts (accounts, streams, consumers), one that does not fit is left out by itself and
named in `refused`: the parts of one answer belong to different tenants.
"""

import contextlib
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

import msgspec

from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.wide_numbers import WideNumber, narrowed, put
from jetstream_exporter.wire import (
    AccountDetail,
    AccountStat,
    Accstatz,
    AccstatzAnswer,
    ApiConsumer,
    ApiConsumers,
    ApiStream,
    ApiStreams,
    ConsumerDetail,
    Jsz,
    JszAnswer,
    Leafnode,
    Leafz,
    LeafzAnswer,
    Refusals,
    Route,
    Routez,
    RoutezAnswer,
    StreamDetail,
    Wire,
)
from jetstream_exporter.wire.part import INT64

SHOWN = 3  # parts that an error names
NAME = 64  # characters of a name that it shows
# Bytes. Decoding holds the interpreter lock, for 0.3 s with the configurations of 100,000 consumers. A larger answer is
# decoded part by part, which takes longer and lets other threads run in between.
AT_ONCE = 32_000_000
NULL = b"null"
Got = TypeVar("Got", bound=Wire)
Body = bytes | bytearray | memoryview

# The fields that hold one part for each object.
PARTS: dict[type[Wire], tuple[str, type[Wire]]] = {
    JszAnswer: ("data", Jsz),
    Jsz: ("account_details", AccountDetail),
    AccountDetail: ("stream_detail", StreamDetail),
    StreamDetail: ("consumer_detail", ConsumerDetail),
    LeafzAnswer: ("data", Leafz),
    Leafz: ("leafs", Leafnode),
    RoutezAnswer: ("data", Routez),
    Routez: ("routes", Route),
    AccstatzAnswer: ("data", Accstatz),
    Accstatz: ("account_statz", AccountStat),
    ApiStreams: ("streams", ApiStream),
    ApiConsumers: ("consumers", ApiConsumer),
}


ENVELOPES: tuple[type[Wire], ...] = (
    JszAnswer,
    LeafzAnswer,
    RoutezAnswer,
    AccstatzAnswer,
)


class AccountOfParts(AccountDetail):
    """An account whose streams were found and not decoded."""

    stream_detail: tuple[msgspec.Raw, ...] = ()  # type: ignore[assignment]


class JszOfParts(Jsz):
    account_details: tuple[AccountOfParts, ...] = ()  # type: ignore[assignment]


class AnswerError(SourceError):
    """What arrived cannot be read."""


class DepthError(AnswerError):
    """It is nested too deeply."""


class JsonError(AnswerError):
    """It is not complete JSON."""


class ShapeError(AnswerError):
    """It is JSON, and not what a NATS server says."""


class Decoder(Generic[Got]):
    """Decodes one kind of answer; AnswerError if it cannot be read at all."""

    def __init__(self, kind: type[Got]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, body: Body) -> Got:
        if len(body) > AT_ONCE and self._kind in PARTS:
            return _guarded(body, self._kind)
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError:
            return _guarded(body, self._kind)
        except Exception as error:
            raise _explained(error) from None


def decode(body: Body, kind: type[Got]) -> Got:
    """Decode once; `Decoder` is for what is decoded often."""
    return Decoder(kind).decode(body)


def convert(data: object, kind: type[Got]) -> Got:
    """Take over what the NATS library has decoded already."""
    try:
        return msgspec.convert(data, kind)
    except Exception as error:
        raise _explained(error) from None


def refusal(answer: object) -> str | None:
    """One line about the parts that were left out; None if there are none."""
    refused = answer.refused if isinstance(answer, Refusals) else []
    if not refused:
        return None
    more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
    return f"{len(refused)} part(s) cannot be read: {'; '.join(refused[:SHOWN])}{more}"


def _guarded(body: Body, kind: type[Got]) -> Got:
    try:
        return _decode_parts(body, kind)
    except Exception as error:
        raise _explained(error) from None


def _explained(error: Exception) -> AnswerError:
    """The error as a sentence for an operator."""
    match error:
        case AnswerError():
            return error
        case RecursionError():
            return DepthError("the answer is nested too deeply")
        case msgspec.ValidationError():
            return ShapeError(f"the answer does not come from a NATS server: {error}")
        case UnicodeError() | msgspec.DecodeError():
            # msgspec before 0.23 raises UnicodeDecodeError, later versions a DecodeError of their own.
            why = "it is not UTF-8" if "utf-8" in str(error).lower() else error
            return JsonError(f"the answer is not complete JSON: {why}")
        case _:
            return ShapeError(f"the answer cannot be read: {type(error).__name__}")


def _decode_parts(body: Body, kind: type[Got]) -> Got:
    """Decode what is large, or what msgspec alone refused: part by part, and with numbers up to 2^64-1."""
    refused: list[str] = []
    answer = _decode_one(body, kind, refused, "")
    if isinstance(answer, Refusals):
        answer.refused = refused
    return answer


def _decode_streams(body: Body, refused: list[str]) -> Jsz:
    """Find the streams of a list in one pass, and decode each of them. ValidationError where more is wrong."""
    answer = msgspec.json.decode(body, type=JszOfParts)
    accounts = [
        _with(AccountDetail, account, stream_detail=_decode_streams_of(account, refused))
        for account in answer.account_details
    ]
    return _with(Jsz, answer, account_details=accounts)


def _decode_streams_of(account: AccountOfParts, refused: list[str]) -> list[StreamDetail]:
    return _decode_each(account.stream_detail, StreamDetail, refused, _name(account))


def _with(kind: type[Got], found: Wire, **parts: Any) -> Got:
    """What was found, with its parts."""
    return kind(**(msgspec.structs.asdict(found) | parts))


def _decode_one(body: Body, kind: type[Got], refused: list[str], place: str) -> Got:
    if kind not in PARTS:
        return _decode_wide(body, kind)
    if kind is Jsz:
        with contextlib.suppress(msgspec.ValidationError):
            return cast("Got", _decode_streams(body, refused))
    field, part = PARTS[kind]
    raw = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    inner = raw.pop(field, None)
    answer = _decode_wide(msgspec.json.encode(raw), kind)
    if inner is None or _is_null(inner):
        return answer
    if kind in ENVELOPES:
        data = _decode_one(inner, part, refused, place)
        data.refused = refused  # type: ignore[attr-defined]
        setattr(answer, field, data)
        return answer
    place = f"{place} {_name(answer)}".strip()
    raws = msgspec.json.decode(inner, type=list[msgspec.Raw])
    setattr(answer, field, _decode_each(raws, part, refused, place))
    return answer


def _is_null(raw: msgspec.Raw) -> bool:
    """Without a copy of what may be a hundred megabytes."""
    with memoryview(raw) as view:
        return len(view) == len(NULL) and bytes(view) == NULL


def _decode_each(
    raws: Sequence[msgspec.Raw], kind: type[Got], refused: list[str], place: str
) -> list[Got]:
    parts = []
    decoder = msgspec.json.Decoder(kind)
    for raw in raws:
        try:
            parts.append(_decode_part(raw, decoder, kind, refused, place))
        except Exception as error:
            reason = str(_explained(error)).removeprefix("the answer ")
            refused.append(f"{place} {_name_in(raw)}".strip() + f" {reason}")
    return parts


def _decode_part(
    raw: Body, decoder: msgspec.json.Decoder[Got], kind: type[Got], refused: list[str], place: str
) -> Got:
    """Decode one part at once if it is small and all of it fits, else by its own parts."""
    if len(memoryview(raw)) <= AT_ONCE:
        with contextlib.suppress(msgspec.ValidationError):
            return decoder.decode(raw)
    return _decode_one(raw, kind, refused, place)


def _decode_wide(body: Body, kind: type[Got]) -> Got:
    """Decode with unsigned numbers above 2^63-1, which msgspec cannot bound: they are put in afterwards."""
    wide: list[WideNumber] = []
    answer = msgspec.convert(narrowed(msgspec.json.decode(body), (), wide), kind)
    for path, number in wide:
        if not put(answer, path, number):
            raise ShapeError(f"Expected `int` <= {INT64} - at `{'.'.join(map(str, path))}`")
    return answer


def _name(answer: Wire) -> str:
    return str(getattr(answer, "name", "") or getattr(answer, "id", ""))[:NAME]


def _name_in(raw: Body) -> str:
    """The name of a part that cannot be read, if that can be."""
    try:
        fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        name = fields.get("name") or fields.get("id") or fields.get("config")
        text = msgspec.json.decode(name) if name is not None else ""
        text = text.get("name", "") if isinstance(text, dict) else text
    except Exception:
        return ""
    return str(text)[:NAME] if isinstance(text, str) else ""
