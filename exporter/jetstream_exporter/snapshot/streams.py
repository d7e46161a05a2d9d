"""Rows of streams, from their leaders' reports."""

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from jetstream_exporter.snapshot.consumers import ephemerals, merge_consumers
from jetstream_exporter.snapshot.identity import latest, settled
from jetstream_exporter.snapshot.known import KnownStream
from jetstream_exporter.snapshot.quorum import Speaker, elect
from jetstream_exporter.snapshot.rows import (
    Consumer,
    Place,
    Replica,
    Stream,
    StreamFigures,
    StreamSettings,
    StreamSource,
)
from jetstream_exporter.snapshot.units import is_name, seconds, since_heard, timestamp
from jetstream_exporter.wire import Cluster, Source, StreamDetail, StreamState

SILENT_ORIGIN = 30_000_000_000  # ns; origins send a heartbeat every second, checked every ten
Number = TypeVar("Number", int, float)


def merge_stream(
    place: Place,
    words: Sequence[tuple[Speaker, StreamDetail]],
    known: KnownStream | None,
    dead_letter: re.Pattern[str] | None,
) -> tuple[Stream, list[Consumer]]:
    """Merge the reports of one stream. Those of an earlier stream of the same name are left out."""
    told = max(detail.unsupported for _, detail in words)
    incarnation, words = latest(words)
    if known is not None and not known.identity.covers(incarnation):
        known = None
    settings = known.settings if known else None
    wanted = settings.replicas if settings else None
    index, raft = elect([(who, detail.cluster) for who, detail in words], wanted, place.heard)
    reason = told or (_lacks(words[index][0], settings) if index >= 0 else "")
    if reason:
        index, raft = elect((), wanted, place.heard)
    leader = words[index][1] if index >= 0 else None
    figures = _figures(leader.state) if leader and leader.state else None
    consumers = merge_consumers(place, words, known, figures.last_sequence if figures else None)
    row = Stream(
        cluster=place.cluster,
        account=place.account,
        account_id=place.account_id,
        name=place.stream,
        identity=settled(incarnation, known.identity if known else None, leader),
        raft=raft,
        figures=figures,
        settings=settings,
        consumers=_count(words, len(consumers)) or (None if reason else 0),
        ephemerals=ephemerals(consumers, led=leader is not None),
        replicas=_replicas(place, leader.cluster) if leader else (),
        sources=_sources(place, leader) if leader else (),
        dead_letter=_is_dead_letter(dead_letter, place.stream, settings),
        unsupported=reason or None,
    )
    return row, consumers


def _lacks(who: Speaker, settings: StreamSettings | None) -> str:
    """Why this server's version does not serve the stream, as the server would put it; empty if it does.

    A standalone server lists such a stream as empty and led by itself. Versions before 2.11.9 do serve it.
    """
    if settings is None or not (who.says_since and 0 < who.level < settings.required_level):
        return ""
    needed = f"required API level: {settings.required_level}"
    return f"unsupported - {needed}, current API level: {who.level}"


def _count(words: Sequence[tuple[Speaker, StreamDetail]], listed: int) -> int:
    """How many consumers there are. Only an account's API includes those on servers that do not answer."""
    states = [detail.state for who, detail in words if who.relayed]
    return max((state.consumer_count for state in states if state is not None), default=listed)


def _figures(state: StreamState) -> StreamFigures:
    return StreamFigures(
        messages=state.messages,
        bytes=state.bytes,
        first_sequence=state.first_seq,
        last_sequence=state.last_seq,
        first_time=timestamp(state.first_ts) if state.messages else None,
        last_time=timestamp(state.last_ts) if state.messages else None,
        subjects=state.num_subjects,
        deleted=state.num_deleted,
        lost=len(state.lost.msgs or ()) if state.lost else 0,
    )


def _is_dead_letter(
    pattern: re.Pattern[str] | None, name: str, settings: StreamSettings | None
) -> bool:
    if pattern is None:
        return False
    return any(pattern.search(text) for text in (name, *(settings.subjects if settings else ())))


def _replicas(place: Place, cluster: Cluster | None) -> list[Replica]:
    """The followers, as their leader reports them. One whose name is not known yet is left out."""
    if cluster is None:
        return []
    rows = {
        peer.name: Replica(
            place.cluster,
            place.account,
            place.stream,
            peer.name,
            peer.current,
            peer.offline,
            peer.lag,
            since_heard(peer.active),
        )
        for peer in cluster.replicas
        if is_name(peer.name) and not peer.pending
    }
    return [rows[name] for name in sorted(rows)]


def _sources(place: Place, detail: StreamDetail) -> list[StreamSource]:
    rows: dict[tuple[str, str], StreamSource] = {}
    origins = [(source, "source") for source in detail.sources]
    if detail.mirror is not None:
        origins.append((detail.mirror, "mirror"))
    for origin, kind in origins:
        row = _source(place, origin, kind)
        other = rows.get((origin.name, kind))
        rows[origin.name, kind] = row if other is None else _worse(row, other)
    return [rows[key] for key in sorted(rows)]


def _source(place: Place, origin: Source, kind: str) -> StreamSource:
    """An origin that was never heard has no lag: the server updates that figure only as messages arrive."""
    heard = origin.active >= 0
    return StreamSource(
        cluster=place.cluster,
        account=place.account,
        stream=place.stream,
        origin=origin.name,
        kind=kind,
        lag=origin.lag if heard else None,
        last_seen=seconds(origin.active) if heard else None,
        healthy=heard and origin.error is None and origin.active <= SILENT_ORIGIN,
    )


def _worse(one: StreamSource, other: StreamSource) -> StreamSource:
    return msgspec.structs.replace(
        one,
        lag=_max(one.lag, other.lag),
        last_seen=_max(one.last_seen, other.last_seen),
        healthy=one.healthy and other.healthy,
    )


def _max(one: Number | None, other: Number | None) -> Number | None:
    return one if other is None else other if one is None else max(one, other)
