"""The base of every row."""

import msgspec


class Row(msgspec.Struct, gc=False, frozen=True):
    """One object of the merged truth. Whoever knows more of it makes another row."""
