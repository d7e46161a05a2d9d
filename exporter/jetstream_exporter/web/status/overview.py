"""The first page: what is wrong now, the servers, and the worst streams and consumers."""

from jetstream_exporter.snapshot import Meta, Server
from jetstream_exporter.snapshot.rows import Shard
from jetstream_exporter.status import states
from jetstream_exporter.status.facts import of_cluster, of_server
from jetstream_exporter.status.numbers import size, span
from jetstream_exporter.web.status import lists
from jetstream_exporter.web.status.findings import MOST, listed, not_judged
from jetstream_exporter.web.status.frame import Shown, badge, cell, document, href, integer, table
from jetstream_exporter.web.status.html import Html, el, join, link

FEW = 20  # streams, and consumers


def page(shown: Shown) -> str:
    body = join(
        (
            wrong(shown),
            servers(shown),
            lists.few_streams(shown, FEW),
            lists.few_consumers(shown, FEW),
            limits(shown),
        )
    )
    return document("JetStream status", body, shown, here="/")


def wrong(shown: Shown) -> Html:
    """Everything above info at once; what is only worth knowing on demand."""
    found = shown.view.findings
    serious = [each for each in found if each.alert.severity != "info"]
    infos = found[len(serious) :]
    parts = [
        el("h2", "What is wrong now"),
        el("p", counted(shown)),
        listed(serious[:MOST], shown, nothing="Nothing is known to be wrong."),
    ]
    if len(serious) > MOST:
        parts.append(el("p", f"{len(serious) - MOST:,} more are not shown here."))
    if infos:
        summary = el("summary", f"About the configuration ({len(infos):,})")
        rest = [el("p", f"{len(infos) - MOST:,} more are not shown here.")] if infos[MOST:] else []
        parts.append(el("details", summary, listed(infos[:MOST], shown, nothing=""), *rest))
    return el("section", *parts)


def counted(shown: Shown) -> Html:
    return join(
        piece
        for severity in ("critical", "warning")
        for count in (shown.view.counts[severity],)
        for piece in (badge(f"{count:,} {severity}", severity if count else "ok"), " ")
    )


def servers(shown: Shown) -> Html:
    snapshot = shown.view.snapshot
    metas = {row.cluster: row for row in snapshot.metas}
    names = sorted({row.cluster for row in snapshot.servers} | set(metas))
    parts = [el("h2", "Servers")]
    if not names:
        nothing = in_first_shard(snapshot.shard) or "No server has answered, and none is known."
        parts.append(el("p", nothing))
    for name in names:
        rows = [row for row in snapshot.servers if row.cluster == name]
        rows.sort(key=lambda row: states.SERVER.index(shown.view.servers[of_server(row)]))
        meta = metas.get(name)
        parts.append(el("h3", f"Cluster {name}" if name else "Without a cluster"))
        if meta is not None:
            parts.append(leadership(meta, shown))
        parts.append(server_table(rows, meta, shown))
    return el("section", *parts)


def in_first_shard(shard: Shard | None) -> str:
    """Where the servers are, for a shard that shows none; empty if this is the one that does."""
    if shard is None or not shard.index:
        return ""
    which = f"This exporter is shard {shard.index}/{shard.total}"
    return f"{which} and shows its accounts only. Shard 0 shows the servers."


def leadership(meta: Meta, shown: Shown) -> Html:
    word = shown.view.metas[of_cluster(meta.cluster)]
    led = f"{meta.leader} leads" if meta.leader else "no server is known to lead"
    members = f"{states.members(meta)}; {meta.quorum_needed} are needed."
    return el("p", "Meta group: ", badge(word), f" {led}, {members}")


def server_table(rows: list[Server], meta: Meta | None, shown: Shown) -> Html:
    head: list[Html | str] = [
        "State",
        "Server",
        "Role",
        "Version",
        "Uptime",
        "File store",
        "Memory store",
        "Streams led",
        "Consumers led",
        "Connections",
    ]
    body = [_server(row, meta, shown) for row in rows]
    return table(head, body, "Servers")


def _server(row: Server, meta: Meta | None, shown: Shown) -> Html:
    process, jetstream = row.process, row.jetstream
    leads = meta is not None and meta.leader == row.name
    start = process.start if process else None
    file = jetstream.file if jetstream else None
    memory = jetstream.memory if jetstream else None
    return el(
        "tr",
        cell("State", badge(shown.view.servers[of_server(row)])),
        cell("Server", link(href(of_server(row)), row.name or "(no name)")),
        cell("Role", "meta leader" if leads else "not a target" if row.configured is False else ""),
        cell("Version", process.version if process else "–"),
        cell("Uptime", "–" if start is None else span(max(0.0, shown.view.time - start))),
        cell("File store", store(file.used, file.limit) if file else "–"),
        cell("Memory store", store(memory.used, memory.limit) if memory else "–"),
        cell("Streams led", integer(row.stream_leaders), number=True),
        cell("Consumers led", integer(row.consumer_leaders), number=True),
        cell("Connections", integer(process.connections if process else None), number=True),
    )


def store(used: int | None, limit: int | None) -> str:
    if used is None:
        return "–"
    if not limit:
        return f"{size(used)}, no limit"
    return f"{size(used)} of {size(limit)} ({used / limit:.1%})"


def limits(shown: Shown) -> Html:
    """What this page does not know."""
    watched = shown.view.watched_for
    since = (
        f"The exporter has watched for {span(watched)}. A condition that lasted longer is shown as "
        "having held for at least that long. Some conditions are noticed only after minutes of watching."
    )
    snapshot = shown.view.snapshot
    exporter = snapshot.exporter
    dropped = sum(exporter.dropped.values()) if exporter is not None else 0
    parts = [el("h2", "What this page does not show"), el("p", since)]
    if dropped:
        what = f"{dropped:,} objects are left out because a limit of the exporter is reached."
        parts.append(el("p", badge("warning", "warning"), f" {what}"))
    if snapshot.conflicts:
        items = [el("li", each) for each in snapshot.conflicts]
        parts += [el("p", "Some names are not unique:"), el("ul", *items)]
    return el("section", *parts, not_judged())
