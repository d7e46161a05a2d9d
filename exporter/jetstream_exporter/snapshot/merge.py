"""Merges the reports of all servers: each stream and consumer as its own leader reports it.

`merge` is a function of the *set* of reports: their order and repetition change nothing, and a snapshot holds nothing
that no report said.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from jetstream_exporter.report import LeaderReport, Report, ServerReport
from jetstream_exporter.snapshot.accounts import account_rows
from jetstream_exporter.snapshot.claims import claims_of
from jetstream_exporter.snapshot.config_cache import ConfigCache
from jetstream_exporter.snapshot.gateways import joined, share_meta
from jetstream_exporter.snapshot.member import Member, is_list_complete, member_of
from jetstream_exporter.snapshot.meta import meta_rows
from jetstream_exporter.snapshot.presence import followers, present
from jetstream_exporter.snapshot.rows import Consumer, Snapshot, Stream, StreamRef
from jetstream_exporter.snapshot.servers import server_rows
from jetstream_exporter.snapshot.streams import merge_stream
from jetstream_exporter.wire import Leafz, StreamDetail, Varz


class LabelOptions(msgspec.Struct, frozen=True):
    """How objects are labelled: accounts by id or by name, and which streams hold dead letters."""

    account_by_name: bool = False
    dead_letter: re.Pattern[str] | None = None


Claim = tuple[Member | None, StreamDetail]  # of nobody: what no leader answered for


def merge(
    reports: Iterable[Report],
    config_cache: ConfigCache | None = None,
    label_options: LabelOptions | None = None,
) -> Snapshot:
    """Merge the reports of any number of clusters; `config_cache` holds the configurations of earlier reports."""
    clusters: dict[str, list[Report]] = {}
    for report in distinct(reports):
        clusters.setdefault(report.label, []).append(report)
    names = sorted(clusters)
    parts = [
        _merge_cluster(name, clusters[name], config_cache or {}, label_options or LabelOptions())
        for name in names
    ]
    pairs = joined(clusters) if len(clusters) > 1 else set()
    return Snapshot(
        servers=[row for part in parts for row in part.servers],
        metas=share_meta([row for part in parts for row in part.metas], pairs),
        accounts=[row for part in parts for row in part.accounts],
        streams=[row for part in parts for row in part.streams],
        consumers=[row for part in parts for row in part.consumers],
        conflicts=[text for part in parts for text in part.conflicts],
        name_conflicts={name: len(part.conflicts) for name, part in zip(names, parts, strict=True)},
        joined=frozenset(pairs),
    )


def distinct(reports: Iterable[Report]) -> list[Report]:
    """One report per server, and per API and place, sorted.

    A server may answer at two addresses, and restart in between.
    """
    found: dict[tuple[str, ...], list[Report]] = {}
    for report in reports:
        found.setdefault(_key(report), []).append(report)
    return [_best(found[key]) for key in sorted(found)]


def _best(reports: list[Report]) -> Report:
    """The one that is worth most, with the links that only others of the same server and start tell."""
    if len(reports) == 1:
        return reports[0]
    best, *others = sorted(reports, key=_worth, reverse=True)
    if not isinstance(best, ServerReport):
        return best
    links = best.links
    for other in others:
        if isinstance(other, ServerReport) and other.server_id == best.server_id:
            links |= other.links
    return best if links == best.links else msgspec.structs.replace(best, links=links)


def _key(report: Report) -> tuple[str, ...]:
    if isinstance(report, ServerReport):
        return report.label, "", report.server_name
    return report.label, report.api, report.place


def _worth(report: Report) -> tuple[bool, bool, bool, float, float, bytes]:
    """Orders reports of one server: the more complete wins, then the later. The bytes only make the order total."""
    if isinstance(report, LeaderReport):
        counts = (bool(report.claims), bool(report.unanswered), report.info is not None)
        return (*counts, 0.0, 0.0, msgspec.json.encode(report.info))
    jsz, varz = report.jsz, report.varz
    return (
        jsz is not None,
        is_list_complete(report),
        report.with_config,
        _epoch(varz.start if varz else None),
        _epoch(jsz.now if jsz else None),
        msgspec.json.encode((report.varz, report.health, report.links)),
    )


def _epoch(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _merge_cluster(
    name: str, reports: Sequence[Report], config_cache: ConfigCache, label_options: LabelOptions
) -> Snapshot:
    servers = [report for report in reports if isinstance(report, ServerReport)]
    apis = [report for report in reports if isinstance(report, LeaderReport)]
    members = [member_of(report) for report in servers]
    complete_servers = frozenset(member.name for member in members if member.list_complete)
    meta_current = {member.name for member in members if member.meta_current}
    authoritative = followers(servers, meta_current)
    labels = account_labels(reports, label_options.account_by_name)
    claims = _stream_claims([*servers, *apis])
    streams: list[Stream] = []
    consumers: list[Consumer] = []
    for account_id, stream in sorted(claims, key=lambda key: (labels[key[0]], key[1])):
        present_claims = present(claims[account_id, stream], authoritative)
        if not present_claims:
            continue
        ref = StreamRef(
            name, labels[account_id], account_id, stream, complete_servers, authoritative
        )
        entry = config_cache.get((name, account_id, stream))
        row, its_consumers = merge_stream(ref, present_claims, entry, label_options.dead_letter)
        streams.append(row)
        consumers += its_consumers
    return Snapshot(
        servers=server_rows(name, servers, streams, consumers, labels),
        metas=meta_rows(name, servers, complete_servers),
        accounts=account_rows(name, servers, apis, labels, authoritative),
        streams=streams,
        consumers=consumers,
        conflicts=_account_conflicts(name, reports) if label_options.account_by_name else (),
    )


def _stream_claims(reports: Iterable[Report]) -> dict[tuple[str, str], list[Claim]]:
    """What each server reports of each stream, by the account's id and the stream's name."""
    claims: dict[tuple[str, str], list[Claim]] = {}
    for report in reports:
        for member, account_id, streams in claims_of(report):
            for detail in streams:
                claims.setdefault((account_id, detail.name), []).append((member, detail))
    return claims


def _account_conflicts(cluster: str, reports: Iterable[Report]) -> list[str]:
    ids: dict[str, set[str]] = {}
    for report in reports:
        for identity, name in accounts_named(report):
            if name:  # servers before 2.11 name no account
                ids.setdefault(name, set()).add(identity)
    return [
        f"{len(ids[name])} accounts of the cluster {cluster} have the name {name}; their "
        "label is the ID"
        for name in sorted(ids)
        if len(ids[name]) > 1
    ]


def account_labels(reports: Iterable[Report], by_name: bool) -> dict[str, str]:
    """The label of each account by id. A name that two accounts share (or that is another's id) is not used."""
    names: dict[str, str] = {}
    for report in reports:
        for identity, name in accounts_named(report):
            if name not in ("", identity) or identity not in names:
                names[identity] = name
    if not by_name:
        return {identity: identity for identity in names}
    bearers = Counter(names.values())

    def label(identity: str, name: str) -> str:
        is_unique = bearers[name] == 1 and (name == identity or name not in names)
        return name if name and is_unique else identity

    return {identity: label(identity, name) for identity, name in names.items()}


def accounts_named(report: Report) -> list[tuple[str, str]]:
    """The accounts that a report speaks of, by id, and their names as far as it knows them."""
    if isinstance(report, LeaderReport):
        return [(report.account_id, report.account_name)]
    names = [(account.id, account.name) for account in report.account_details]
    names += report.elsewhere
    clients, leafnodes = report.links.accounts, report.links.leafnodes
    names += [(one.acc, one.name) for one in clients.account_statz if one.acc] if clients else []
    return names + [(account, "") for account in _of_leafnodes(report.varz, leafnodes)]


def _of_leafnodes(varz: Varz | None, said: Leafz | None) -> Iterator[str]:
    """The accounts of configured and of present connections, which nothing else may speak of."""
    yield from (remote.local_account for remote in (varz.leaf.remotes if varz else ()))
    yield from (leaf.account for leaf in (said.leafs if said else ()))
