"""Running a target's tool: a process of its own, with bounds, whose words are untrusted."""

import importlib.metadata
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.text import one_line, printable
from tflite_converter.core.failure import StepFailure
from tflite_converter.targets.tools import bounds
from tflite_converter.worker import process

SAID_FILE: Final = "said.txt"
_SAID_BYTES: Final = 1024**2
_WORDS: Final = 300


@dataclass(frozen=True)
class Tool:
    """What says what of a file runs on a target."""

    package: str
    """Its distribution, by the name that pip knows."""
    module: str
    """Ours, in which it runs."""
    called: str
    """Its name in messages."""
    platforms: str
    """What PyPI has it for."""

    @property
    def version(self) -> str | None:
        """Which one is installed; None where none is."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None

    @property
    def title(self) -> str:
        """The package and its version."""
        return f"{self.package} {self.version}"


@dataclass(frozen=True)
class ToolEnd:
    """How a tool ended."""

    said: str
    """What it printed, up to a bound; may hold anything."""
    status: int | None
    """Its exit code, negative for a signal; None where its time was up."""

    @property
    def succeeded(self) -> bool:
        """Return whether it did its work."""
        return self.status == 0

    @property
    def words(self) -> str:
        """How it failed, with its last words."""
        lines = [line for line in self.said.splitlines() if line.strip()]
        last = f": {one_line(lines[-1], _WORDS)}" if lines else ""
        if self.status is None:
            return f"took longer than {bounds.SECONDS} s"
        if self.status < 0:
            return f"ended by {_signal_name(-self.status)}{last}"
        return f"failed{last}"


def run(tool: Tool, arguments: Sequence[str], folder: Path) -> ToolEnd:
    """Run a tool in a folder, where it may write; what it prints goes to a file there.

    Raises:
        StepFailure: TargetUnmet where it is not installed.
    """
    if tool.version is None:
        raise StepFailure(
            Reason.TARGET_UNMET,
            f"{tool.called} is not installed beside this converter: PyPI has {tool.package} for {tool.platforms}",
            "leave out the target that it is for, or convert where it is",
        )
    said = folder / SAID_FILE
    # A thread for each of a node's processors would take more addresses than the tool may have.
    environment = {**process.environment(os.environ, folder), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with said.open("wb") as output:
        child = subprocess.Popen(
            [*process.command(tool.module), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
        )
        try:
            status: int | None = child.wait(bounds.SECONDS)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            child.kill()
            child.wait()
    with said.open("rb") as written:
        # What counts comes last.
        written.seek(-min(_SAID_BYTES, said.stat().st_size), os.SEEK_END)
        text = printable_lines(written.read(_SAID_BYTES))
    return ToolEnd(text, status)


def printable_lines(content: bytes) -> str:
    """Return untrusted bytes as lines of printable characters."""
    return "\n".join(printable(line) for line in content.decode(errors="replace").splitlines())


def fresh_folder(scratch: Path, name: str) -> Path:
    """Return an empty folder of this name."""
    folder = scratch / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
