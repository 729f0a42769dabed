"""How a step fails: one exception type that carries the reason, what was found and what to change."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import KeepFloat
from tflite_api.resource.status import ArtifactSignature, Benchmark, MeasuredError, TargetFit, Trial
from tflite_api.steps.step import StepResult
from tflite_api.text import MESSAGE_CHARACTERS, one_line

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says where a disk, or what one may have of it, is full."""


def exhausted_resource(error: BaseException) -> Reason | None:
    """Return OutOfMemory or OutOfDisk where that is what an exception of Python's own means."""
    if isinstance(error, MemoryError):
        return Reason.OUT_OF_MEMORY
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return Reason.OUT_OF_DISK
    return None


class Said(Enum):
    """Where a cure is that whoever raises a failure does not write down."""

    BY_REASON = "the reason's own cure fits, or there is none because it is tried again"
    BY_MESSAGE = "what was found says what to change, as the rules of the schema do"


OWN_CURE: Final = Said.BY_REASON
IN_MESSAGE: Final = Said.BY_MESSAGE

Cure = str | Said


class StepFailure(Exception):  # noqa: N818 - a failure is an outcome of a step, foreseen and named
    """A step ends for a reason that is known.

    It says what was found and what to change; it never holds a secret.
    """

    is_final = False
    """Whether no other quantization of the model helps, whatever the reason is."""

    def __init__(
        self,
        reason: Reason,
        found: str,
        cure: Cure,
        *,
        signature: ArtifactSignature | None = None,
        verification: MeasuredError | None = None,
        keep_float: KeepFloat | None = None,
        targets: tuple[TargetFit, ...] | None = None,
    ) -> None:
        """Keep the reason, what is told of it and what was measured until then.

        Args:
            reason: why it ends.
            found: what was found; made one printable line.
            cure: what to change, behind a colon; a sentence of its own where it begins with a capital.
            signature: of the artifact, as far as it was made.
            verification: of the artifact, as far as it was measured.
            keep_float: what the quantization would have to leave in floats.
            targets: what of the artifact runs on which, as far as it was looked at.
        """
        self.reason = reason
        self.found = one_line(found)
        self.cure = cure
        self.message = one_line(found) if isinstance(cure, Said) else _advising(found, cure)
        self.signature = signature
        self.verification = verification
        self.keep_float = keep_float
        self.trials: tuple[Trial, ...] | None = None
        """What type Auto tried before it failed."""
        self.targets = targets
        self.benchmark: Benchmark | None = None
        """What the artifact takes as it runs, as far as it was measured."""
        super().__init__(f"{reason}: {self.message}")

    @property
    def cure_given(self) -> bool:
        """Return whether the message says what to change."""
        return self.cure is not OWN_CURE

    def result(self) -> StepResult:
        """Return the report of the failed step."""
        return StepResult(
            reason=self.reason,
            message=self.message,
            cure_given=self.cure_given or None,
            signature=self.signature,
            verification=self.verification,
            trials=self.trials,
            targets=self.targets,
            benchmark=self.benchmark,
        )


def _advising(found: str, cure: str) -> str:
    """Return what was found and what to change as one line; of both what was found is cut off where they are long."""
    advice = one_line(cure, MESSAGE_CHARACTERS // 2)
    said = one_line(found, MESSAGE_CHARACTERS - len(advice) - 2)
    return f"{said.rstrip('.')}. {advice}" if advice[:1].isupper() else f"{said}: {advice}"


@contextmanager
def told_of_variant(name: str) -> Iterator[None]:
    """Have what fails in here say of which variant it is told."""
    try:
        yield
    except StepFailure as failure:
        failure.found, failure.message = (one_line(f"Variant {name}: {it}") for it in (failure.found, failure.message))
        failure.args = (f"{failure.reason}: {failure.message}",)
        raise


class RunRefused(Exception):  # noqa: N818 - what a model does with a sample that is not for it
    """A model cannot take a sample; the message has TensorFlow's words."""
