"""Runs long commands that must not outlive the program that started them."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dev.host.errors import DevError

# A killed `up` takes the command with it, whatever way it was killed ...
TIED = ("setpriv", "--pdeathsig", "KILL", "--")
# ... and everything that the command has started, with all it has mounted.
CONTAINED = (*TIED, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")


def run(
    argv: list[str],
    log: Path,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    contained: bool = False,
) -> None:
    """Run a command to its end, with its output in a log.

    Raises:
        DevError: it failed; the message has the end of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    prefix = CONTAINED if contained else TIED
    with log.open("wb") as output:
        done = subprocess.run(
            [*prefix, *argv],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    if done.returncode != 0:
        raise DevError(f"{log.stem} {outcome(done.returncode)}. The end of {log}:\n{tail(log)}")


def outcome(code: int) -> str:
    """Return how a process ended, in words."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed with exit code {code}"


def tail(log: Path, lines: int = 30) -> str:
    """Return the end of a log."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(there is no log)"
