"""The child's side of its talk with the supervisor."""

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

from tflite_api.reasons import Reason
from tflite_converter.core.failure import OWN_CURE, StepFailure, exhausted_resource
from tflite_converter.worker.messages import ChildFailure, ChildLine

_LOG = logging.getLogger(__name__)


_PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h"""


def die_with_parent() -> None:
    """Have the kernel kill this process when the supervisor dies, however it dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Report:
    """Lines of JSON to the supervisor; every one is out before the model runs on."""

    def __init__(self, descriptor: int) -> None:
        """Write to a file descriptor that the supervisor opened."""
        self.descriptor = descriptor

    def announce(self, phase: str) -> None:
        """Report a phase that begins."""
        self._line(phase=phase)

    def failure(self, failure: StepFailure) -> None:
        """Report the failure that ends the child."""
        self._line(failure=ChildFailure.of(failure))

    def done(self, proof: str) -> None:
        """Report that all is done, with the message that the order has for it."""
        self._line(done=proof)

    def _line(self, **content: Any) -> None:  # noqa: ANN401 - ChildLine checks it
        line = ChildLine(**content).model_dump_json(by_alias=True, exclude_none=True)
        os.write(self.descriptor, line.encode() + b"\n")


def reported(
    work: Callable[[], None], report: Report, exhausted: Callable[[Exception], Reason | None] = exhausted_resource
) -> int:
    """Do some work, and report every failure and every exception instead of letting it through.

    Gives the exit code: 0, or 1 where a failure was reported. The traceback of an unforeseen one goes to stderr.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        work()
    except StepFailure as failure:
        report.failure(failure)
    except Exception as error:  # noqa: BLE001 - whatever a model brings about must become a reason
        _LOG.exception("Unexpected error")
        report.failure(_unforeseen(error, exhausted(error)))
    else:
        return 0
    return 1


def _unforeseen(error: Exception, reason: Reason | None) -> StepFailure:
    kind = type(error).__name__
    if reason is not None:
        return StepFailure(reason, f"{kind}: {error}", OWN_CURE)
    # Its text may be told: there are no secrets in this process.
    return StepFailure(Reason.INTERNAL_ERROR, f"Unexpected {kind} (the traceback is in the log): {error}", OWN_CURE)
