"""What passes from a child that runs a model to its supervisor: lines of JSON."""

from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints

from tflite_api.reasons import Reason
from tflite_api.resource.quantization import KeepFloat
from tflite_api.resource.status import ArtifactSignature, Benchmark, MeasuredError
from tflite_api.schema import Boolean, Schema
from tflite_api.steps.step import TargetFits
from tflite_api.text import MESSAGE_CHARACTERS
from tflite_converter.core.failure import IN_MESSAGE, OWN_CURE, StepFailure

REPORT_BYTES: Final = 64 * 1024
"""How much the supervisor reads of the child's lines; a hostile child may write without end."""
CONVERTING: Final = "Converting"
"""How a phase begins in which TensorFlow's converter runs."""
VERIFYING: Final = "Verifying"
"""The phase in which LiteRT runs the artifact."""


class ChildFailure(Schema):
    """A failure as the child reports it, parsed as untrusted input."""

    reason: Reason
    message: Annotated[str, StringConstraints(max_length=MESSAGE_CHARACTERS)]
    cure_given: Boolean | None = None
    """See StepResult."""
    signature: ArtifactSignature | None = None
    verification: MeasuredError | None = None
    keep_float: KeepFloat | None = None
    is_final: Boolean | None = None
    targets: TargetFits | None = None
    benchmark: Benchmark | None = None

    @classmethod
    def of(cls, failure: StepFailure) -> Self:
        """Take a failure as it is."""
        return cls(
            reason=failure.reason,
            message=failure.message,
            cure_given=failure.cure_given or None,
            signature=failure.signature,
            verification=failure.verification,
            keep_float=failure.keep_float,
            is_final=failure.is_final or None,
            targets=failure.targets,
            benchmark=failure.benchmark,
        )

    def failure(self) -> StepFailure:
        """Return the failure as this process raises it."""
        cure = IN_MESSAGE if self.cure_given else OWN_CURE
        failure = StepFailure(
            self.reason,
            self.message,
            cure,
            signature=self.signature,
            verification=self.verification,
            keep_float=self.keep_float,
            targets=self.targets,
        )
        failure.benchmark = self.benchmark
        failure.is_final = bool(self.is_final)
        return failure


class ChildLine(Schema):
    """One line from the child: a phase that begins, the failure that ends it, or the proof that all is done."""

    phase: Annotated[str, StringConstraints(max_length=100)] | None = None
    failure: ChildFailure | None = Field(default=None)
    done: Annotated[str, StringConstraints(max_length=100)] | None = None
