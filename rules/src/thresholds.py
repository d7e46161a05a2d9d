"""The rules of rules/thresholds.yaml: each object by the thresholds in its own metadata."""

from rules.src.model import Alert, Group, Record, RuleFile, Scope, Severity
from rules.src.objectives import OBJECTIVES
from rules.src.teams import TEAMS


def set_for(scope: str, check: str) -> str:
    """The thresholds of one check."""
    return f'max by (${scope}, check, severity) (jetstream_{scope}_threshold{{check="{check}"}})'


def exceeded(scope: str, check: str, value: str, comparison: str) -> str:
    """The objects whose value compares so with their own threshold; the value is theirs."""
    return f"{value}\n{comparison} on (${scope}) group_right ()\n{set_for(scope, check)}"


def any_of(*parts: str) -> str:
    return "\nor\n".join(parts)


# Compared by `>=`, each as the leader reports it.
CONSUMER_FIGURES = {
    "outstanding-ack": "jetstream_consumer_ack_pending_messages",
    "waiting": "jetstream_consumer_waiting_pulls",
    "unprocessed": "jetstream_consumer_pending_messages",
    "redelivery": "jetstream_consumer_redelivered_messages",
    "pinned": "jetstream_consumer_unpinned_groups",
}
LAST = {"last-delivery": "last_delivery", "last-ack": "last_ack"}
EXCEEDED = {
    "stream": "nats_cluster_account_stream_check_severity:jetstream_stream_threshold_exceeded:max",
    "consumer": "nats_cluster_account_stream_consumer_check_severity:jetstream_consumer_threshold_exceeded:max",
}
UPPER = "nats_cluster_account_stream:jetstream_stream_subjects_upper_threshold:max"
NEW_LEADER = "nats_cluster_account_stream_consumer:jetstream_consumer_new_leader:max10m"


def last_known(name: str) -> str:
    return f"nats_cluster_account_stream_consumer:jetstream_consumer_{name}_timestamp_seconds:last"


def last_seconds(name: str) -> str:
    return f"nats_cluster_account_stream_consumer:jetstream_consumer_{name}_seconds:max"


def since_last(check: str, name: str) -> tuple[Record, Record]:
    """When it last happened, and how long that is ago."""
    threshold = f'max by ($consumer) (jetstream_consumer_threshold{{check="{check}"}})'
    return (
        Record(
            name=last_known(name),
            comment=(
                "Of the consumers with such a threshold, kept while nobody knows it: a new leader "
                "does not know what happened under the one before."
            ),
            expr=f"""
                (
                  max by ($consumer) (jetstream_consumer_{name}_timestamp_seconds)
                  or on ($consumer)
                  last_over_time({last_known(name)}[1h])
                )
                and on ($consumer)
                {threshold}
            """,
        ),
        Record(
            name=last_seconds(name),
            comment="+Inf where it never happened. Not judged while the leader is new.",
            expr=f"""
                (
                  time() - {last_known(name)}
                  or on ($consumer)
                  Inf * {threshold}
                  and on ($consumer)
                  max by ($consumer) (jetstream_consumer_has_leader) == 1
                )
                unless on ($consumer)
                {NEW_LEADER}
            """,
        ),
    )


NO_ORIGIN = """\
Inf * (
  max by ($stream, check, severity) (jetstream_stream_threshold{check=~"lag|seen"})
  and on ($stream)
  max by ($stream) (jetstream_stream_messages) >= 0
  unless on ($stream)
  group by ($stream) (jetstream_stream_source_healthy or jetstream_stream_sources)
)"""
NEVER_HEARD = """\
(
  Inf * group by ($stream) (
    max by ($stream, source, kind) (jetstream_stream_source_healthy)
    unless on ($stream, source, kind)
    max by ($stream, source, kind) (jetstream_stream_source_last_seen_seconds)
  )
  or on ($stream)
  max by ($stream) (jetstream_stream_source_last_seen_seconds)
)"""
PEERS = """\
(
  1 + count by ($stream) (max by ($stream, server) (jetstream_stream_replica_current))
  or on ($stream)
  max by ($stream) (jetstream_stream_has_leader) == 1
)"""
PEER_SEEN = """\
(
  Inf * group by ($stream) (jetstream_stream_replica_offline == 1)
  or on ($stream)
  max by ($stream) (jetstream_stream_replica_last_seen_seconds)
)"""
SOURCES = """\
(
  max by ($stream) (jetstream_stream_sources)
  or on ($stream)
  0 * max by ($stream) (jetstream_stream_messages)
)"""
SUBJECTS = f"""\
max by ($stream) (jetstream_stream_subjects)
>= on ($stream) group_right ()
({set_for("stream", "subjects")} and on ($stream) {UPPER})
or
max by ($stream) (jetstream_stream_subjects)
<= on ($stream) group_right ()
({set_for("stream", "subjects")} unless on ($stream) {UPPER})"""

