"""What to try where the plain way of converting fails: a short ordered list, each entry with the failure it answers."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization_types import HALF_PRECISION
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts
from tflite_converter.model import operations
from tflite_converter.model.operations import LackingOperations
from tflite_converter.model.signature import single_batch
from tflite_converter.quantize.quantization import LoopsNotMeasured

PLAIN: Final = "Plain"
_SINGLE_BATCH: Final = "SingleBatch"
_FUSED_LSTM: Final = "FusedLSTM"
_UNROLLED_LOOPS: Final = "UnrolledLoops"


@dataclass(frozen=True)
class Attempt:
    """One way of converting a model."""

    signatures: tuple[SignatureFacts, ...]
    """What is converted, with the shapes to pin."""
    select_tf_allowed: bool = False
    """Whether the spec allows TensorFlow's own operations."""
    names: tuple[str, ...] = ()
    """The strategies in it."""
    single_batch: bool = False
    fused_lstm: bool = False
    unrolled_loops: bool = False
    custom: bool = False
    """Whether operations stay custom operators that LiteRT has."""
    select_tf: bool = False
    retyped: bool = False

    @property
    def name(self) -> str:
        """Name it as status shows it."""
        return "+".join(self.names) or PLAIN

    @property
    def half_precision(self) -> bool:
        """Return whether the model itself computes in float16 or bfloat16."""
        return HALF_PRECISION in self.names

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user of the artifact has to know about it."""
        notes = []
        if self.single_batch:
            notes.append("the batch is fixed at 1, as LiteRT's loops over time steps need")
        if self.fused_lstm:
            notes.append("its LSTMs keep their state between calls: reset the interpreter's variables before each")
        if self.unrolled_loops:
            notes.append("its loops are written out, so that it grows with the number of time steps")
        if self.custom:
            notes.append("it has custom operators, which LiteRT's own resolver knows")
        if self.half_precision:
            notes.append("it computes in float32 what the model rounds to float16 or bfloat16: the error holds that")
        elif self.retyped:
            notes.append("it computes in float32 what the model computes in float64")
        return tuple(notes)

    @property
    def batch_cure(self) -> str | None:
        """Return what to change if its loops turn out to be wrong for batches fixed at more than 1, else None."""
        fixed = {
            f"{tensor.name} at {tensor.shape[0]}"
            for signature in self.signatures
            for tensor in signature.inputs
            if self.single_batch and tensor.shape and tensor.shape[0] > 1
        }
        if not fixed:
            return None
        return f"Pin the first dimension at 1 in signature.inputs, instead of {', '.join(sorted(fixed))}"


@dataclass(frozen=True)
class Strategy:
    """A change of an attempt that answers a named failure."""

    name: str
    answers: Callable[[Attempt, StepFailure], bool]
    apply: Callable[[Attempt], Attempt]


def _loops_over_batches(attempt: Attempt, failure: StepFailure) -> bool:
    """Return whether lists of tensors need a fixed batch: the converter must know the shape of each tensor."""
    return isinstance(failure, LackingOperations) and operations.are_tensor_lists(failure.operations)


def _with_single_batch(attempt: Attempt) -> Attempt:
    return replace(attempt, signatures=tuple(map(single_batch, attempt.signatures)), single_batch=True)


def _has_loops_that_cannot_be_measured(attempt: Attempt, failure: StepFailure) -> bool:
    """Return whether loops keep the calibrator from measuring: it follows none, but knows a fused LSTM."""
    return isinstance(failure, LoopsNotMeasured) and not attempt.fused_lstm and not attempt.unrolled_loops


def _with_fused_lstm(attempt: Attempt) -> Attempt:
    return replace(attempt, fused_lstm=True)


def _has_loops_that_are_no_lstm(attempt: Attempt, failure: StepFailure) -> bool:
    """Keras 2 alone marks what is fused, and that has no 16-bit form; any short loop can be written out."""
    return failure.reason is Reason.OPERATION_NOT_QUANTIZABLE and attempt.fused_lstm


def _with_unrolled_loops(attempt: Attempt) -> Attempt:
    # Writing out puts the bodies of functions in the place of their marks.
    names = tuple(name for name in attempt.names if name != _FUSED_LSTM)
    return replace(attempt, fused_lstm=False, unrolled_loops=True, names=names)


def other_form(attempt: Attempt) -> Attempt | None:
    """Return another way to convert what has been converted, where it may come out better: None if there is none."""
    if not attempt.fused_lstm:
        return None
    unrolled = _with_unrolled_loops(attempt)
    return replace(unrolled, names=(*unrolled.names, _UNROLLED_LOOPS))


def _lacks_what_is_custom(_: Attempt, failure: StepFailure) -> bool:
    return isinstance(failure, LackingOperations) and failure.are_custom


def _with_custom(attempt: Attempt) -> Attempt:
    return replace(attempt, custom=True)


def _lacks_what_tensorflow_has(attempt: Attempt, failure: StepFailure) -> bool:
    return attempt.select_tf_allowed and isinstance(failure, LackingOperations) and failure.flex_has_them


def _with_select_tf(attempt: Attempt) -> Attempt:
    return replace(attempt, select_tf=True)


def _computes_in_half_precision(_: Attempt, failure: StepFailure) -> bool:
    return isinstance(failure, LackingOperations) and not operations.HALVES.isdisjoint(failure.dtypes)


def _computes_in_double_precision(attempt: Attempt, failure: StepFailure) -> bool:
    return isinstance(failure, LackingOperations) and bool(failure.dtypes) and not attempt.retyped


def _with_float32(attempt: Attempt) -> Attempt:
    return replace(attempt, retyped=True)


STRATEGIES: Final = (
    Strategy(_SINGLE_BATCH, _loops_over_batches, _with_single_batch),
    Strategy(_FUSED_LSTM, _has_loops_that_cannot_be_measured, _with_fused_lstm),
    Strategy(_UNROLLED_LOOPS, _has_loops_that_are_no_lstm, _with_unrolled_loops),
    Strategy(HALF_PRECISION, _computes_in_half_precision, _with_float32),
    Strategy("Float32", _computes_in_double_precision, _with_float32),
    Strategy("CustomOperators", _lacks_what_is_custom, _with_custom),
    Strategy("SelectTF", _lacks_what_tensorflow_has, _with_select_tf),
)


def foreseen(signature: SignatureFacts, used: Collection[str]) -> Attempt:
    """Return the attempt that a signature will take, as far as its operations tell before anything is tried.

    They foretell nothing of what integers need.
    """
    attempt = Attempt((signature,))
    if operations.are_tensor_lists(used) and single_batch(signature) != signature:
        return replace(_with_single_batch(attempt), names=(_SINGLE_BATCH,))
    return attempt


def next_attempt(failed: Attempt, failure: StepFailure) -> Attempt | None:
    """Return what to try after a failure; None where nothing here answers it."""
    for strategy in STRATEGIES:
        if strategy.name not in failed.names and strategy.answers(failed, failure):
            applied = strategy.apply(failed)
            return replace(applied, names=(*applied.names, strategy.name))
    return None
