"""Rows of streams, from their leaders' reports."""

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from jetstream_exporter.snapshot.config_cache import StreamConfigs
from jetstream_exporter.snapshot.consumers import ephemerals, merge_consumers
from jetstream_exporter.snapshot.incarnation import latest, settled
from jetstream_exporter.snapshot.member import Leader, Member
from jetstream_exporter.snapshot.quorum import leader_of
from jetstream_exporter.snapshot.replicas import differences
from jetstream_exporter.snapshot.rows import (
    Consumer,
    Replica,
    Stream,
    StreamFigures,
    StreamRef,
    StreamSettings,
    StreamSource,
)
from jetstream_exporter.snapshot.units import count, is_name, seconds, since_heard, timestamp
from jetstream_exporter.wire import RaftGroup, Source, StreamDetail, StreamState

SILENT_ORIGIN = 30_000_000_000  # ns; origins send a heartbeat every second, checked every ten
Number = TypeVar("Number", int, float)


def merge_stream(
    ref: StreamRef,
    claims: Sequence[tuple[Member | None, StreamDetail]],
    configs: StreamConfigs | None,
    dead_letter: re.Pattern[str] | None,
) -> tuple[Stream, list[Consumer]]:
    """Merge the reports of one stream. Those of an earlier stream of the same name are left out."""
    reason = max(detail.unsupported for _, detail in claims)
    incarnation, claims = latest(claims)
    if configs is not None and not configs.incarnation.covers(incarnation):
        configs = None
    settings = configs.settings if configs else None
    wanted = settings.replicas if settings else None
    answered = [(member, detail) for member, detail in claims if member is not None]
    views = [(member, detail.cluster) for member, detail in answered]
    index, raft = leader_of(views, wanted, ref.complete_servers)
    reason = reason or (_lacks(answered[index][0], settings) if index >= 0 else "")
    if reason:
        index, raft = leader_of((), wanted, ref.complete_servers)
    leader = answered[index][1] if index >= 0 else None
    figures = _figures(leader.state, answered[index][0].now) if leader and leader.state else None
    consumers = merge_consumers(ref, claims, configs, figures.last_sequence if figures else None)
    found = differences(answered, index, settings)
    row = Stream(
        cluster=ref.cluster,
        account=ref.account,
        account_id=ref.account_id,
        name=ref.stream,
        incarnation=settled(incarnation, configs.incarnation if configs else None, leader),
        raft=raft,
        figures=figures,
        settings=settings,
        consumers=_count(claims, len(consumers)) or (None if reason else 0),
        ephemerals=ephemerals(consumers, led=leader is not None),
        replicas=_replicas(ref, leader.cluster) if leader else (),
        sources=_sources(ref, leader) if leader else (),
        differences=found,
        diverged=None if found is None else 0,
        source_count=len(leader.sources) if leader else None,
        dead_letter=_is_dead_letter(dead_letter, ref.stream, settings),
        unsupported=reason or None,
    )
    return row, consumers


def _lacks(member: Member, settings: StreamSettings | None) -> str:
    """Why this server's version does not serve the stream, as the server would put it; empty if it does.

    A standalone server lists such a stream as empty and led by itself. Versions before 2.11.9 do serve it.
    """
    if settings is None or not (
        member.reports_since and 0 < member.level < settings.required_level
    ):
        return ""
    needed = f"required API level: {settings.required_level}"
    return f"unsupported - {needed}, current API level: {member.level}"


def _count(claims: Sequence[tuple[Member | None, StreamDetail]], listed: int) -> int:
    """How many consumers there are. Only an account's API includes those on servers that do not answer."""
    states = [detail.state for member, detail in claims if _is_from_api(member)]
    return max((state.consumer_count for state in states if state is not None), default=listed)


def _is_from_api(member: Member | None) -> bool:
    return member is None or isinstance(member, Leader)


def _figures(state: StreamState, now: float | None) -> StreamFigures:
    first = timestamp(state.first_ts) if state.messages else None
    return StreamFigures(
        messages=count(state.messages),
        bytes=count(state.bytes),
        first_sequence=count(state.first_seq),
        last_sequence=count(state.last_seq),
        first_time=first,
        last_time=timestamp(state.last_ts) if state.messages else None,
        first_age=None if first is None or now is None else max(now - first, 0.0),
        subjects=count(state.num_subjects),
        deleted=count(state.num_deleted),
        lost=len(state.lost.msgs or ()) if state.lost else 0,
        read=now,
    )


def _is_dead_letter(
    pattern: re.Pattern[str] | None, name: str, settings: StreamSettings | None
) -> bool:
    if pattern is None:
        return False
    return any(pattern.search(text) for text in (name, *(settings.subjects if settings else ())))


def _replicas(ref: StreamRef, cluster: RaftGroup | None) -> list[Replica]:
    """The followers, as their leader reports them. One whose name is not known yet is left out."""
    if cluster is None:
        return []
    rows = {
        peer.name: Replica(
            ref.cluster,
            ref.account,
            ref.stream,
            peer.name,
            peer.current,
            peer.offline,
            count(peer.lag),
            since_heard(peer.active),
        )
        for peer in cluster.replicas
        if is_name(peer.name) and not peer.pending
    }
    return [rows[name] for name in sorted(rows)]


def _sources(ref: StreamRef, detail: StreamDetail) -> list[StreamSource]:
    rows: dict[tuple[str, str], StreamSource] = {}
    origins = [(source, "source") for source in detail.sources]
    if detail.mirror is not None:
        origins.append((detail.mirror, "mirror"))
    for origin, kind in origins:
        row = _source(ref, origin, kind)
        other = rows.get((origin.name, kind))
        rows[origin.name, kind] = row if other is None else _worse(row, other)
    return [rows[key] for key in sorted(rows)]


def _source(ref: StreamRef, origin: Source, kind: str) -> StreamSource:
    """An origin that was never heard has no lag: the server updates that figure only as messages arrive."""
    was_heard = origin.active >= 0
    return StreamSource(
        cluster=ref.cluster,
        account=ref.account,
        stream=ref.stream,
        origin=origin.name,
        kind=kind,
        lag=count(origin.lag) if was_heard else None,
        last_seen=seconds(origin.active) if was_heard else None,
        healthy=was_heard and origin.error is None and origin.active <= SILENT_ORIGIN,
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
