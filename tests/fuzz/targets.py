"""What a stranger can send, each kind as a function of bytes that ends, or says a foreseen error, whatever they are.

Each goes the whole way to the text of a scrape, which Prometheus has to accept. `test_fuzz.py` runs them for a bounded
number of rounds, `scripts/fuzz.py` for hours.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from tests.fuzz.protocol import protocol
from tests.fuzz.web import addresses, logins, web_configuration
from tests.support.accepted import check

from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.exported import Filters
from jetstream_exporter.config.load import parse
from jetstream_exporter.config.schema import Config
from jetstream_exporter.exposition import END, Encoder
from jetstream_exporter.metrics import TABLES
from jetstream_exporter.report import (
    Events,
    Health,
    LeaderAnswer,
    Outcome,
    ServerAnswer,
    ServerReport,
)
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.sources.advisories.event_counter import EventCounter
from jetstream_exporter.sources.advisories.event_reader import EventReader, Origin
from jetstream_exporter.sources.decoding import AnswerError, convert, decode
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.http.client import HttpResponse
from jetstream_exporter.sources.http.target_request import decode_health, decode_jsz, decode_varz
from jetstream_exporter.sources.nats.identity import AccountIdentity
from jetstream_exporter.sources.nats.leaders import AccountCluster, Leaders
from jetstream_exporter.web.negotiate import (
    BadTimeoutError,
    scrape_timeout,
    wants_gzip,
    wants_openmetrics,
)
from jetstream_exporter.wire import (
    AccountInfo,
    ApiConsumer,
    ApiConsumers,
    ApiNames,
    ApiStream,
    ApiStreams,
    HealthzAnswer,
    Jsz,
    JszAnswer,
    ServerInfo,
    StatszAnswer,
    UserInfo,
    Varz,
    VarzAnswer,
)

LINE = 8_000  # bytes of a sample: some names of 256 characters, each of which may be escaped
EVERYTHING = Config(filters=Filters(ephemeral_consumers=True))


def exposed(outcomes: Sequence[Outcome], times: int = 2) -> None:
    """Take these outcomes to text, twice, since a second scrape compares itself with the first."""
    processor, encoder = Processor(EVERYTHING, 0.0), Encoder(TABLES)
    for i in range(times):
        snapshot = processor.process(outcomes, float(i), float(i))
        check(b"".join(encoder.render(snapshot)))
        text = b"".join([*encoder.render(snapshot, openmetrics=True), END])
        check(text, openmetrics=True, parse=False)
        assert max(map(len, text.split(b"\n"))) < LINE


def reported(jsz: Jsz | None, varz: Varz | None = None, health: Health | None = None) -> None:
    varz = varz or Varz(server_id="ID", server_name="n1", version="2.15.1")
    report = ServerReport(
        server_id=varz.server_id,
        server_name=varz.server_name or varz.server_id,
        cluster=varz.cluster.name,
        version=varz.version,
        varz=varz,
        health=health or Health(200),
        jsz=jsz,
        with_config=jsz is not None,
    )
    exposed([Outcome("monitoring", "http://n1:8222", 0.1, answer=ServerAnswer(report))])


def monitoring(data: bytes) -> None:
    """One body as the answer to each question of the monitoring port."""
    answer = HttpResponse(200, "OK", bytearray(data))
    asks: tuple[Callable[[], None], ...] = (
        lambda: reported(None, varz=decode_varz(answer)),
        lambda: reported(decode_jsz(answer)),
        lambda: reported(None, health=decode_health(answer, "full")),
    )
    for ask in asks:
        try:
            ask()
        except SourceError:
            continue


def system(data: bytes) -> None:
    """One message as the answer to each question of the system account."""
    for kind in (StatszAnswer, VarzAnswer, HealthzAnswer, JszAnswer, UserInfo):
        try:
            answer: Any = decode(data, kind)
        except AnswerError:
            continue
        if isinstance(answer, JszAnswer):
            reported(answer.data)
        elif isinstance(answer, VarzAnswer):
            reported(None, varz=answer.data)


def account(data: bytes) -> None:
    """One message as the answer to each question of an account's JetStream API."""
    for cluster in ("C", ""):
        leaders = Leaders(
            AccountCluster("", cluster, "n1", "2.15.1", ""),
            AccountIdentity("A", "APP"),
            "nats://n1",
        )
        for kind in (ApiStreams, ApiConsumers, ApiStream, ApiConsumer, ApiNames, AccountInfo):
            try:
                _heard(leaders, decode(data, kind))
            except AnswerError:
                continue
        reports = leaders.reports()
        exposed([Outcome("account", "nats://n1", 0.1, answer=LeaderAnswer(reports))])


def _heard(leaders: Leaders, answer: Any) -> None:
    match answer:
        case ApiStreams():
            for row in answer.streams or ():
                leaders.add_stream(row)
            for name, reason in (answer.offline or {}).items():
                leaders.add_unanswered_stream(name, reason)
        case ApiConsumers():
            for consumer in answer.consumers or ():
                leaders.add_consumer("S", consumer)
        case ApiStream():
            leaders.add_stream(answer)
        case ApiConsumer():
            leaders.add_consumer("S", answer)
        case AccountInfo():
            leaders.info = answer


def events(data: bytes) -> None:
    """Lines of events, as anybody in an account may publish them, and as the system account may hear them."""
    for is_system in (False, True):
        counter = EventCounter()
        reader = EventReader(counter, 3, "nats://n1")
        reader.origin = Origin("C", "", "A", is_system)

        async def read(reader: EventReader = reader) -> None:
            for line in data.split(b"\n")[:100]:
                await reader.read(Msg(Client(), "$JS.EVENT.ADVISORY.X", data=line))

        asyncio.run(read())
        said = Events("C", True, counted={"A": frozenset(["naks"])}, take=counter.take)
        exposed([Outcome("advisories", "nats://n1", 0.1, answer=said)])


def info(data: bytes) -> None:
    """What a server says when a client connects, as the NATS library gives it to us."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return
    try:
        convert(said, ServerInfo)
    except AnswerError:
        return


def configuration(data: bytes) -> None:
    try:
        parse(data.decode("utf-8", "replace"), "fuzz.yaml")
    except ConfigError:
        return


def headers(data: bytes) -> None:
    text = data.decode("latin-1")
    wants_openmetrics(text)
    wants_gzip(text)
    try:
        assert 0 < scrape_timeout(text, 10.0) <= 120
    except BadTimeoutError:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {
    "monitoring": monitoring,
    "system": system,
    "account": account,
    "events": events,
    "info": info,
    "protocol": protocol,
    "configuration": configuration,
    "headers": headers,
    "addresses": addresses,
    "logins": logins,
    "web_configuration": web_configuration,
}
