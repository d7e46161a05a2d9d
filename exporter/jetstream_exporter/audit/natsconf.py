"""The few settings of a nats.conf that the checklist reads. Not a parser: includes and variables stay unread."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"(?m)(^|\s)(#|//).*$")
_SIZE = re.compile(r"(\d+)\s*([kmgt])?(i?b|i)?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
_POWER = {"k": 1, "m": 2, "g": 3, "t": 4}
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_KUBERNETES = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE]i|[kMGTPE])?")
_POWERS = "kmgtpe"


class NatsConf:
    def __init__(self, text: str, file: str = "nats.conf") -> None:
        self.file = file
        self._text = _COMMENT.sub(r"\1", text)

    def value(self, name: str) -> str | None:
        """The first value of this name, wherever it stands."""
        found = re.search(
            rf'(?<![\w.])"?{name}"?\s*[:=\s]\s*"?([^\s",;}}\]]+)',
            self._text,
            re.IGNORECASE,
        )
        return found[1] if found else None

    def has(self, name: str) -> bool:
        return re.search(rf'(?<![\w.])"?{name}"?\s*[:={{\s]', self._text) is not None

    def duration(self, name: str) -> float | None:
        value = self.value(name)
        parts = _DURATION.findall(value or "")
        return sum(float(number) * _SECONDS[unit] for number, unit in parts) if parts else None


def size(text: str) -> int | None:
    """Bytes as nats-server reads them: 1G is 10^9, and 1GB, 1Gi and 1GiB are 2^30 (conf/parse.go)."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return None
    base = 1024 if found[3] else 1000
    power = _POWER.get((found[2] or "").lower(), 0)
    return int(found[1]) * int(base**power)


def quantity(text: str) -> int | None:
    """Bytes as Kubernetes reads them: 1G is 10^9 and 1Gi is 2^30."""
    found = _KUBERNETES.fullmatch(text)
    if found is None:
        return None
    unit = found[2] or ""
    power = _POWERS.index(unit[0].lower()) + 1 if unit else 0
    return int(float(found[1]) * (1024 if unit.endswith("i") else 1000) ** power)
