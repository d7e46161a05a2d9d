"""Labels as both text formats write them, and those of many rows at once."""

from collections.abc import Iterable, Sequence
from itertools import compress


def label_text(names: Sequence[str], values: Sequence[str]) -> str:
    """`{name="value",…}` with the formats' three escapes; empty without labels."""
    if not names:
        return ""
    pairs = (f'{name}="{escape(value)}"' for name, value in zip(names, values, strict=True))
    text = "{" + ",".join(pairs) + "}"
    # A half of a surrogate pair is no character, and cannot be encoded.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


class Labels:
    """The labels of each row as text with a space behind it, in two parts: `starts` and `texts`; and their bytes.

    A start is the opening brace, or nothing where there are no labels. Where each row has its own, it is the labels
    that a table adds to those of another: the texts are the same objects for both.
    """

    __slots__ = ("size", "starts", "texts")

    def __init__(self, texts: Sequence[bytes], starts: bytes | Sequence[bytes] = b"{") -> None:
        self.texts, self.starts = texts, starts
        begun = len(starts) * len(texts) if isinstance(starts, bytes) else sum(map(len, starts))
        self.size = begun + sum(map(len, texts))

    def each_start(self) -> Iterable[bytes]:
        """The start of each row."""
        return [self.starts] * len(self.texts) if isinstance(self.starts, bytes) else self.starts

    def chosen(self, is_there: bytes | None) -> "Labels":
        """Those of the rows that are there, a byte for each; None is all of them."""
        if is_there is None:
            return self
        starts = self.starts
        if not isinstance(starts, bytes):
            starts = list(compress(starts, is_there))
        return Labels(list(compress(self.texts, is_there)), starts)
