"""A local stand-in for PagerDuty: its Events API v2, a heartbeat, a page of incidents, and faults on request.

The schema is checked as PagerDuty checks it, so that what is accepted here would be accepted there.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from uuid import uuid4

from aiohttp import web

ACTIONS = {"trigger", "acknowledge", "resolve"}
SEVERITIES = {"critical", "error", "warning", "info"}
KEY_LENGTH = 32
SUMMARY_LENGTH = 1024


@dataclass(slots=True)
class Incident:
    """All events with one dedup key, since it was opened."""

    key: str
    events: list[dict[str, Any]] = field(default_factory=list)
    resolved: bool = False

    @property
    def payload(self) -> dict[str, Any]:
        """Of the latest event that triggered."""
        return dict(
            next(e for e in reversed(self.events) if e["event_action"] == "trigger")["payload"]
        )

    @property
    def alert(self) -> str:
        return str(self.payload.get("class", ""))

    @property
    def component(self) -> str:
        return str(self.payload.get("component", ""))

    @property
    def severity(self) -> str:
        return str(self.payload["severity"])

    @property
    def summary(self) -> str:
        return str(self.payload["summary"])

    @property
    def details(self) -> dict[str, Any]:
        details = self.payload.get("custom_details")
        return dict(details) if isinstance(details, Mapping) else {}

    @property
    def severities(self) -> list[str]:
        """Each severity that it had, in order."""
        return [e["payload"]["severity"] for e in self.events if e["event_action"] == "trigger"]

    @property
    def links(self) -> dict[str, str]:
        latest = next(e for e in reversed(self.events) if e["event_action"] == "trigger")
        return {link.get("text", link["href"]): link["href"] for link in latest.get("links", [])}


def mistakes(event: Mapping[str, Any]) -> list[str]:
    """What the Events API v2 would refuse this event for. Class, component, details and links are optional."""
    found = []
    if len(str(event.get("routing_key", ""))) != KEY_LENGTH:
        found.append(f"routing_key must have {KEY_LENGTH} characters")
    if event.get("event_action") not in ACTIONS:
        found.append("event_action must be trigger, acknowledge or resolve")
    if event.get("event_action") != "trigger":
        return found if event.get("dedup_key") else [*found, "dedup_key is missing"]
    payload = event.get("payload") or {}
    if not 0 < len(str(payload.get("summary", ""))) <= SUMMARY_LENGTH:
        found.append(f"payload.summary must have 1 to {SUMMARY_LENGTH} characters")
    if not payload.get("source"):
        found.append("payload.source is missing")
    if payload.get("severity") not in SEVERITIES:
        found.append("payload.severity must be critical, error, warning or info")
    if not all(str(link.get("href", "")).startswith("http") for link in event.get("links", [])):
        found.append("links must have an absolute href")
    return found


class PagerDuty:
    """Takes events, keeps incidents. `faults` holds the HTTP statuses that the next requests get instead."""

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self.incidents: list[Incident] = []
        self.refused: list[tuple[Any, list[str]]] = []
        self.faults: deque[int] = deque()
        self.faulted = 0
        self.heartbeats: list[dict[str, Any]] = []
        self.heartbeat_at = 0.0
        self.url = ""
        self._say = say or (lambda _: None)
        self._runner: web.AppRunner | None = None

    @property
    def open(self) -> list[Incident]:
        return [incident for incident in self.incidents if not incident.resolved]

    def heartbeat_is_missed(self, grace: float) -> bool:
        """Whether the heartbeat has been silent for longer: what a heartbeat service pages for."""
        return bool(self.heartbeat_at) and time.monotonic() - self.heartbeat_at > grace

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        app = web.Application()
        app.router.add_post("/v2/enqueue", self._enqueue)
        app.router.add_post("/heartbeat", self._heartbeat)
        app.router.add_get("/incidents", self._list)
        app.router.add_get("/", self._page)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound = self._runner.addresses[0][1]
        self.url = f"http://{host}:{bound}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _enqueue(self, request: web.Request) -> web.Response:
        try:
            event = await request.json()
        except ValueError:
            event = None
        if self.faults:
            self.faulted += 1
            return web.json_response({"status": "fault"}, status=self.faults.popleft())
        wrong = mistakes(event) if isinstance(event, dict) else ["the event is not a JSON object"]
        if wrong:
            self.refused.append((event, wrong))
            answer = {"status": "invalid event", "message": "Event object is invalid"}
            return web.json_response({**answer, "errors": wrong}, status=400)
        event.setdefault(
            "dedup_key", uuid4().hex
        )  # as PagerDuty does for an event that brings none
        self._take(event)
        return web.json_response(
            {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]},
            status=202,
        )

    def _take(self, event: dict[str, Any]) -> None:
        found = next((i for i in self.open if i.key == event["dedup_key"]), None)
        if event["event_action"] != "trigger":
            if found is not None:
                found.events.append(event)
                found.resolved = True
                self._say(f"resolved   {found.alert} · {found.component}")
            return
        if found is None:
            found = Incident(event["dedup_key"])
            self.incidents.append(found)
        before = found.severities[-1:]
        found.events.append(event)
        if before != [found.severity]:
            self._say(f"{found.severity:<10} {found.alert} · {found.component} · {found.summary}")

    async def _heartbeat(self, request: web.Request) -> web.Response:
        self.heartbeats.append(await request.json())
        self.heartbeat_at = time.monotonic()
        return web.Response()

    async def _list(self, _: web.Request) -> web.Response:
        rows = [
            {
                "alert": incident.alert,
                "severity": incident.severity,
                "component": incident.component,
                "summary": incident.summary,
                "status": "resolved" if incident.resolved else "open",
                "links": incident.links,
                "dedup_key": incident.key,
            }
            for incident in reversed(self.incidents)
        ]
        return web.json_response(rows)

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=page(self.incidents), content_type="text/html")


def row(incident: Incident) -> str:
    status = "resolved" if incident.resolved else incident.severity
    links = " ".join(
        f'<a href="{escape(href)}">{escape(text)}</a>' for text, href in incident.links.items()
    )
    return (
        f'<tr class="{status}"><td>{status}</td><td>{escape(incident.alert)}</td>'
        f"<td>{escape(incident.component)}</td><td>{escape(incident.summary)}<br>"
        f"<small>{escape(str(incident.details.get('description', '')))}</small></td><td>{links}</td></tr>"
    )


def page(incidents: list[Incident]) -> str:
    rows = "\n".join(row(incident) for incident in reversed(incidents))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>Incidents</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ text-align: left; padding: .4rem .8rem; border-bottom: 1px solid #ddd; vertical-align: top; }}
.critical td:first-child {{ background: #c4162a; color: #fff; }}
.warning td:first-child {{ background: #f2b705; }}
.resolved {{ color: #777; }}
</style></head>
<body><h1>Incidents</h1>
<p>A stand-in for PagerDuty. {sum(not i.resolved for i in incidents)} open, {len(incidents)} in all.</p>
<table><tr><th>Status</th><th>Alert</th><th>Component</th><th>What</th><th>Links</th></tr>
{rows}
</table></body></html>
"""
