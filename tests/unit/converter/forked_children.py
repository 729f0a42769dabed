"""Children that convert, forked from one process that has imported TensorFlow, where what starts them is not tested.

That import is half of the CPU time of a tiny model's conversion. A fork has all else of a child that was started, but
begins with the same memory as every other: where a recipe is to give the same bytes again, its child is started.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from tflite_converter.worker import process

_SERVER: Final = Path(__file__).with_name("child_server.py")
_PR_SET_CHILD_SUBREAPER: Final = 36
"""linux/prctl.h"""


class ForkedProcess:
    """What a Child needs of a Popen, for a process that another one has forked."""

    def __init__(self, pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.returncode: int | None = None

    def wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class Server:
    """The process that has TensorFlow."""

    def __init__(self, home: Path) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_SERVER), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                cwd=home,
                env=process.environment(os.environ, home),
                pass_fds=(theirs.fileno(),),
            )

    def fork(self, folder: Path, environment: Mapping[str, str], report: int) -> ForkedProcess:
        """Return a child of this process in a folder, which reports on this descriptor.

        Raises:
            RuntimeError: the server has ended; its stderr says why.
        """
        stdin_read, stdin = os.pipe()
        stdout, stdout_write = os.pipe()
        order = json.dumps({"folder": str(folder), "environment": dict(environment)}).encode()
        try:
            with _subreaper():
                socket.send_fds(self._socket, [order], [stdin_read, stdout_write, report])
                answer = self._socket.recv(32)
        finally:
            os.close(stdin_read)
            os.close(stdout_write)
        if not answer:
            raise RuntimeError(f"{_SERVER.name} has ended, with exit code {self._process.wait()}")
        return ForkedProcess(int(answer), os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"))

    def end(self) -> None:
        self._socket.close()
        self._process.wait()


class Starter:
    """Stands for the module subprocess where a Child is started: forks those that convert, and starts all others."""

    PIPE, STDOUT = subprocess.PIPE, subprocess.STDOUT

    def __init__(self, home: Path) -> None:
        self._home = home
        self._server: Server | None = None

    def Popen(self, command: Sequence[str], **settings: Any) -> "ForkedProcess | subprocess.Popen[bytes]":  # noqa: N802 - its name there
        (report,) = settings["pass_fds"]
        if list(command) != [*process.command("tflite_converter.convert.child"), str(report)]:
            return subprocess.Popen(command, **settings)
        if self._server is None:
            self._server = Server(self._home)
        return self._server.fork(settings["cwd"], settings["env"], report)

    def end(self) -> None:
        if self._server is not None:
            self._server.end()


@contextmanager
def _subreaper() -> Iterator[None]:
    """Have the kernel give this process what the server's helper leaves, and not for longer: it is a whole child."""
    prctl = ctypes.CDLL(None).prctl
    assert prctl(_PR_SET_CHILD_SUBREAPER, 1) == 0
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0)
