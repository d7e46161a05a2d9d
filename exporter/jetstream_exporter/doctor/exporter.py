"""Whether a running exporter can be reached where Prometheus would scrape it, and has values."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import aiohttp

from jetstream_exporter.doctor.result import Result, State
from jetstream_exporter.report import LATE
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.http.client import error_text

TIMEOUT = aiohttp.ClientTimeout(total=15)
LARGEST = 2**30  # bytes of /metrics, several times what an exporter of 100,000 consumers says
LONGEST = 2**18  # bytes of a line
SERVER, TARGET, SHARD = (
    "nats_server_up{",
    "jetstream_exporter_source_up{",
    "jetstream_exporter_shard_info{",
)
EVENTS = 'source="advisories"'  # brings no figures
UNREADABLE = (
    "Check that the URL is the one of a jetstream-exporter, and that no proxy answers in its place."
)
ADVICE = (
    "Check the address (port 18222), that the Service selects the pods of the exporter (kubectl get endpointslices), "
    "and network policies."
)


async def results(url: str) -> list[Result]:
    base = url.rstrip("/")
    # The certificate is for whoever scrapes from outside.
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    connector = aiohttp.TCPConnector(ssl=unverified)
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT, connector=connector) as http:
            async with http.get(f"{base}/-/ready") as answer:
                if answer.status != 200:
                    seen = f"/-/ready answered {answer.status}"
                    advice = "Wait until the first collection is over, and look at the log of the exporter."
                    return [Result("exporter", State.ERROR, url, seen, advice)]
            async with http.get(f"{base}/metrics") as answer:
                lines = await _lines(answer.content) if answer.status == 200 else []
                return [_metrics(url, answer.status, lines)]
    except SourceError as error:
        return [Result("exporter", State.ERROR, url, str(error), UNREADABLE)]
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        seen = LATE if isinstance(error, TimeoutError) else error_text(error)
        return [Result("exporter", State.ERROR, url, seen, ADVICE)]


async def _lines(content: aiohttp.StreamReader) -> list[str]:
    """Which servers and targets are up, and the shard; SourceError for what Prometheus could not take.

    Only these lines are kept.
    """
    found, size, rest = [], 0, b""
    async for piece in content.iter_any():
        size += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        if size > LARGEST or len(rest) > LONGEST:
            raise SourceError(f"/metrics is larger than {LARGEST} bytes, or has a line without end")
        found += _kept(lines)
    return found + _kept([rest])


def _kept(lines: Sequence[bytes]) -> list[str]:
    try:
        texts = [line.decode().rstrip() for line in lines]
    except UnicodeDecodeError:
        raise SourceError("/metrics is not UTF-8, so Prometheus takes nothing of it") from None
    return [text for text in texts if text.startswith((SERVER, TARGET, SHARD))]


def _metrics(url: str, status: int, lines: Sequence[str]) -> Result:
    if status == 401:
        return Result(
            "exporter",
            State.SKIPPED,
            url,
            "it is ready, and its metrics want a password, which this check does not have",
        )
    if status != 200:
        advice = "Look at the log of the exporter, and at /debug/sources."
        return Result("exporter", State.ERROR, url, f"/metrics answered {status}", advice)
    # A shard besides the first has no servers to export, whatever they answer.
    has_none = any(line.startswith(SHARD) and 'shard="0"' not in line for line in lines)
    wanted = TARGET if has_none else SERVER
    up = [line for line in lines if line.startswith(wanted) and EVENTS not in line]
    answering = sum(line.endswith(" 1") for line in up)
    who = "targets answer this shard" if has_none else "servers answer it"
    seen = f"{answering} of {len(up)} {who}"
    if answering:
        return Result("exporter", State.OK, url, seen)
    advice = (
        "Check the configuration and the network policies of the exporter, and open /debug/sources."
    )
    return Result("exporter", State.ERROR, url, seen, advice)
