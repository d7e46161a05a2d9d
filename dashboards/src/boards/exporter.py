"""Exporter: can the other boards be believed."""

from __future__ import annotations

from dashboards.src import shared
from dashboards.src.board import JOB, Board, Row, cluster
from dashboards.src.panels import BAD, OK, QUIET, WARN, Look, Query, Step, Word, dashed
from dashboards.src.promql import CLUSTER, SERVERS, Scope, counted
from dashboards.src.shapes import stat, timeline, timeseries
from dashboards.src.tables import Column, table

ITSELF = Scope(("instance",))
SOURCES = Scope(("instance", "source", "target"))
ASKED = Scope(("job", "source", "target"))  # one, however many exporters of a job ask it
KINDS = Scope(("kind",))
HEARD = Scope((*CLUSTER, "kind"), CLUSTER)
LISTENERS = Scope(("instance", "target"))
BUILD = Scope(("job", "instance"))

COLLECT = ITSELF.now("jetstream_exporter_collect_duration_seconds")
AGE = f"time() - {ITSELF.now('jetstream_exporter_last_success_timestamp_seconds')}"
# Prometheus does not tell the interval; the number of samples in three minutes, or since the exporter's start, does.
INTERVAL = ITSELF.each(
    f"clamp_max(time() - {ITSELF.select('process_start_time_seconds')}, 180) / "
    f"count_over_time({ITSELF.select('jetstream_exporter_collect_duration_seconds')}[3m])"
)
TARGETS = Scope(("instance", "source", "of"))


def of_target(name: str) -> str:
    """With the name of the server, where it is known, and the address of each target."""
    return TARGETS.each(f'label_join({_with_server(name)}, "of", " ", "server", "target")')


def of_server(name: str) -> str:
    """With the name of the server, or the address where it is not known: of two addresses of one server, the larger."""
    known, others = _with_server(name, 'server!=""'), _with_server(name, 'server=""')
    return TARGETS.each(
        f'label_join({known}, "of", "", "server") or label_join({others}, "of", "", "target")'
    )


def _with_server(name: str, *matchers: str) -> str:
    server = SOURCES.select("jetstream_exporter_source_info", *matchers)
    return (
        f"{SOURCES.select(name)} * on (job, instance, source, target) group_left (server) {server}"
    )


OF_TARGET = "{{source}} {{of}} ({{instance}})"
SILENT = ASKED.each(f"{ASKED.select('jetstream_exporter_source_up')} == 0")
DROPPED = KINDS.now("jetstream_exporter_objects_dropped")

NOW = Row(
    "Now",
    (
        stat(
            "Scraped",
            "Whether Prometheus can scrape the exporters of the selected jobs. Good: up. Bad: "
            "down. All other panels then show old data or no data.",
            (Query(ITSELF.now("up"), "{{instance}}"),),
            look=shared.UP,
            width=5,
        ),
        stat(
            "Age of the data",
            "Time since the last collection that returned data from a server: the clock of "
            "Prometheus minus the clock of the exporter. Good: below the scrape interval. "
            "Bad: above the limit in this panel and growing. If it is above and constant, a "
            "clock is wrong.",
            (Query(f"max({AGE})", f"alert above {shared.duration(shared.STALE)}"),),
            look=Look("s", [Step(shared.STALE, BAD)], decimals=0),
            width=4,
        ),
        stat(
            "Targets that do not answer",
            "Servers and other sources that failed in the last scrape. Good: 0. Bad: above 0. "
            "The panel below names them.",
            (Query(counted(SILENT, ASKED.now("jetstream_exporter_source_up")), "good: 0"),),
            look=shared.ANY_IS_BAD,
            width=5,
        ),
        stat(
            "Objects left out",
            "Streams and consumers above the exporter's limit. No panel and no alert includes "
            "them. Good: 0. Bad: above 0. Raise the limit or exclude objects with filters.",
            (
                Query(
                    shared.total(ITSELF.select("jetstream_exporter_objects_dropped"), "job"),
                    "good: 0",
                ),
            ),
            look=shared.ANY_IS_BAD,
            width=5,
        ),
        stat(
            "Servers",
            "Servers that the exporters know, and how many of them answer. Good: both numbers "
            "are equal. Bad: fewer servers answer.",
            (
                Query(f"sum({SERVERS.now('nats_server_up')})", "answer"),
                Query(f"count({SERVERS.now('nats_server_up')})", "known"),
            ),
            look=Look("short", base=QUIET, decimals=0),
            width=5,
        ),
    ),
)

ASKING = Row(
    "Sources",
    (
        timeline(
            "Answers",
            "Whether each target answered all requests, over time, with the name of the server that "
            "it is. Good: it always answers. "
            "Bad: it fails. Streams that only this server holds are then not monitored.",
            (Query(of_target("jetstream_exporter_source_up"), OF_TARGET),),
            look=Look(words=[Word(0, 0, "fails", BAD), Word(1, 1, "answers", OK)]),
            width=24,
            height=8,
        ),
        timeseries(
            "Response time",
            "Response time of each target. Good: well below a second, and similar for all "
            "targets. Bad: one target is much slower, or all become slower with the number of "
            "consumers.",
            (Query(of_server("jetstream_exporter_source_duration_seconds"), OF_TARGET),),
            look=Look("s", minimum=0),
            many=True,
            height=9,
        ),
        timeseries(
            "Response size",
            "Size of the response of each target. Good: constant. Bad: it falls to nearly 0 "
            "(JetStream is disabled on the server), or it grows without new streams (unused "
            "consumers).",
            (Query(of_server("jetstream_exporter_source_response_bytes"), OF_TARGET),),
            look=Look("bytes", minimum=0),
            many=True,
            height=9,
        ),
    ),
)

