"""Choosing tags, signature and shapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflite_api.reasons import Reason
from tflite_api.spec import InputPin
from tflite_converter.failure import StepFailure
from tflite_converter.signature import (
    SignatureFacts,
    TensorFacts,
    check_types,
    choose_signature,
    choose_tags,
    pin_inputs,
)

IMAGE = TensorFacts("image", "float32", (-1, 224, 224, 3))
SCALE = TensorFacts("scale", "float32", ())
ANY = TensorFacts("any", "float32", None)


def signature(key: str = "serving_default", *inputs: TensorFacts) -> SignatureFacts:
    return SignatureFacts(key, inputs, (TensorFacts("out", "float32", (-1, 10)),))


@pytest.mark.parametrize("available", [["serve"], [], ["serve", "gpu"]])
def test_the_only_set_of_tags_is_found(available: list[str]) -> None:
    assert choose_tags([frozenset(available)], None) == frozenset(available)


def test_tags_are_a_set() -> None:
    sets = [frozenset({"serve"}), frozenset({"serve", "gpu"})]
    assert choose_tags(sets, ("gpu", "serve")) == sets[1]


@pytest.mark.parametrize("asked", [None, ("tpu",), ("gpu",), ()])
def test_other_tags_are_refused_with_those_there_are(asked: tuple[str, ...] | None) -> None:
    with pytest.raises(StepFailure, match=r"\[serve\], \[gpu, serve\]") as caught:
        choose_tags([frozenset({"serve"}), frozenset({"serve", "gpu"})], asked)
    assert caught.value.reason is Reason.TAGS_NOT_FOUND


@pytest.mark.parametrize(
    ("keys", "asked", "chosen"),
    [
        (["a", "serving_default"], None, "serving_default"),
        (["a"], None, "a"),
        (["a", "b"], "b", "b"),
        (["a", "serving_default"], "a", "a"),
    ],
)
def test_a_signature_is_chosen(keys: list[str], asked: str | None, chosen: str) -> None:
    assert choose_signature({key: signature(key) for key in keys}, asked).key == chosen


@pytest.mark.parametrize(("keys", "asked"), [(["a", "b"], None), (["a", "b"], "c"), ([], None), ([], "c")])
def test_an_unknown_signature_is_refused_with_those_there_are(keys: list[str], asked: str | None) -> None:
    with pytest.raises(StepFailure) as caught:
        choose_signature({key: signature(key) for key in keys}, asked)
    assert caught.value.reason is Reason.SIGNATURE_NOT_FOUND
    assert ", ".join(keys) in caught.value.message


def test_an_input_without_a_pin_keeps_its_shape() -> None:
    pinned = pin_inputs(signature("s", IMAGE, SCALE), [InputPin(name="image", shape=(1, 224, 224, 3))])
    assert [tensor.shape for tensor in pinned.inputs] == [(1, 224, 224, 3), ()]


def test_an_unknown_input_is_refused_with_those_there_are() -> None:
    with pytest.raises(StepFailure, match=r"image: float32 \[-1, 224, 224, 3\]") as caught:
        pin_inputs(signature("s", IMAGE), [InputPin(name="picture", shape=(1,))])
    assert caught.value.reason is Reason.INPUT_NOT_FOUND


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 224, 224), "3 dimensions instead of 4"),
        ((1, 224, 225, 3), "dimension 2 is fixed at 224"),
        ((-1, -1, 224, 3), "dimension 1 is fixed at 224"),
    ],
)
def test_a_contradicting_shape_names_input_model_and_asked(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(StepFailure) as caught:
        pin_inputs(signature("s", IMAGE), [InputPin(name="image", shape=shape)])
    assert caught.value.reason is Reason.INPUT_SHAPE_MISMATCH
    for part in ("image", "[-1, 224, 224, 3]", str(list(shape)), words):
        assert part in caught.value.message


def test_an_unknown_rank_has_to_be_pinned() -> None:
    with pytest.raises(StepFailure, match="no known rank") as caught:
        pin_inputs(signature("s", ANY), [])
    assert caught.value.reason is Reason.INPUT_SHAPE_MISMATCH
    assert pin_inputs(signature("s", ANY), [InputPin(name="any", shape=(2, -1))]).inputs[0].shape == (2, -1)


@pytest.mark.parametrize("dtype", ["string", "resource", "variant"])
def test_strings_and_resources_are_refused(dtype: str) -> None:
    foreign = TensorFacts("text", dtype, (-1,))
    for wrong in (signature("s", foreign), SignatureFacts("s", (IMAGE,), (foreign,))):
        with pytest.raises(StepFailure, match=f"text: {dtype}") as caught:
            check_types(wrong)
        assert caught.value.reason is Reason.INPUT_UNSUPPORTED


DIMENSIONS = st.one_of(st.just(-1), st.integers(1, 4))


@given(st.lists(DIMENSIONS, max_size=4), st.lists(DIMENSIONS, max_size=4))
def test_a_pin_is_taken_exactly_where_it_narrows_the_model(model: list[int], asked: list[int]) -> None:
    facts = signature("s", TensorFacts("x", "float32", tuple(model)))
    narrows = len(model) == len(asked) and all(m in {-1, a} for m, a in zip(model, asked, strict=True))
    try:
        pinned = pin_inputs(facts, [InputPin(name="x", shape=tuple(asked))])
    except StepFailure as failure:
        assert failure.reason is Reason.INPUT_SHAPE_MISMATCH
        assert not narrows
    else:
        assert narrows
        assert pinned.inputs[0].shape == tuple(asked)
