"""When a server's list of streams is whole. Said once, for every source that asks the servers themselves.

A server that starts lists what it has recovered so far, and one that stops what it has not closed yet. Its health says
so: a list is whole where the server was healthy before it and after it. Where nothing points to a start or a stop since
the last whole list, one answer about the health is enough.
"""

import msgspec

from jetstream_exporter.report import Health, is_unread
from jetstream_exporter.wire import Jsz, Varz


class LastList(msgspec.Struct, frozen=True):
    """What is remembered of a server's last list; `start` is the server's, None where that list was not whole."""

    start: object = None
    streams: int = 0
    consumers: int = 0


def is_settled(last: LastList, varz: Varz | None, jsz: Jsz) -> bool:
    """Whether nothing points to a start or a stop since the last whole list, so that health need not be asked twice."""
    return varz is not None and varz.start == last.start and not shrank(last, jsz)


def shrank(last: LastList, jsz: Jsz) -> bool:
    """Whether it lists less than before: deleted meanwhile, or closed by a server that stops."""
    return jsz.streams < last.streams or jsz.consumers < last.consumers


def remembered(
    last: LastList, varz: Varz | None, health: Health | None, jsz: Jsz | None
) -> LastList:
    """What to remember after a scrape; `health` is the worse answer of those before and after the list."""
    is_whole = jsz is not None and not is_unread(jsz) and health is not None and health.code == 200
    start = varz.start if is_whole and varz is not None else None
    if jsz is None:
        return LastList(start, last.streams, last.consumers)
    return LastList(start, jsz.streams, jsz.consumers)
