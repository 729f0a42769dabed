"""What a tool may use; set in its own process before it reads the file. Needs the standard library alone."""

import os
import resource
import sys
from typing import Final

MEMORY_BYTES: Final = 4 * 1024**3
"""Of addresses. Vela and tflite-micro took 0.05 GB on each of the models that were tried."""
FILE_BYTES: Final = 1024**3
SECONDS: Final = 600
"""Of the processor's time, and of the clock's. Vela takes less than a second for a MobileNet."""


def set_bounds() -> None:
    """Have the kernel refuse this process more; what it has started with stays."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))


def done() -> None:
    """Leave at once: what a library does at the end of a process has nothing more to say."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
