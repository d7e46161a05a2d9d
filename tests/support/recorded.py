"""Answers that real servers gave, as the reports that a source makes of them."""

import json
from pathlib import Path
from typing import Any

import msgspec

from jetstream_exporter.report import Health, ServerReport
from jetstream_exporter.wire import Jsz, Varz

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
HEALTHY = Health(200)
NO_META_LEADER = Health(503, "JetStream has not established contact with a meta leader")

_varz = msgspec.json.Decoder(Varz)
_jsz = msgspec.json.Decoder(Jsz)


def report(varz: bytes, jsz: bytes | None, health: Health | None = HEALTHY) -> ServerReport:
    said = _varz.decode(varz)
    return ServerReport(
        server_id=said.server_id,
        server_name=said.server_name,
        cluster=said.cluster.name,
        version=said.version,
        varz=said,
        health=health,
        jsz=None if jsz is None else _jsz.decode(jsz),
        with_config=jsz is not None,
    )


def three_servers(version: str) -> list[ServerReport]:
    """All of a healthy cluster, asked with configurations."""
    folder = PAYLOADS / "versions" / version
    return [
        report((folder / f"varz_{n}.json").read_bytes(), (folder / f"jsz_{n}.json").read_bytes())
        for n in (1, 2, 3)
    ]


def survivor(version: str) -> list[ServerReport]:
    """The one server that is left after two of three were killed. Its healthz said 503 for good."""
    jsz = (PAYLOADS / "versions" / version / "jsz_noquorum_survivor.json").read_bytes()
    spoke = _jsz.decode(jsz).server_id
    (who,) = [r for r in three_servers(version) if r.server_id == spoke]
    return [msgspec.structs.replace(who, health=NO_META_LEADER, jsz=_jsz.decode(jsz))]


def edge_cases() -> list[tuple[str, str]]:
    """Every recorded case with its versions."""
    return sorted((path.parent.name, path.stem) for path in PAYLOADS.glob("edge-cases/*/*.json"))


def moments(case: str, version: str) -> dict[str, list[ServerReport]]:
    """The moments of a recorded case, each with the reports of the servers that answered."""
    recorded = json.loads((PAYLOADS / "edge-cases" / case / f"{version}.json").read_bytes())
    return {
        moment["name"]: [_answers(server) for server in moment["servers"] if server["varz"]]
        for moment in recorded["moments"]
    }


def _answers(server: dict[str, Any]) -> ServerReport:
    """Of the verdicts before and after the list the worse counts, as when the exporter asks."""
    verdicts = [
        Health(verdict["status"], verdict["body"].get("error", ""))
        for verdict in server["healthz"]
        if verdict is not None
    ]
    worst = max(verdicts, key=lambda health: health.code) if len(verdicts) == 2 else None
    jsz = server["jsz"]
    return report(json.dumps(server["varz"]).encode(), jsz and json.dumps(jsz).encode(), worst)


# The edge cases that versions differ in are recorded from the oldest and the newest of their day.
OLD, *_, NEW = sorted({v for _, v in edge_cases()}, key=lambda v: [int(n) for n in v.split(".")])
