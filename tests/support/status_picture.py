"""Take the picture of docs/status.md anew: `python -m tests.support.status_picture`."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support import status
from tests.support.browser import browser
from tests.support.status import consumer, meta, replica, server, snapshot, stream
from tests.support.web import web

from jetstream_exporter.scrape import Latest
from jetstream_exporter.status.watch import Watch

PICTURE = Path(__file__).resolve().parents[2] / "docs/images/status.png"


def rows(now: float) -> list[Any]:
    """A server is down, and a worker has stopped."""
    late = {"last_delivery": now - 1500, "last_ack": now - 1500, "waiting_pulls": 0}
    behind = [replica("n1"), replica("n2", current=False)]
    return [
        server("n0", start=now - 86400, file=(3 << 30, 8 << 30, 0)),
        server("n1", start=now - 86400, file=(3 << 30, 8 << 30, 0)),
        server("n2", up=False),
        meta(True, False),
        stream(
            figures_={"messages": 18_204, "bytes": 96 << 20, "last_time": now - 2},
            settings_={"max_bytes": 1 << 30},
            raft=status.raft(current=2),
            replicas=behind,
            consumers=3,
        ),
        consumer("billing", pending=1_412, ack_pending=20, **late),
        consumer("email", pending=0, ack_pending=3, last_delivery=now - 1),
        consumer("warehouse", pending=7, ack_pending=1, last_delivery=now - 1),
    ]


async def take() -> bytes:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # its helpers end later
        async with web(["http://127.0.0.1:1"]) as site, browser(Path(folder)) as page:
            now = time.time()
            found, watch = snapshot(*rows(now)), Watch()
            watch.note(found, now - 400)
            memory = watch.note(found, now)
            site.service._pipeline.latest = Latest(found, memory, now, time.monotonic() + 3600)
            await page.size(1100, 1000)
            await page.open(str(site.client.make_url("/")))
            return await page.picture()


if __name__ == "__main__":
    PICTURE.write_bytes(asyncio.run(take()))
