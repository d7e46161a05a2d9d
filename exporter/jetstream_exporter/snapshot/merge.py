"""Merges the reports of all servers: each stream and consumer as its own leader reports it.

`merge` is a function of the *set* of reports: their order and repetition change nothing, and a snapshot holds nothing
that no report said.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from jetstream_exporter.report import Report
from jetstream_exporter.snapshot import group
from jetstream_exporter.snapshot.gateways import joined, share_meta
from jetstream_exporter.snapshot.known import Known, cluster_label
from jetstream_exporter.snapshot.presence import followers, present
from jetstream_exporter.snapshot.quorum import Speaker, is_complete, speaker
from jetstream_exporter.snapshot.rows import Consumer, Place, Snapshot, Stream
from jetstream_exporter.snapshot.streams import merge_stream
from jetstream_exporter.wire import StreamDetail


class Naming(msgspec.Struct, frozen=True):
    """How objects are labelled: accounts by id or by name, and which streams hold dead letters."""

    account_by_name: bool = False
    dead_letter: re.Pattern[str] | None = None


Word = tuple[Speaker, StreamDetail]


def merge(
    reports: Iterable[Report], known: Known | None = None, naming: Naming | None = None
) -> Snapshot:
    """Merge the reports of any number of clusters; `known` holds the configurations of earlier reports."""
    reports = list(reports)
    clusters: dict[str, list[Report]] = {}
    for report in distinct(reports):
        clusters.setdefault(cluster_label(report), []).append(report)
    parts = [
        _merge_cluster(name, clusters[name], known or {}, naming or Naming())
        for name in sorted(clusters)
    ]
    pairs = joined(clusters) if len(clusters) > 1 else set()
    return Snapshot(
        servers=[row for part in parts for row in part.servers],
        metas=share_meta([row for part in parts for row in part.metas], pairs),
        accounts=[row for part in parts for row in part.accounts],
        streams=[row for part in parts for row in part.streams],
        consumers=[row for part in parts for row in part.consumers],
        conflicts=[*name_conflicts(reports), *(row for part in parts for row in part.conflicts)],
        joined=frozenset(pairs),
    )


def name_conflicts(reports: Iterable[Report]) -> list[str]:
    """Different servers of one name in one cluster: only one of them can be exported."""
    ids: dict[tuple[str, str], set[str]] = {}
    for report in reports:
        if report.via:
            continue  # an account's API tells no ids
        ids.setdefault((cluster_label(report), report.server_name), set()).add(report.server_id)
    return [
        f"{len(ids[place])} servers of the cluster {place[0]} are called {place[1]}; one is exported"
        for place in sorted(ids)
        if len(ids[place]) > 1
    ]


def distinct(reports: Iterable[Report]) -> list[Report]:
    """One report per server and `via`, sorted. A server may answer at two addresses, and restart in between."""
    best: dict[tuple[str, str, str], Report] = {}
    for report in reports:
        key = (cluster_label(report), report.server_name, report.via)
        if key not in best or _worth(report) > _worth(best[key]):
            best[key] = report
    return [best[key] for key in sorted(best)]


def _worth(report: Report) -> tuple[bool, bool, bool, float, float, bytes]:
    """Orders reports of one server: the more complete wins, then the later. The bytes only make the order total."""
    jsz, varz = report.jsz, report.varz
    return (
        jsz is not None,
        is_complete(report),
        report.with_config,
        _epoch(varz.start if varz else None),
        _epoch(jsz.now if jsz else None),
        msgspec.json.encode((report.varz, report.health, report.account)),
    )


def _epoch(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _merge_cluster(name: str, reports: Sequence[Report], known: Known, naming: Naming) -> Snapshot:
    speakers = [speaker(report) for report in reports]
    heard = frozenset(who.name for who in speakers if who.complete)
    informed = {who.name for who in speakers if who.informed and not who.relayed}
    knowing = followers(reports, informed)
    labels = account_labels(reports, naming.account_by_name)
    words = _stream_words(zip(speakers, reports, strict=True))
    streams: list[Stream] = []
    consumers: list[Consumer] = []
    for account_id, stream in sorted(words, key=lambda key: (labels[key[0]], key[1])):
        said = present(words[account_id, stream], knowing)
        if not said:
            continue
        place = Place(name, labels[account_id], account_id, stream, heard, knowing)
        entry = known.get((name, account_id, stream))
        row, its_consumers = merge_stream(place, said, entry, naming.dead_letter)
        streams.append(row)
        consumers += its_consumers
    return Snapshot(
        servers=group.servers(name, reports, streams, consumers),
        metas=group.meta(name, reports, heard),
        accounts=group.accounts(name, reports, labels, knowing),
        streams=streams,
        consumers=consumers,
        conflicts=_account_conflicts(name, reports) if naming.account_by_name else (),
    )


def _stream_words(
    speakers: Iterable[tuple[Speaker, Report]],
) -> dict[tuple[str, str], list[Word]]:
    """What each server said of each stream, by the account's id and the stream's name."""
    words: dict[tuple[str, str], list[Word]] = {}
    for who, report in speakers:
        for account in report.account_details:
            for detail in account.stream_detail:
                words.setdefault((account.id, detail.name), []).append((who, detail))
    return words


def _account_conflicts(cluster: str, reports: Iterable[Report]) -> list[str]:
    ids: dict[str, set[str]] = {}
    for report in reports:
        for account in report.account_details:
            ids.setdefault(account.name, set()).add(account.id)
    return [
        f"{len(ids[name])} accounts of the cluster {cluster} are called {name}; they keep their ids"
        for name in sorted(ids)
        if len(ids[name]) > 1
    ]


def account_labels(reports: Iterable[Report], by_name: bool) -> dict[str, str]:
    """The label of each account by id. A name that two accounts share (or that is another's id) is not used."""
    names: dict[str, str] = {}
    for report in reports:
        for identity, name in _names(report):
            if name not in ("", identity) or identity not in names:
                names[identity] = name
    if not by_name:
        return {identity: identity for identity in names}
    bearers = Counter(names.values())

    def label(identity: str, name: str) -> str:
        is_unique = bearers[name] == 1 and (name == identity or name not in names)
        return name if name and is_unique else identity

    return {identity: label(identity, name) for identity, name in names.items()}


def _names(report: Report) -> list[tuple[str, str]]:
    """The accounts that a report speaks of, by id, and their names as far as it knows them."""
    found = [(account.id, account.name) for account in report.account_details]
    if report.account is not None:
        found.append((report.account.account, report.account.name))
    return found
