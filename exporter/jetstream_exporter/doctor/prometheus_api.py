"""What the API of a Prometheus server answers, as far as the doctor reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import aiohttp

from jetstream_exporter.sources.decoding import Decoder, ShapeError
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.wire.part import Wire

LARGEST = 2**28  # bytes of an answer: ten thousand targets with all their labels are a fifth of it
Data = TypeVar("Data")


class Series(Wire):
    """Only their number is read."""


class Found(Wire):
    result: list[Series]


class Target(Wire, rename="camel"):
    labels: dict[str, str] | None = None
    scrape_url: str = ""
    last_error: str = ""
    health: str = ""


class Targets(Wire, rename="camel"):
    active_targets: list[Target]


class Rule(Wire):
    name: str = ""
    health: str = ""
    labels: dict[str, str] | None = None


class Group(Wire):
    rules: list[Rule] | None = None


class Groups(Wire):
    groups: list[Group]


class Answer(Wire, Generic[Data]):
    data: Data


QUERY = Decoder(Answer[Found])
TARGETS = Decoder(Answer[Targets])
RULES = Decoder(Answer[Groups])


class Api:
    """Asks one server. An answer that cannot be used is None, and `failed` says of which paths and why."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._base = url.rstrip("/")
        self._failed: dict[str, list[str]] = {}

    @property
    def failed(self) -> str:
        """One line; a cause that several paths share is named once. Empty if nothing failed."""
        return "; ".join(f"{', '.join(paths)}: {why}" for why, paths in self._failed.items())

    async def ask(
        self, what: str, query: Mapping[str, str], decoder: Decoder[Answer[Data]]
    ) -> Data | None:
        path = f"/api/v1/{what}"
        try:
            return _decoded(await self._get(path, query), decoder)
        except SourceError as error:
            paths = self._failed.setdefault(str(error), [])
            if path not in paths:
                paths.append(path)
            return None

    async def _get(self, path: str, query: Mapping[str, str]) -> bytearray:
        async with self._http.get(
            f"{self._base}{path}", params=query, allow_redirects=False
        ) as answer:
            if answer.status != 200:
                raise SourceError(f"answered {answer.status} {answer.reason or ''}".rstrip())
            body = bytearray()
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > LARGEST:
                    raise SourceError(f"the answer is larger than {LARGEST} bytes")
            return body


def _decoded(body: bytearray, decoder: Decoder[Answer[Data]]) -> Data:
    try:
        return decoder.decode(body).data
    except ShapeError:
        raise SourceError("the answer is not one of Prometheus") from None
