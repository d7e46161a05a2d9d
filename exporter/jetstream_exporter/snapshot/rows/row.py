"""The base of every row."""

import msgspec


class Row(msgspec.Struct, gc=False):
    """One object of the merged truth."""
