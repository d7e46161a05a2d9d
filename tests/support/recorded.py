"""Answers that real servers gave, as the reports that a source makes of them."""

import json
from pathlib import Path
from typing import Any

import msgspec

from jetstream_exporter.report import Health, Report
from jetstream_exporter.wire import Jsz, Varz

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
VERSIONS = ("2.10.26", "2.11.11", "2.12.0", "2.12.8", "2.14.5", "2.15.0", "2.15.1")
HEALTHY = Health(200)
NO_META_LEADER = Health(503, "JetStream has not established contact with a meta leader")

_varz = msgspec.json.Decoder(Varz)
_jsz = msgspec.json.Decoder(Jsz)


def report(varz: bytes, jsz: bytes | None, health: Health | None = HEALTHY) -> Report:
    said = _varz.decode(varz)
    return Report(
        server_id=said.server_id,
        server_name=said.server_name,
        cluster=said.cluster.name,
        version=said.version,
        varz=said,
        health=health,
        jsz=None if jsz is None else _jsz.decode(jsz),
        with_config=jsz is not None,
    )


def three_servers(version: str) -> list[Report]:
    """All of a healthy cluster, asked with configurations."""
    folder = PAYLOADS / "versions" / version
    return [
        report((folder / f"varz_{n}.json").read_bytes(), (folder / f"jsz_{n}.json").read_bytes())
        for n in (1, 2, 3)
    ]


def survivor(version: str) -> list[Report]:
    """The one server that is left after two of three were killed. Its healthz said 503 for good."""
    jsz = (PAYLOADS / "versions" / version / "jsz_noquorum_survivor.json").read_bytes()
    spoke = _jsz.decode(jsz).server_id
    (who,) = [r for r in three_servers(version) if r.server_id == spoke]
    return [msgspec.structs.replace(who, health=NO_META_LEADER, jsz=_jsz.decode(jsz))]


def dangers() -> list[tuple[str, str]]:
    """Every recorded danger with its versions."""
    return sorted((path.parent.name, path.stem) for path in PAYLOADS.glob("dangers/*/*.json"))


def moments(danger: str, version: str) -> dict[str, list[Report]]:
    """The moments of a recorded danger, each with the reports of the servers that answered."""
    recorded = json.loads((PAYLOADS / "dangers" / danger / f"{version}.json").read_bytes())
    return {
        moment["name"]: [_answers(server) for server in moment["servers"] if server["varz"]]
        for moment in recorded["moments"]
    }


def _answers(server: dict[str, Any]) -> Report:
    """Of the verdicts before and after the list the worse counts, as when the exporter asks."""
    verdicts = [
        Health(verdict["status"], verdict["body"].get("error", ""))
        for verdict in server["healthz"]
        if verdict is not None
    ]
    worst = max(verdicts, key=lambda health: health.code) if len(verdicts) == 2 else None
    jsz = server["jsz"]
    return report(json.dumps(server["varz"]).encode(), jsz and json.dumps(jsz).encode(), worst)
