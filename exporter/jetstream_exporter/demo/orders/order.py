"""An order, and how it looks on the wire."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


class MalformedOrderError(ValueError):
    """A payload that is no order, and will not be one the next time either."""


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    customer: str
    cents: int

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Order:
        try:
            fields = json.loads(payload)
            return cls(str(fields["id"]), str(fields["customer"]), int(fields["cents"]))
        except (ValueError, KeyError, TypeError) as error:
            raise MalformedOrderError(f"not an order: {payload[:60]!r}") from error
