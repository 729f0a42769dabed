"""One conversion in a child process, from its order to its report: what the child left is untrusted.

This process is the supervisor: it imports no TensorFlow, and outlives whatever the model does.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import QuantizationType
from tflite_api.steps.step import ConvertedModel
from tflite_api.text import one_line
from tflite_converter.convert.launch import launch
from tflite_converter.convert.order import ConversionOrder
from tflite_converter.core.failure import OWN_CURE, StepFailure
from tflite_converter.core.step_files import CONVERTED_FILE, REPORT_DATA_FILE, read_model, write_model
from tflite_converter.worker import supervisor
from tflite_converter.worker.cgroup import MemoryGroup
from tflite_converter.worker.messages import CONVERTING, VERIFYING
from tflite_converter.worker.process import Child
from tflite_converter.worker.supervisor import CONVERSION, Listener, Work

_LOG = logging.getLogger(__name__)
_REPORT: Final = Work("measurement for the report page", OWN_CURE)
_DOING: Final = {
    CONVERTING: "as TensorFlow measured the activations of the model and quantized it for quantization.type {}",
    VERIFYING: "as LiteRT ran the artifact of quantization.type {}",
}
"""What a calibrated type's child was at in a phase: only there does another type help."""


@dataclass(frozen=True)
class Conversion:
    """A conversion that went well, and what it took."""

    converted: ConvertedModel
    peak_memory_bytes: int


class ConversionFailed(StepFailure):
    """A conversion that did not go well, and what it took."""

    def __init__(self, failure: StepFailure, peak_memory_bytes: int) -> None:
        """Take over everything the failure says."""
        super().__init__(failure.reason, failure.found, failure.cure)
        self.signature, self.verification, self.targets = failure.signature, failure.verification, failure.targets
        self.trials, self.keep_float, self.is_final = failure.trials, failure.keep_float, failure.is_final
        self.benchmark = failure.benchmark
        self.peak_memory_bytes = peak_memory_bytes


def run(
    order_of: Callable[[Path], ConversionOrder],
    phase: Callable[[str], None],
    timeout_seconds: float | None = None,
    ahead: Child | None = None,
) -> Conversion:
    """Convert as ordered; leaves `model.tflite` and `converted.json` in the order's output folder.

    Args:
        order_of: gives the order to a child with this scratch folder.
        phase: is told the phases.
        timeout_seconds: after which the conversion fails with DeadlineExceeded; None where somebody else watches.
        ahead: a child that was started already.

    Raises:
        ConversionFailed: what is wrong with the model, the spec or the result; or what became of the child.
    """
    proof = secrets.token_hex(16)
    phases: list[str] = []

    def hear(found: str) -> None:
        phases.append(found)
        phase(found)

    listener = Listener(hear, lambda line: _LOG.debug("%s", line))
    with ahead or launch() as worker:
        order = order_of(worker.scratch)
        sent = order.model_copy(update={"proof": proof}).model_dump_json(by_alias=True, exclude_none=True)
        end = supervisor.run(worker, sent.encode(), listener, timeout_seconds)
    group = MemoryGroup.of_this_process()
    work = _work(order.quantization.type, phases)
    failure = supervisor.explain(end, group.limit() if group else None, proof, work)
    if failure is not None:
        if failure.reason in {Reason.INTERNAL_ERROR, Reason.CONVERSION_CRASHED}:
            _LOG.error("The child's last lines:\n%s", end.tail)
        raise ConversionFailed(failure, end.peak_bytes)
    output_dir = Path(order.output_dir)
    try:
        converted = _report(output_dir)
    except StepFailure as refused:
        raise ConversionFailed(refused, end.peak_bytes) from refused
    cut_short = supervisor.explain(end, group.limit() if group else None, work=_REPORT)
    if order.report and cut_short is not None and not (output_dir / REPORT_DATA_FILE).exists():
        _LOG.error("The child's last lines:\n%s", end.tail)
        converted = converted.model_copy(update={"report_problem": converted.report_problem or cut_short.message})
        write_model(output_dir / CONVERTED_FILE, converted)
    return Conversion(converted, end.peak_bytes)


def _work(kind: QuantizationType, phases: Sequence[str]) -> Work:
    """Return what a child was at, to say where it crashes: nothing of it is known but the phases that it told."""
    doing = next((words for phase, words in _DOING.items() if phases and phases[-1].startswith(phase)), None)
    if doing is None or not kind.facts.is_calibrated:
        return CONVERSION
    cure = f"use quantization.type {QuantizationType.DYNAMIC_RANGE}, which measures no activations"
    return Work(CONVERSION.name, cure, doing.format(kind))


def _report(output_dir: Path) -> ConvertedModel:
    try:
        return read_model(output_dir / CONVERTED_FILE, ConvertedModel)
    except ValueError as error:
        message = f"The conversion left no well-formed report: {one_line(str(error), 600)}"
        cure = "The model interferes with its conversion: do not trust it"
        raise StepFailure(Reason.CONVERSION_CRASHED, message, cure) from error
