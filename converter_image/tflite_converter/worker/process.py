"""The process that runs an untrusted model, from its start to its end.

It is a fresh one (a fork of one with threads deadlocks in TensorFlow), with nothing of this process's environment but
what it needs. It loads TensorFlow before it reads its order, so it is started before anything else here is imported:
this module needs the standard library alone.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from tflite_converter.worker.cgroup import MemoryGroup

_PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h"""
_KEPT_VARIABLES: Final = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "TZ")


def shut_off() -> None:
    """Have the kernel let no other process of this user into what is open or in memory here.

    Else the model's code could write to the container's log by /proc/1/fd/2: lines that look like ours.
    """
    import ctypes  # noqa: PLC0415 - the child starts before this is needed

    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


class Child:
    """A process with its scratch folder; leaving `with` ends the one and removes the other."""

    def __init__(self, command: list[str]) -> None:
        """Start it; the number of the file descriptor that it reports on is appended to the command."""
        group = MemoryGroup.of_this_process()
        self.kills_before = (group.kills() if group else None) or 0
        """How many processes of this control group the kernel had killed for lack of memory."""
        self.scratch = Path(tempfile.mkdtemp(prefix="convert-"))
        """Its working, home and temporary folder."""
        reading, writing = os.pipe()
        try:
            self.process = subprocess.Popen(
                [*command, str(writing)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.scratch,
                env=environment(os.environ, self.scratch),
                pass_fds=(writing,),
                start_new_session=True,
            )
        finally:
            os.close(writing)
        self.report: BinaryIO = os.fdopen(reading, "rb")

    def kill(self) -> None:
        """End it and all that it has started in its session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        """Return the process itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """End it, if it has not ended yet, and remove what it left in its scratch folder."""
        self.kill()
        if self.process.returncode is None:
            self.process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)


def command(module: str) -> list[str]:
    """Return the command that runs a module; `-P` keeps the working folder off its import path."""
    return [sys.executable, "-P", "-m", module]


def environment(ours: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Return the child's environment: a few variables of ours, none of which may be a secret."""
    kept = {name: ours[name] for name in _KEPT_VARIABLES if name in ours}
    if "PYTHONPATH" in kept:
        # The child starts in another folder.
        kept["PYTHONPATH"] = os.pathsep.join(
            str(Path(part).absolute()) for part in kept["PYTHONPATH"].split(os.pathsep)
        )
    return kept | {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "USER": "converter",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "",
        # TensorFlow's threads would each keep an arena of what they freed, and large tensors go back to the kernel at
        # once: together a twentieth to a fifteenth of the peak (own measurement, `make bench`; `man mallopt`).
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": "1048576",
    }
