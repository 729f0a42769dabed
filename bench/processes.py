"""Running a command as somebody else's model deserves: alone, without network, with a deadline, and measured."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
"""Where commands run: the packages here are not installed."""


@dataclass(frozen=True)
class ProcessEnd:
    """How a process ended, and what it took."""

    status: int
    """Exit code, or minus the signal's number."""
    seconds: float
    cpu_seconds: float
    """Of the processor's time, in it and all that it waited for."""
    peak_bytes: int
    """Largest resident size of one process of it: the largest child of a supervisor, not their sum."""
    timed_out: bool


def without_network() -> tuple[str, ...]:
    """Return what to put before a command so that it has a network with nothing in it, loopback included."""
    return ("unshare", "--net", "--") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--net", "--")


def run(command: Sequence[str], log: Path, timeout_seconds: float | None = None) -> ProcessEnd:
    """Run a command to its end, its output in a log; at its deadline it and all it started are killed."""
    started = time.monotonic()
    late = threading.Event()
    with log.open("wb") as output:
        child = subprocess.Popen(
            list(command), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )

    def end() -> None:
        late.set()
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)

    timer = threading.Timer(timeout_seconds, end) if timeout_seconds is not None else None
    if timer is not None:
        timer.start()
    try:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if timer is not None:
            timer.cancel()
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    seconds = time.monotonic() - started
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return ProcessEnd(child.returncode, seconds, cpu_seconds, usage.ru_maxrss * 1024, late.is_set())
