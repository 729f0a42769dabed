"""Which signatures of two files are compared, and on which inputs."""

import pytest

from tflite_api.reasons import Reason
from tflite_converter.compare.pairing import pair_signatures
from tflite_converter.core.failure import StepFailure
from tflite_converter.core.tensors import SignatureFacts, TensorFacts

Shape = tuple[int, ...]


Signatures = dict[str, SignatureFacts]


def signature(key: str, *inputs: tuple[str, str, Shape], outputs: tuple[str, ...] = ("y",)) -> Signatures:
    given = tuple(TensorFacts(name, dtype, shape) for name, dtype, shape in inputs)
    return {key: SignatureFacts(key, given, tuple(TensorFacts(name, "float32", (-1, 2)) for name in outputs))}


def x(*shape: int, dtype: str = "float32") -> tuple[str, str, Shape]:
    return ("x", dtype, shape)


def test_all_keys_that_both_have_are_compared() -> None:
    ours = signature("a", x(1)) | signature("b", x(1)) | signature("c", x(1))
    theirs = signature("b", x(1)) | signature("c", x(1)) | signature("d", x(1))
    assert [pair.artifact_key for pair in pair_signatures(ours, theirs, None)] == ["b", "c"]
    assert [pair.artifact_key for pair in pair_signatures(ours, theirs, "c")] == ["c"]


def test_where_each_has_one_signature_input_and_output_names_do_not_matter() -> None:
    theirs = signature("infer", ("images", "float32", (1,)), outputs=("scores",))
    (pair,) = pair_signatures(signature("serving_default", x(1)), theirs, None)
    assert (pair.artifact_key, pair.reference.key) == ("serving_default", "infer")
    assert (pair.input_names, pair.output_names) == ({"images": "x"}, {"scores": "y"})


@pytest.mark.parametrize(
    ("ours", "theirs", "shared"),
    [
        ((1, 8), (-1, 8), (1, 8)),
        ((-1, 8), (4, -1), (4, 8)),
        ((-1, -1), (-1, -1), (-1, -1)),
        ((), (), ()),
    ],
)
def test_inputs_get_shapes_that_both_take(ours: Shape, theirs: Shape, shared: Shape) -> None:
    (pair,) = pair_signatures(signature("s", x(*ours)), signature("s", x(*theirs)), None)
    assert pair.reference.inputs[0].shape == shared


@pytest.mark.parametrize(
    ("ours", "theirs", "key", "reason", "word"),
    [
        (signature("a", x(1)), signature("b", x(1)) | signature("c", x(1)), None, Reason.SIGNATURE_NOT_FOUND, "b, c"),
        (signature("a", x(1)), signature("a", x(1)), "z", Reason.SIGNATURE_NOT_FOUND, "signature z"),
        ({}, signature("a", x(1)), None, Reason.SIGNATURE_NOT_FOUND, "none"),
        (
            signature("a", x(1), ("z", "float32", (1,))),
            signature("a", x(1)),
            None,
            Reason.INPUT_NOT_FOUND,
            "has x, z",
        ),
        (
            signature("a", x(1), outputs=("p", "q")),
            signature("a", x(1), outputs=("p", "r")),
            None,
            Reason.INPUT_NOT_FOUND,
            "outputs of signature a",
        ),
        (signature("a", x(1, 8)), signature("a", x(2, 8)), None, Reason.INPUT_SHAPE_MISMATCH, "[1, 8]"),
        (signature("a", x(8)), signature("a", x(2, 8)), None, Reason.INPUT_SHAPE_MISMATCH, "[8]"),
        (signature("a", x(8, dtype="int32")), signature("a", x(8)), None, Reason.INPUT_UNSUPPORTED, "int32"),
    ],
)
def test_two_that_do_not_fit_are_told_apart_by_name(
    ours: Signatures, theirs: Signatures, key: str | None, reason: Reason, word: str
) -> None:
    with pytest.raises(StepFailure) as caught:
        pair_signatures(ours, theirs, key)
    assert caught.value.reason is reason
    assert word in caught.value.message
