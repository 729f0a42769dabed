"""Running a step as a container does: its request from the environment, its report to the termination log."""

import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from pydantic import ValidationError

from tflite_api.json_log import with_fields
from tflite_api.names import CA_BUNDLE_ENV, CONVERT, STEP_REQUEST_ENV
from tflite_api.reasons import Reason
from tflite_api.schema import describe
from tflite_api.steps.step import SIGNAL_BASE, ExitCode, StepRequest, StepResult, exit_code
from tflite_converter.convert.supervised import ConversionFailed
from tflite_converter.core.failure import IN_MESSAGE, OWN_CURE, Cure, StepFailure, exhausted_resource
from tflite_converter.worker.cgroup import peak_of_this_process

_LOG = logging.getLogger(__name__)
_TERMINATED: Final = SIGNAL_BASE + signal.SIGTERM


@dataclass
class Cost:
    """What a step takes; a step with a child adds the child's peak."""

    started: float = field(default_factory=time.monotonic)
    child_peak_bytes: int = 0

    def on(self, result: StepResult) -> StepResult:
        """Return the result with the duration (s) and the peak memory (bytes, children included) until now."""
        return result.model_copy(
            update={
                "duration_seconds": round(time.monotonic() - self.started, 3),
                "peak_memory_bytes": peak_of_this_process() + self.child_peak_bytes,
            }
        )


def read_request(environment: Mapping[str, str]) -> StepRequest:
    """Read the step's request.

    Raises:
        StepFailure: InvalidSpec where it is not there or does not fit.
    """
    text = environment.get(STEP_REQUEST_ENV)
    if text is None:
        raise StepFailure(
            Reason.INVALID_SPEC,
            f"The environment variable {STEP_REQUEST_ENV} is not set: this command is for the containers of a"
            " conversion's Job",
            "On your own machine use `tflite-convert run`",
        )
    try:
        return StepRequest.model_validate_json(text)
    except ValidationError as error:
        raise StepFailure(Reason.INVALID_SPEC, describe(error), IN_MESSAGE) from error


def guarded(work: Callable[[Cost], StepResult], step: str | None = None) -> StepResult:
    """Return the result of some work, whatever happens in it, with what it cost.

    An unexpected exception becomes InternalError in one line, with its traceback in the log.

    Args:
        work: takes what it costs as it goes.
        step: whose container this is; None on somebody's own machine.
    """
    cost = Cost()
    try:
        result = work(cost)
    except StepFailure as failure:
        if isinstance(failure, ConversionFailed):
            cost.child_peak_bytes = failure.peak_memory_bytes
        result = failure.result()
    except Exception as error:  # noqa: BLE001 - the one place that turns a bug into a reason
        _LOG.exception("Unexpected error")
        result = _unforeseen(error, step).result()
    return cost.on(result)


def _unforeseen(error: Exception, step: str | None) -> StepFailure:
    match exhausted_resource(error):
        case Reason.OUT_OF_MEMORY:
            return StepFailure(Reason.OUT_OF_MEMORY, "The step needs more memory than there is", _memory_cure(step))
        case Reason.OUT_OF_DISK:
            return StepFailure(Reason.OUT_OF_DISK, "The disk that this step writes to is full", OWN_CURE)
        case _:
            # Only the kind: the text of a foreign exception may quote what it was given.
            words = f"Unexpected {type(error).__name__}: the traceback is in the log"
            return StepFailure(Reason.INTERNAL_ERROR, words, OWN_CURE)


def _memory_cure(step: str | None) -> Cure:
    if step is None:
        return "use a machine with more"
    # spec.resources is about the container that converts.
    return OWN_CURE if step == CONVERT else f"raise spec.stepResources.{step}.limits.memory"


def report(step: str, result: StepResult, termination_log: Path) -> None:
    """Log a step's result and leave it where the kubelet finds it."""
    level = logging.INFO if exit_code(result.reason) is ExitCode.SUCCEEDED else logging.ERROR
    _LOG.log(level, "%s: %s", result.reason, result.message, extra=with_fields(step=step, reason=result.reason))
    try:
        termination_log.write_text(result.to_json())
    except OSError as error:
        _LOG.warning("The termination log cannot be written: %s", error.strerror)


def end_on_sigterm() -> None:
    """Have SIGTERM end this process: as process 1 of a container it would be ignored, and the pod linger."""

    def end(_number: int, _frame: FrameType | None) -> None:
        with suppress(ValueError):
            sys.stderr.flush()
        raise SystemExit(_TERMINATED)

    signal.signal(signal.SIGTERM, end)


def _work(work: Callable[[StepRequest, Cost], StepResult], cost: Cost) -> StepResult:
    if CA_BUNDLE_ENV in os.environ:
        from tflite_converter.fetch.network import ca_bundle  # noqa: PLC0415 - the model's step, which has none, pays nothing

        ca_bundle.trust(os.environ, Path(tempfile.gettempdir()))
    return work(read_request(os.environ), cost)


def run(step: str, work: Callable[[StepRequest, Cost], StepResult], termination_log: Path) -> ExitCode:
    """Run a step to its exit code."""
    end_on_sigterm()
    result = guarded(lambda cost: _work(work, cost), step)
    report(step, result, termination_log)
    return exit_code(result.reason)
