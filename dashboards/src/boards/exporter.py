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
KINDS = Scope(("instance", "kind"))
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
SILENT = ASKED.each(f"{ASKED.select('jetstream_exporter_source_up')} == 0")
DROPPED = KINDS.now("jetstream_exporter_objects_dropped")

NOW = Row(
    "Now",
    (
        stat(
            "Scraped",
            "Whether Prometheus reaches the exporters of the chosen jobs. Good: up. Bad: down; every other panel "
            "shows the past or nothing.",
            (Query(ITSELF.now("up"), "{{instance}}"),),
            look=shared.UP,
            width=5,
        ),
        stat(
            "Age of the data",
            "Seconds since a collection last brought a server's report. Good: below the scrape interval. Bad: above "
            "the limit named here.",
            (Query(f"max({AGE})", f"alert above {shared.duration(shared.STALE)}"),),
            look=Look("s", [Step(shared.STALE, BAD)], decimals=0),
            width=4,
        ),
        stat(
            "Targets that do not answer",
            "Servers and other sources that failed in the last scrape. Good: 0. Bad: any; the panel below names "
            "them.",
            (Query(counted(SILENT, ASKED.now("jetstream_exporter_source_up")), "good: 0"),),
            look=shared.ANY_IS_BAD,
            width=5,
        ),
        stat(
            "Objects left out",
            "Streams and consumers beyond the exporter's limit: no panel and no alert sees them. Good: 0. Bad: any; "
            "raise the limit or filter.",
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
            "Servers that the exporters name, and how many of them answer. Good: equal. Bad: fewer answer.",
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
            "Whether each target answered everything it was asked, over time. Good: answers throughout. Bad: fails; "
            "streams that only that server holds are not watched meanwhile.",
            (
                Query(
                    SOURCES.now("jetstream_exporter_source_up"),
                    "{{source}} {{target}} ({{instance}})",
                ),
            ),
            look=Look(words=[Word(0, 0, "fails", BAD), Word(1, 1, "answers", OK)]),
            width=24,
            height=8,
        ),
        timeseries(
            "Time to answer",
            "How long each target took. Good: well below a second, all alike. Bad: one far above the others, or "
            "all rising with the number of consumers.",
            (
                Query(
                    SOURCES.now("jetstream_exporter_source_duration_seconds"),
                    "{{source}} {{target}} ({{instance}})",
                ),
            ),
            look=Look("s", minimum=0),
            many=True,
            height=9,
        ),
        timeseries(
            "Bytes answered",
            "Size of each target's answer. Good: level. Bad: a fall to nothing (the server has no JetStream), or "
            "growth without new streams: forgotten consumers.",
            (
                Query(
                    SOURCES.now("jetstream_exporter_source_response_bytes"),
                    "{{source}} {{target}} ({{instance}})",
                ),
            ),
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
            "How long a collection takes, and the scrape interval (dashed, counted from the samples). Good: far "
            "below. Bad: near the interval or Prometheus' scrape timeout.",
            (Query(COLLECT, "{{instance}} collection"), Query(f"max({INTERVAL})", "interval")),
            look=Look("s", minimum=0),
            overrides=[dashed("interval")],
        ),
        timeseries(
            "Age of configurations",
            "Time since the configurations of streams and consumers were last read; they are read seldom, because "
            "they triple the servers' work. Good: a saw-tooth of minutes. Bad: ever growing; limits on the boards "
            "are old.",
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
            "Objects by kind. Good: as many as there are. Bad: a sudden fall (filters, an account that went "
            "missing) or growth without end (ephemeral consumers by name).",
            (Query(KINDS.now("jetstream_exporter_objects"), "{{instance}} {{kind}}"),),
            look=Look("short", minimum=0),
            many=True,
        ),
        timeseries(
            "Objects left out",
            "Objects beyond the exporter's limit, by kind. Good: 0. Bad: any.",
            (Query(DROPPED, "{{instance}} {{kind}}"),),
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
            "Whether the exporter hears advisories. Good: connected. Bad: cut; refusals and exhausted messages are "
            "missed meanwhile. Without advisories in the configuration there is nothing here.",
            (
                Query(
                    LISTENERS.now("jetstream_exporter_advisory_connected"),
                    "{{target}} ({{instance}})",
                ),
            ),
            look=Look(words=[Word(0, 0, "cut", BAD), Word(1, 1, "connected", OK)]),
            width=24,
            height=5,
            empty="advisories are off",
        ),
        timeseries(
            "Advisories heard",
            "Advisories by kind, a second. Good: few. Bad: many quorum losses or maximum deliveries.",
            (Query(HEARD.rate("jetstream_advisories_total"), "{{nats_cluster}} {{kind}}"),),
            look=Look("cps", minimum=0),
            many=True,
            empty="advisories are off",
        ),
        timeseries(
            "Gaps",
            "Times the connection was cut. Advisories are not repeated: each gap may hide some. Good: 0. Bad: any.",
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
            "Resident memory of the exporter. Good: level. Bad: growing to the container's limit.",
            (Query(ITSELF.now("process_resident_memory_bytes"), "{{instance}}"),),
            look=Look("bytes", minimum=0),
            width=8,
        ),
        timeseries(
            "CPU",
            "Cores that the exporter uses. Good: well below one. Bad: near one; scrapes come late.",
            (Query(ITSELF.rate("process_cpu_seconds_total"), "{{instance}}"),),
            look=Look("short", minimum=0),
            width=8,
        ),
        timeseries(
            "Samples a scrape",
            "Samples that Prometheus took from each exporter. Good: level. Bad: growth without new streams.",
            (Query(ITSELF.now("scrape_samples_scraped"), "{{instance}}"),),
            look=Look("short", minimum=0),
            width=8,
        ),
        table(
            "Versions",
            "Version of each exporter and its Python. Good: one version. Bad: versions mixed for long.",
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
            height=4,
            texts=(("version", "Version"), ("python_version", "Python")),
        ),
    ),
)

BOARD = Board(
    "jetstream-exporter",
    "Exporter",
    "Whether the figures of the other boards can be believed.",
    (JOB, cluster(several=True)),
    (NOW, ASKING, COLLECTING, OBJECTS, ADVISORIES, PROCESS),
)
