"""Recorded processes: exactly these are watched and ended, never another one under the same id.

A process id alone is not enough: ids are used again. The id, the time the process started (in clock ticks
since boot) and the identity of that boot together name one process for ever.
"""

import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process, past or present."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """Return the running process of an id, or None."""
        stat = read_stat(pid)
        return None if stat is None else cls(pid, stat.started, boot_identity())

    def is_alive(self) -> bool:
        """Return whether this very process runs; a zombie does not."""
        stat = read_stat(self.pid)
        return self.boot == boot_identity() and is_same(self.started, stat)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, to this very process or to none."""
        # The descriptor pins the process: the id cannot pass on between the check and the signal.
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.is_alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)

    def stop(self, grace: float) -> None:
        """Send SIGTERM, after the grace SIGKILL, and return when it is gone."""
        self.signal(signal.SIGTERM)
        if not self.wait_gone(grace):
            self.signal(signal.SIGKILL)
            self.wait_gone(10)

    def wait_gone(self, timeout: float) -> bool:
        """Wait until it has ended; return whether it has."""
        deadline = time.monotonic() + timeout
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def to_json(self) -> dict[str, Any]:
        """Return what a record keeps."""
        return asdict(self)


@dataclass(frozen=True)
class Stat:
    """The part of /proc/PID/stat that matters here."""

    state: str
    parent: int
    started: int


def parse_stat(text: str) -> Stat:
    """Read /proc/PID/stat. The program's name may hold spaces and brackets, so fields count from its end."""
    fields = text[text.rindex(")") + 2 :].split()
    return Stat(state=fields[0], parent=int(fields[1]), started=int(fields[19]))


def read_stat(pid: int) -> Stat | None:
    """Read a process's stat; None when there is no such process."""
    try:
        return parse_stat((PROC / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_same(started: int, stat: Stat | None) -> bool:
    """Return whether what runs under an id now is what was recorded, and no zombie."""
    return stat is not None and stat.started == started and stat.state not in "ZX"


def boot_identity() -> str:
    """Return the random id that the kernel chooses at every boot."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def arguments(pid: int) -> list[str]:
    """Return a process's command line; empty for one that is gone, or that belongs to the kernel."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def all_pids() -> list[int]:
    """Return the ids of all processes of the machine."""
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def only_child(pid: int, timeout: float = 5) -> int | None:
    """Return the child of a process that is about to fork once, or None if it ended instead."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        stat = read_stat(pid)
        if stat is None or stat.state in "ZX":
            return None
        for line in _children(pid):
            return line
        time.sleep(0.002)
    return None


def _children(pid: int) -> list[int]:
    listed = PROC / str(pid) / "task" / str(pid) / "children"
    try:
        return [int(child) for child in listed.read_text().split()]
    except FileNotFoundError:  # a kernel without this list, or a process that has just gone
        stats = ((other, read_stat(other)) for other in all_pids())
        return [other for other, stat in stats if stat is not None and stat.parent == pid]