STREAM_EXCEEDED = any_of(
    exceeded("stream", "lag", "max by ($stream) (jetstream_stream_source_lag_messages)", ">="),
    exceeded("stream", "seen", NEVER_HEARD, ">="),
    NO_ORIGIN,
    exceeded("stream", "min-sources", SOURCES, "<"),
    exceeded("stream", "max-sources", "max by ($stream) (jetstream_stream_sources)", ">"),
    exceeded("stream", "peer-expect", PEERS, "!="),
    exceeded("stream", "peer-lag", "max by ($stream) (jetstream_stream_replica_lag_entries)", ">"),
    exceeded("stream", "peer-seen", PEER_SEEN, ">"),
    exceeded("stream", "msgs", "max by ($stream) (jetstream_stream_messages)", "<="),
    SUBJECTS,
)
NOT_PINNED = f"""\
{set_for("consumer", "pinned")}
and on ($consumer)
max by ($consumer) (jetstream_consumer_has_leader) == 1
unless on ($consumer)
max by ($consumer) (jetstream_consumer_unpinned_groups)"""
CONSUMER_EXCEEDED = any_of(
    *(
        exceeded("consumer", check, f"max by ($consumer) ({family})", ">=")
        for check, family in CONSUMER_FIGURES.items()
    ),
    NOT_PINNED,
    *(exceeded("consumer", check, last_seconds(name), ">=") for check, name in LAST.items()),
)
OF = {
    "stream": "stream {stream} (account {account}, cluster {nats_cluster})",
    "consumer": (
        "consumer {consumer} of stream {stream} (account {account}, cluster {nats_cluster})"
    ),
}


def threshold_alert(scope: Scope, severity: Severity) -> Alert:
    return Alert(
        name=f"JetStream{scope.capitalize()}ThresholdExceeded",
        severity=severity,
        scope=scope,
        board=f"jetstream-{scope}",
        expr=f"""
            {EXCEEDED[scope]}{{severity="{severity}"}}
            $unless_{scope}_excluded
        """,
        wait="2m",
        keep="5m",
        summary=f"A JetStream {scope} exceeds a threshold of its own metadata",
        description=(
            f"The check {{check}} in the metadata of {OF[scope]} fails: its value is {{value | "
            "humanize}. +Inf means never, or that there is nothing to check."
        ),
    )


def invalid_alert(scope: Scope) -> Alert:
    return Alert(
        name=f"JetStream{scope.capitalize()}ThresholdInvalid",
        severity="info",
        scope=scope,
        board=f"jetstream-{scope}",
        expr=f"""
            max by (${scope}, check) (jetstream_{scope}_threshold_invalid_info)
            $unless_{scope}_excluded
        """,
        wait="10m",
        summary=f"A threshold in the metadata of a JetStream {scope} cannot be read",
        description=(
            f"The metadata of {OF[scope]} has a value for the check {{check}} that cannot be read. "
            "The check is not made."
        ),
    )


STREAM = Group(
    name="jetstream-stream-thresholds",
    interval="1m",
    rules=(
        Record(
            name=UPPER,
            comment=(
                "Streams whose thresholds of subjects are upper ones: the warning, which counts as "
                "0 where there is none, is lower than the critical one. All others are lower ones."
            ),
            expr="""
                max by ($stream) (jetstream_stream_threshold{check="subjects",severity="critical"})
                unless on ($stream)
                max by ($stream) (jetstream_stream_threshold{check="subjects",severity="warning"})
                >= on ($stream)
                max by ($stream) (jetstream_stream_threshold{check="subjects",severity="critical"})
            """,
        ),
        Record(
            name=EXCEEDED["stream"],
            comment=(
                "The value of each check that fails, by the comparison of `nats server check "
                "stream`. Other than there, a source that was never heard was not seen for too "
                "long, and a replica is looked at whatever the number of replicas."
            ),
            expr=STREAM_EXCEEDED,
        ),
        threshold_alert("stream", "critical"),
        threshold_alert("stream", "warning"),
        invalid_alert("stream"),
    ),
)

CONSUMER = Group(
    name="jetstream-consumer-thresholds",
    interval="1m",
    rules=(
        Record(
            name=NEW_LEADER,
            comment=(
                "Consumers with a threshold of time whose leader changed within 10 minutes, or whose "
                "server started or was first seen by this Prometheus then: such a leader may know "
                "of no delivery and no acknowledgement."
            ),
            expr="""
                (
                  max by ($consumer) (increase(jetstream_consumer_leader_changes_total[10m])) > 0
                  or on ($consumer)
                  group by ($consumer) (
                    max by ($consumer, server) (jetstream_consumer_leader)
                    and on ($server) (
                      max by ($server) (nats_server_start_timestamp_seconds)
                      unless on ($server)
                      max by ($server) (nats_server_start_timestamp_seconds)
                      == on ($server)
                      max by ($server) (nats_server_start_timestamp_seconds offset 10m)
                    )
                  )
                )
                and on ($consumer)
                group by ($consumer) (jetstream_consumer_threshold{check=~"last-.*"})
            """,
        ),
        *(record for check, name in LAST.items() for record in since_last(check, name)),
        Record(
            name=EXCEEDED["consumer"],
            comment="The value of each check that fails, by the meaning that the NATS tools document.",
            expr=CONSUMER_EXCEEDED,
        ),
        threshold_alert("consumer", "critical"),
        invalid_alert("consumer"),
    ),
)

FILE = RuleFile(
    subject="thresholds",
    comment=(
        "Streams and consumers by the thresholds that their teams wrote into the metadata "
        "(io.nats.monitor.* and io.jetstream-exporter.*), and whose they are: docs/thresholds.md."
    ),
    groups=(TEAMS, STREAM, CONSUMER, OBJECTIVES),
)
