"""Random reports, and the snapshots that come of them."""

from datetime import timedelta

import msgspec
from hypothesis import strategies as st
from scripts.versions import EXTREMES
from tests.support.reports import BORN, NOW

from jetstream_exporter.report import Health, Outcome, ServerAnswer, ServerReport
from jetstream_exporter.wire import (
    AccountDetail,
    ConsumerConfig,
    ConsumerDetail,
    JetStreamConfig,
    Jsz,
    MetaCluster,
    Peer,
    Position,
    RaftGroup,
    Source,
    StreamConfig,
    StreamDetail,
    StreamState,
    Varz,
    VarzJetStream,
)

# What a name may hold: servers send UTF-8, so everything but lone surrogates.
NASTY = [
    '"',
    "\\",
    "\n",
    "\\n",
    "{}",
    '{a="b"} 1',
    "",
    " ",
    "#",
    "\r",
    "\x00",
    "\u2028",
    "é",
    "🐇",
    ",",
]
texts = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
plain = st.sampled_from(["n1", "n2", "n3"])
numbers = st.sampled_from([0, 1, 2, 3, 10**9, 2**53 + 1, 2**64 - 1])
moments = st.sampled_from([None, BORN, NOW, NOW + timedelta(microseconds=1)])
borns = st.sampled_from([BORN, BORN, BORN + timedelta(seconds=1)])
versions = st.sampled_from(EXTREMES)


def peers(names: st.SearchStrategy[str]) -> st.SearchStrategy[list[Peer]]:
    one = st.builds(
        Peer,
        name=names,
        current=st.booleans(),
        offline=st.booleans(),
        active=numbers,
        lag=numbers,
        pending=st.booleans(),
    )
    return st.lists(one, max_size=2)


def clusters(names: st.SearchStrategy[str]) -> st.SearchStrategy[RaftGroup | None]:
    group = st.builds(
        RaftGroup,
        raft_group=st.sampled_from(["", "G"]),
        leader=st.one_of(st.just(""), names),
        leader_since=st.sampled_from([None, BORN, NOW]),
        replicas=peers(names),
    )
    return st.one_of(st.none(), group)


def consumers(
    names: st.SearchStrategy[str], servers: st.SearchStrategy[str]
) -> st.SearchStrategy[ConsumerDetail]:
    positions = st.builds(Position, consumer_seq=numbers, stream_seq=numbers, last_active=moments)
    config = st.builds(
        ConsumerConfig,
        durable_name=st.sampled_from(["", "d"]),
        deliver_subject=st.sampled_from(["", "s"]),
        deliver_policy=names,
        ack_policy=names,
        ack_wait=st.integers(-1, 10**12),
        max_deliver=st.integers(-1, 9),
        num_replicas=st.sampled_from([0, 1, 3]),
    )
    return st.builds(
        ConsumerDetail,
        name=names,
        created=borns,
        config=st.one_of(st.none(), config),
        delivered=positions,
        ack_floor=positions,
        num_ack_pending=numbers,
        num_redelivered=numbers,
        num_waiting=numbers,
        num_pending=numbers,
        push_bound=st.booleans(),
        paused=st.booleans(),
        cluster=clusters(servers),
    )


def streams(
    names: st.SearchStrategy[str], servers: st.SearchStrategy[str]
) -> st.SearchStrategy[StreamDetail]:
    sources = st.builds(Source, name=names, lag=numbers, active=st.integers(-1, 10**11))
    config = st.builds(
        StreamConfig,
        subjects=st.lists(names, max_size=2),
        retention=names,
        storage=names,
        discard=names,
        max_bytes=st.integers(-1, 2**40),
        max_msgs=st.integers(-1, 100),
        max_age=st.integers(-1, 10**15),
        num_replicas=st.sampled_from([1, 3]),
    )
    state = st.builds(
        StreamState,
        messages=numbers,
        bytes=numbers,
        first_seq=numbers,
        last_seq=numbers,
        first_ts=moments,
        last_ts=moments,
        num_subjects=numbers,
    )
    return st.builds(
        StreamDetail,
        name=names,
        created=borns,
        cluster=clusters(servers),
        config=st.one_of(st.none(), config),
        state=st.one_of(st.none(), state),
        mirror=st.one_of(st.none(), sources),
        sources=st.lists(sources, max_size=2),
        consumer_detail=st.lists(consumers(names, servers), max_size=2, unique_by=lambda c: c.name),
    )


def unnamed_reports(
    names: st.SearchStrategy[str], servers: st.SearchStrategy[str]
) -> st.SearchStrategy[ServerReport]:
    accounts = st.builds(
        AccountDetail,
        name=names,
        id=names,
        memory=numbers,
        storage=numbers,
        reserved_memory=numbers,
        reserved_storage=numbers,
        stream_detail=st.lists(streams(names, servers), max_size=2, unique_by=lambda s: s.name),
    )
    meta = st.builds(
        MetaCluster,
        leader=st.one_of(st.just(""), servers),
        replicas=peers(servers),
        cluster_size=st.integers(0, 5),
        pending=numbers,
    )
    jsz = st.builds(
        Jsz,
        now=st.none(),
        disabled=st.booleans(),
        storage=numbers,
        config=st.one_of(st.none(), st.builds(JetStreamConfig, max_storage=numbers)),
        meta_cluster=st.one_of(st.none(), meta),
        account_details=st.lists(accounts, max_size=2, unique_by=lambda a: a.id),
    )
    varz = st.builds(
        Varz,
        server_id=names,
        version=names,
        start=moments,
        cpu=st.floats(0, 10_000),
        mem=numbers,
        stale_connections=st.one_of(st.none(), numbers),
        tls_cert_not_after=moments,
        jetstream=st.one_of(
            st.none(), st.builds(VarzJetStream, config=st.builds(JetStreamConfig, domain=names))
        ),
    )
    health = st.sampled_from(
        [
            None,
            Health(200),
            Health(500),
            Health(503, "still recovering"),
            Health(503, "is not current"),
        ]
    )
    return st.builds(
        ServerReport,
        server_id=servers,
        server_name=servers,
        cluster=st.one_of(st.sampled_from(["", "C", "C"]), names),
        version=versions,
        varz=st.one_of(st.none(), varz),
        health=health,
        jsz=st.one_of(st.none(), jsz),
        with_config=st.booleans(),
    )


@st.composite
def reports(
    draw: st.DrawFn, names: st.SearchStrategy[str] = texts, servers: st.SearchStrategy[str] = plain
) -> list[ServerReport]:
    """Each answer has its own moment, as answers of real servers have."""
    said = draw(st.lists(unnamed_reports(names, servers), max_size=4))
    for number, report in enumerate(said):
        if report.jsz is not None:
            report.jsz.now = NOW + timedelta(seconds=number)
        if report.varz is not None:
            report.varz.start = BORN + timedelta(seconds=number)
        if report.health is not None:
            report.health = msgspec.structs.replace(report.health, check=f"check {number}")
    return said


def outcomes(said: list[ServerReport]) -> list[Outcome]:
    return [
        Outcome(
            "monitoring",
            f"http://{i}",
            0.5,
            received=i,
            error=None if i % 2 else "no",
            answer=ServerAnswer(r),
        )
        for i, r in enumerate(said)
    ]
