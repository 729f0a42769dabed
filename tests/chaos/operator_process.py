"""The operator in many lives, each ended by SIGKILL: before, during or after a chosen call, or anywhere.

Reads a Lifetime a line, and answers with lines of what became of that life. A life is a fork of this process, which has
imported everything and run nothing: as fresh as a new process, and without its second of imports.
"""

import json
import os
import select
import signal
import sys
import time
from typing import Any

import aiohttp

from tests.chaos.calls import Lifetime
from tests.chaos.kill_points import KillPoints
from tflite_operator.main import main


def live(lifetime: Lifetime, report: int) -> None:
    """Be the operator until the end."""
    kill_points = KillPoints(lifetime, report)
    begin = aiohttp.ClientSession.__init__

    def traced(session: aiohttp.ClientSession, *given: Any, **named: Any) -> None:
        begin(session, *given, **named | {"trace_configs": [*(named.get("trace_configs") or ()), kill_points.trace()]})

    aiohttp.ClientSession.__init__ = traced  # type: ignore[method-assign, assignment] # in this life's process alone
    code = 0
    try:
        main()
    except SystemExit as ending:
        print(ending, file=sys.stderr)
        code = 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def attend(pid: int, seconds: float | None) -> int:
    """Wait for the end of a life, and bring it about when its time is up; give how it ended, as subprocess does."""
    watched = os.pidfd_open(pid)
    if not select.select([watched], [], [], seconds)[0]:
        os.kill(pid, signal.SIGKILL)
    os.close(watched)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def answer(**words: object) -> None:
    print(json.dumps(words), flush=True)


def serve() -> None:
    for line in sys.stdin:
        lifetime = Lifetime.from_json(line)
        reading, writing = os.pipe()
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            sys.stdin.close()
            # What a life prints must not be taken for this process's answers.
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            live(lifetime, writing)
        os.close(writing)
        answer(pid=pid)
        code = attend(pid, lifetime.seconds)
        with os.fdopen(reading) as said:
            words = [json.loads(one) for one in said]
        last: dict[str, str] = next((one for one in words if "call" in one), {})
        seen = [one["seen"] for one in words if "seen" in one]
        answer(code=code, seen=seen, lived=round(time.monotonic() - begun, 3), **last)


if __name__ == "__main__":
    serve()
