"""What is said of a model that takes nothing that is generated."""

import pytest

from tflite_api.reasons import Reason
from tflite_converter.core.failure import RunRefused, StepFailure
from tflite_converter.core.tensors import Outputs, Sample, Shape, TensorFacts
from tflite_converter.verify.reference import Reference, observe


@pytest.mark.parametrize(
    ("shape", "cures"),
    [
        ((-1, 8), ["signature.inputs", "verification.samples"]),
        (None, ["signature.inputs", "verification.samples"]),
        # Its owner has pinned all there is to pin.
        ((1, 8), ["verification.samples"]),
    ],
)
def test_a_model_that_refuses_all_generated_inputs_is_told_what_can_help(shape: Shape | None, cures: list[str]) -> None:
    def run(_: Sample) -> Outputs:
        raise RunRefused("expected 9 columns")

    with pytest.raises(StepFailure, match="expected 9 columns") as raised:
        observe(run, [TensorFacts("x", "float32", shape)], {}, None, assigns_state=False)
    assert raised.value.reason is Reason.VERIFICATION_FAILED
    advice = raised.value.message.rpartition("): ")[2]
    assert [field for field in ("signature.inputs", "verification.samples") if field in advice] == cures


def test_inputs_that_the_model_takes_are_kept() -> None:
    def run(sample: Sample) -> Outputs:
        return {"y": sample["x"] * 2}

    seen: Reference = observe(run, [TensorFacts("x", "float32", (1, 8))], {}, None, assigns_state=False)
    assert seen.responds
    assert seen.repeats
    assert seen.doubt is None
