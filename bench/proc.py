"""What Linux says of a process: processor time and memory, of it and of its children."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Ticks:
    own: int
    waited_for: int  # of children that have ended


def parse_stat(stat: str) -> Ticks:
    """Read /proc/<pid>/stat. The name in parentheses may hold spaces and parentheses itself."""
    fields = stat.rpartition(")")[2].split()
    # man proc_pid_stat counts from 1 with pid and name: utime is 14, here 11.
    utime, stime, cutime, cstime = map(int, fields[11:15])
    return Ticks(own=utime + stime, waited_for=cutime + cstime)


def parse_status(status: str, field: str) -> int:
    """Bytes of a field of /proc/<pid>/status that is given in kB."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise ValueError(f"/proc/<pid>/status has no {field}")


@dataclass(frozen=True, slots=True)
class Process:
    """A process and its descendants, which an exporter may use to render beside its loop."""

    pid: int

    def cpu_seconds(self) -> float:
        """Its clocks have nanoseconds. Of children that have ended only ticks of 10 ms are known."""
        tree = self._tree()
        ticks = sum(parse_stat(_read(pid, "stat")).waited_for for pid in tree)
        return sum(map(_own_seconds, tree)) + ticks / TICKS_PER_SECOND

    def peak_bytes(self) -> int:
        """Sum of each process' own peak: never less than what was resident at one time."""
        return sum(parse_status(_read(pid, "status"), "VmHWM") for pid in self._tree())

    def forget_peak(self) -> None:
        for pid in self._tree():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _tree(self) -> list[int]:
        found = [self.pid]
        for pid in found:  # grows while it is walked
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        return found


def _own_seconds(pid: int) -> float:
    """Linux makes the number of a process's clock from its pid (MAKE_PROCESS_CPUCLOCK)."""
    return time.clock_gettime((~pid << 3) | 2)


def _read(pid: int, file: str) -> str:
    return Path(f"/proc/{pid}/{file}").read_text()