COLLECTING = Row(
    "Collection",
    (
        timeseries(
            "Collection against the scrape interval",
            "Duration of a collection, and the scrape interval (dashed, computed from the "
            "samples). Good: far below. Bad: near the interval or the scrape timeout of "
            "Prometheus.",
            (Query(COLLECT, "{{instance}} collection"), Query(f"max({INTERVAL})", "interval")),
            look=Look("s", minimum=0),
            overrides=[dashed("interval")],
        ),
        timeseries(
            "Age of configurations",
            "Time since the exporter last read the configurations of streams and consumers. "
            "It reads them less often, because they triple the work of the servers. Good: it "
            "falls again after some minutes. Bad: it grows without end, so that the limits on "
            "the boards are old.",
            (Query(ITSELF.now("jetstream_exporter_config_age_seconds"), "{{instance}}"),),
            look=Look("s", minimum=0),
        ),
    ),
)

OBJECTS = Row(
    "What is exported",
    (
        timeseries(
            "Objects exported",
            "Exported objects by kind. Good: all objects are exported. Bad: a sudden drop "
            "(filters, or an account that is missing), or growth without end (ephemeral "
            "consumers that are exported by name).",
            (Query(KINDS.now("jetstream_exporter_objects"), "{{kind}}"),),
            look=Look("short", minimum=0),
            many=True,
        ),
        timeseries(
            "Objects left out",
            "Objects above the exporter's limit, by kind. Good: 0. Bad: above 0.",
            (Query(DROPPED, "{{kind}}"),),
            look=Look("short", [Step(1, BAD)], minimum=0),
            many=True,
        ),
    ),
)

ADVISORIES = Row(
    "Advisories",
    (
        timeline(
            "Connection for advisories",
            "Whether the exporter receives advisories. The panel is empty if the "
            "configuration has no advisories. Good: connected. Bad: not connected. NAKs and "
            "messages that reach max_deliver are then not counted.",
            (
                Query(
                    LISTENERS.now("jetstream_exporter_advisory_connected"),
                    "{{target}} ({{instance}})",
                ),
            ),
            look=Look(words=[Word(0, 0, "not connected", BAD), Word(1, 1, "connected", OK)]),
            width=24,
            height=5,
            empty="advisories are off",
        ),
        timeseries(
            "Advisories received",
            "Advisories per second, by kind. Good: few. Bad: many lost quorums or maximum "
            "deliveries.",
            (Query(HEARD.rate("jetstream_advisories_total"), "{{nats_cluster}} {{kind}}"),),
            look=Look("cps", minimum=0),
            many=True,
            empty="advisories are off",
        ),
        timeseries(
            "Gaps",
            "How many times the connection was interrupted. The server does not repeat "
            "advisories, so some may be missing for each gap. Good: 0. Bad: above 0.",
            (
                Query(
                    LISTENERS.increase("jetstream_exporter_advisory_gaps_total"),
                    "{{target}} ({{instance}})",
                ),
            ),
            look=Look("short", [Step(1, WARN)], minimum=0),
            empty="advisories are off",
        ),
    ),
)

PROCESS = Row(
    "Process",
    (
        timeseries(
            "Memory",
            "Resident memory of the exporter. Good: constant. Bad: growing towards the limit "
            "of the container.",
            (Query(ITSELF.now("process_resident_memory_bytes"), "{{instance}}"),),
            look=Look("bytes", minimum=0),
            width=8,
        ),
        timeseries(
            "CPU",
            "CPU cores that the exporter uses. Good: well below 1. Bad: near 1, because "
            "scrapes are then late.",
            (Query(ITSELF.rate("process_cpu_seconds_total"), "{{instance}}"),),
            look=Look("short", minimum=0),
            width=8,
        ),
        timeseries(
            "Samples per scrape",
            "Samples that Prometheus scraped from each exporter. Good: constant. Bad: growth "
            "without new streams.",
            (Query(ITSELF.now("scrape_samples_scraped"), "{{instance}}"),),
            look=Look("short", minimum=0),
            width=8,
        ),
        table(
            "Versions",
            "Version of each exporter and of its Python. Good: one version. Bad: different "
            "versions for a long time.",
            BUILD.labels,
            (
                Column(
                    "",
                    BUILD.each(
                        BUILD.select("jetstream_exporter_build_info"), "version", "python_version"
                    ),
                ),
                Column(
                    "Running for", BUILD.seconds_since("process_start_time_seconds"), shared.SECONDS
                ),
            ),
            rows=2,
            texts=(("version", "Version"), ("python_version", "Python")),
        ),
    ),
)

BOARD = Board(
    "jetstream-exporter",
    "Exporter",
    "Whether the data of the other dashboards is complete and current.",
    (JOB, cluster(several=True)),
    (NOW, ASKING, COLLECTING, OBJECTS, ADVISORIES, PROCESS),
)
