"""What the other modules share: the base of every struct, and what several APIs answer with."""

import msgspec


class Wire(msgspec.Struct, gc=False):
    """A part of an answer. It forms no cycles, so the garbage collector need not track a hundred thousand of them."""


class ApiError(Wire):
    code: int = 0
    err_code: int = 0
    description: str = ""


class ApiStats(Wire):
    total: int = 0
    errors: int = 0
    inflight: int = 0
    level: int = 0  # of the API that this version serves, 2.11 and newer
