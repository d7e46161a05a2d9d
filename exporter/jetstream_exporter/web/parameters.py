"""The parameters of a request's URL. What an endpoint does not know is refused, since it would be ignored silently."""

from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

from jetstream_exporter.config.shard import Shard
from jetstream_exporter.runtime.terminal import one_line
from jetstream_exporter.scrape import slices
from jetstream_exporter.scrape.slices import Slice, SliceError
from jetstream_exporter.web.status.frame import IDENTITY

Read = TypeVar("Read")

LIST = ("q", "state", "sort", "page")
OBJECT = ("cluster", "server", "account", "stream", "consumer")
PARAMETERS: dict[str, tuple[str, ...]] = {
    "/metrics": ("name[]", "shard"),
    "/metrics/config": ("name[]", "shard"),
    "/probe": ("target", "name[]"),
    "/sd": ("shards",),
    "/streams": LIST,
    "/consumers": LIST,
    **{f"/{kind}": names for kind, names in IDENTITY.items()},
}
PREFIXES = {"/runbooks/": OBJECT}  # the same for every path that begins so
LONGEST = 512  # characters of a parameter of a page


def check_parameters(request: web.Request) -> None:
    """400 for a parameter that this endpoint does not have."""
    known = next(
        (names for prefix, names in PREFIXES.items() if request.path.startswith(prefix)),
        PARAMETERS.get(request.path, ()),
    )
    for name in request.query:
        if name not in known:
            has = f"it has {' and '.join(known)}" if known else "it has none"
            text = f"{request.path} has no parameter {one_line(name[:80])!r}; {has}\n"
            raise web.HTTPBadRequest(text=text)


def wanted_names(request: web.Request) -> frozenset[str] | None:
    """The families that `name[]` asks for; None for all."""
    names = request.query.getall("name[]", [])
    return frozenset(names) if names else None


def wanted_slice(request: web.Request) -> Slice | None:
    """The slice that `shard` asks for; None for all objects. 400 where it is none."""
    return _once(request, "shard", slices.parse)


def refuse_slices(request: web.Request, shard: Shard) -> None:
    """400 where a shard is asked for slices: they would be told apart by the same label as the shards."""
    for name in ("shard", "shards"):
        if shard.is_divided and name in request.query:
            text = (
                f"parameter {name}: this exporter is shard {shard} of a cluster and has no slices; "
                "scrape /metrics of each shard\n"
            )
            raise web.HTTPBadRequest(text=text)


def wanted_slices(request: web.Request) -> int | None:
    """The number of slices that `shards` asks for. 400 where it is none."""
    return _once(request, "shards", slices.total_of)


def single(request: web.Request, name: str) -> str:
    """The value of a parameter of a page, empty where it is left out. 400 where it is there twice, or too long."""
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise web.HTTPBadRequest(text=f"set the parameter {name} only once\n")
    if values and len(values[0]) > LONGEST:
        raise web.HTTPBadRequest(text=f"parameter {name}: at most {LONGEST} characters\n")
    return values[0] if values else ""


def _once(request: web.Request, name: str, read: Callable[[str], Read]) -> Read | None:
    values = request.query.getall(name, [])
    if not values:
        return None
    if len(values) > 1:
        raise web.HTTPBadRequest(text=f"set the parameter {name} only once\n")
    try:
        return read(values[0])
    except SliceError as error:
        raise web.HTTPBadRequest(text=f"parameter {name}: {error}\n") from None
