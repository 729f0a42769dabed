"""An artifact takes and gives what its model does."""

import pytest

from tflite_api.reasons import Reason
from tflite_converter.artifact.flatbuffer import ArtifactFacts
from tflite_converter.convert import artifact_signature
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts


def signature(given: str = "float32", taken: str = "float32") -> SignatureFacts:
    return SignatureFacts("serve", (TensorFacts("x", given, (1, 4)),), (TensorFacts("y", taken, (1, 2)),))


def artifact(found: SignatureFacts) -> ArtifactFacts:
    return ArtifactFacts((found,), (), frozenset(), frozenset())


@pytest.mark.parametrize(
    ("given", "taken", "named"), [("uint8", "float32", "input x"), ("float32", "int8", "output y")]
)
def test_integers_in_the_place_of_real_numbers_are_refused_if_nobody_asked_for_them(
    given: str, taken: str, named: str
) -> None:
    found = artifact(signature(given, taken))
    with pytest.raises(StepFailure) as refused:
        artifact_signature.checked(found, signature())
    assert refused.value.reason is Reason.CONVERSION_FAILED
    assert named in str(refused.value)
    assert artifact_signature.checked(found, signature(), integer_io=True).inputs[0].dtype == given


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "int32", "bool"])
def test_what_the_model_takes_may_be_what_the_artifact_takes(dtype: str) -> None:
    found = "float32" if dtype in {"float64", "bfloat16"} else dtype
    kept = artifact_signature.checked(artifact(signature(found)), signature(dtype))
    assert kept.inputs[0].dtype == found
