"""Findings as text for people, as JSON, as SARIF for code scanning, as JUnit for CI."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from jetstream_exporter import __version__
from jetstream_exporter.audit.finding import Check, Finding, Severity
from jetstream_exporter.runtime.terminal import count_of, one_line, painted

Checks = Sequence[Check[Any]]
COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.INFO: "36"}
SARIF_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
# What XML 1.0 calls no Char.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def text(findings: Sequence[Finding], checks: Checks, *, colour: bool = False) -> str:
    """One paragraph a check and reason: what was seen where, then once why it matters and what to do."""
    lines: list[str] = []
    for _, alike in itertools.groupby(findings, lambda f: (f.check, f.severity, f.why, f.advice)):
        same = list(alike)
        lines.append(_paint(same[0], colour))
        for finding in same:
            where = f"{finding.file}: " if finding.file else ""
            lines.append(one_line(f"  {where}{finding.object}: {finding.seen}"))
        why, advice = one_line(same[0].why), one_line(same[0].advice)
        lines += [f"  why: {why}", f"  do:  {advice}", ""]
    return "\n".join([*lines, summary(findings, checks)]) + "\n"


def _paint(finding: Finding, colour: bool) -> str:
    word = f"{finding.severity}"
    if colour:
        word = painted(word, COLOURS[finding.severity])
    return f"{word} {finding.check}"


def summary(findings: Sequence[Finding], checks: Checks) -> str:
    counts = [
        count_of(sum(f.severity == severity for f in findings), str(severity))
        for severity in sorted(Severity, reverse=True)
    ]
    return f"{len(checks)} checks: {', '.join(counts)}"


def as_json(findings: Sequence[Finding], checks: Checks) -> str:
    found = [{**dataclasses.asdict(f), "severity": str(f.severity)} for f in findings]
    return (
        json.dumps({"checks": [check.name for check in checks], "findings": found}, indent=2) + "\n"
    )


def sarif(findings: Sequence[Finding], checks: Checks) -> str:
    rules = [
        {
            "id": check.name,
            "shortDescription": {"text": check.title},
            "fullDescription": {"text": check.why},
            "help": {"text": check.advice},
            "defaultConfiguration": {"level": SARIF_LEVEL[check.severity]},
        }
        for check in checks
    ]
    driver = {"name": "jetstream-exporter audit", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "results": [_result(finding) for finding in findings]}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": finding.object}]}
    if finding.file:
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(finding.file)}}
    return {
        "ruleId": finding.check,
        "level": SARIF_LEVEL[finding.severity],
        "message": {"text": f"{finding.object}: {finding.seen}. {finding.advice}"},
        "locations": [location],
    }


def _uri(file: str) -> str:
    """As SARIF wants it: relative to where the audit ran, or of the scheme file."""
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


def junit(findings: Sequence[Finding], checks: Checks) -> str:
    """One test case per check; a finding of severity info does not fail it."""
    suite = ET.Element("testsuite", name="jetstream-exporter audit", tests=str(len(checks)))
    failed = 0
    for check in checks:
        case = ET.SubElement(
            suite, "testcase", classname="audit", name=f"{check.name}: {check.title}"
        )
        own = [finding for finding in findings if finding.check == check.name]
        bad = [finding for finding in own if finding.severity > Severity.INFO]
        if bad:
            failed += 1
            failure = ET.SubElement(case, "failure", type=str(max(f.severity for f in bad)))
            advice = " ".join(dict.fromkeys(finding.advice for finding in bad))
            failure.set("message", _clean(f"{len(bad)} found; {advice}"))
            failure.text = _clean("\n".join(_line(finding) for finding in bad))
        rest = [finding for finding in own if finding.severity == Severity.INFO]
        if rest:
            ET.SubElement(case, "system-out").text = _clean("\n".join(map(_line, rest)))
    suite.set("failures", str(failed))
    ET.indent(suite)
    # ASCII, with references for the rest: right whatever the encoding of standard output is.
    written: bytes = ET.tostring(suite, encoding="us-ascii", xml_declaration=True)
    return written.decode() + "\n"


def _line(finding: Finding) -> str:
    where = f"{finding.file}: " if finding.file else ""
    return f"{finding.severity}: {where}{finding.object}: {finding.seen}"


def _clean(text: str) -> str:
    """XML has no way to write most control characters, and a stream's name may hold one."""
    return NOT_XML.sub("\ufffd", text)


FORMATS: dict[str, Callable[[Sequence[Finding], Checks], str]] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "junit": junit,
}
