"""Asks kstatus, the Go library by which Flux and others tell whether a resource is done."""

import json
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from dev.building import binaries
from dev.host.checkout import Checkout

Object = dict[str, Any]
Reader = Callable[[Sequence[Object]], list[tuple[str, str]]]
"""Returns a tool's word for each object, and its message."""


def compute(objects: Sequence[Object]) -> list[tuple[str, str]]:
    """Return kstatus' word (InProgress, Current, Failed, Terminating) and its message for each object."""
    program = binaries.make_tool(Checkout.here(), "kstatus")
    asked = "\n".join(map(json.dumps, objects))
    done = subprocess.run([program], input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(objects)
    return [(one["status"], one["message"]) for one in answers]
