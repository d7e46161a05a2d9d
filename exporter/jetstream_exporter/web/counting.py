"""Counts the requests that were answered, by route and status code. What no route has, method included, is one path."""

from collections import Counter

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

OTHER = "other"


def counting(counts: Counter[tuple[str, str]]) -> Middleware:
    """A client that leaves before it is answered, or is cut off, does not count."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        path = OTHER if resource is None else resource.canonical
        try:
            response = await handler(request)
        except web.HTTPException as error:
            counts[path, str(error.status)] += 1
            raise
        except Exception:
            counts[path, "500"] += 1
            raise
        if request.transport is not None and not request.transport.is_closing():
            counts[path, str(response.status)] += 1
        return response

    return count
